"""What implements the tricks of one stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltdsl_runtime.graph.over_classes import SplitDivergence, SplitLoss
from ltdsl_runtime.plugged import implementation
from ltdsl_runtime.tricks.distillation import Divergence
from ltdsl_runtime.tricks.registry import LOSSES, MIXERS, TEACHERS

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from ltdsl.plan import StagePlan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.tricks.distillation import Distillation
    from ltdsl_runtime.tricks.losses import LossCell, Reduction
    from ltdsl_runtime.tricks.mixers import Mixer
    from ltdsl_runtime.tricks.registry import Sampling


@dataclass(frozen=True)
class StageTricks:
    """A stage's tricks, ready for its source and its graph.

    Attributes:
        sampling: What the sampler does beyond choosing images.
        mixer: See :class:`ltdsl_runtime.tricks.mixers.Mixer`; or None.
        loss: Of single images.
        reduction: Of a step's images, whoever shares them.
        distil: Adds a teacher to the loss; or None.
        learns_pairs: True where second images are drawn and learned as they are, mixed by nobody.
    """

    sampling: Sampling
    mixer: Mixer | None
    loss: LossCell
    reduction: Reduction
    distil: Distillation | None
    learns_pairs: bool

    def own(self, column: NDArray[Any], rows: slice) -> NDArray[Any]:
        """What one worker has of a column of the loss: its images, or its classes of all images.

        Args:
            column: A row for each image of all workers.
            rows: Which images are the worker's.
        """
        return self.loss.columns(column) if isinstance(self.loss, SplitLoss) else column[rows]


def build_tricks(
    stage: StagePlan, data: LoadedData, network: Network, sampling: Sampling, workers: Workers
) -> StageTricks:
    """Make a stage's tricks from their declarations.

    Args:
        stage: The stage.
        data: What is trained on.
        network: The trained one; it says which classes are this worker's.
        sampling: What the sampler does, which depends on the weights that the stage starts from.
        workers: Who share each step.
    """
    mixer = None
    if stage.mixer:
        mixer = implementation(MIXERS, stage.mixer)(stage.mixer, data.counts)
    loss, reduction = implementation(LOSSES, stage.loss)(stage.loss, data.counts)
    distil = implementation(TEACHERS, stage.teacher)(stage.teacher) if stage.teacher else None
    if workers.size > 1:
        reduction.share(workers.size)
    if network.part is not None:
        loss = SplitLoss(loss, network.part)
        if distil is not None:
            assert isinstance(distil.divergence, Divergence)  # of all classes yet
            distil.divergence = SplitDivergence(distil.divergence, network.part)
    return StageTricks(
        sampling, mixer, loss, reduction, distil, stage.has_partner and mixer is None
    )
