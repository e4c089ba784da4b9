"""Weights that a run wrote: whether they are its own, of which epoch, and in a network of its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import planned_network
from ltdsl_runtime.models.classifiers import use_factors
from ltdsl_runtime.models.scaled import FACTORS
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.averages import as_used
from ltdsl_runtime.weights.classes import must_be_ours

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from ltdsl.plan import Plan
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.weights.records import Keep, Saved


def load_own(path: Path, digest: str, keep: Keep | None = None) -> Saved:
    """Load a checkpoint that a run wrote itself, or what is wanted of its arrays.

    Raises:
        RunError: LT411, it is damaged; LT412, it is of another run.
    """
    saved = checkpoints.load(path, sealed=True, keep=keep)
    if saved.get("plan_sha256") != digest:
        raise RunError("LT412", f"{path} was written by a run of another plan")
    return saved


def facts_only(name: str, value: NDArray[Any]) -> NDArray[Any] | None:
    """Of a checkpoint's arrays, those that may say something of it: numbers."""
    del name
    return value if value.size == 1 else None


def epoch_of(saved: Saved, path: Path) -> int:
    """The epoch that a checkpoint was written at the end of, from 0.

    Raises:
        RunError: LT411, it does not say.
    """
    epoch = saved.get("epoch")
    if isinstance(epoch, np.ndarray) and epoch.size == 1 and epoch.dtype.kind in "iu":
        number = int(epoch.item())
        if number >= 0:
            return number
    raise RunError("LT411", f"{path} does not say which epoch it is of")


def restored_network(
    plan: Plan,
    num_classes: int,
    in_channels: int,
    saved: Saved,
    path: Path,
    class_names: Sequence[str] | None = None,
) -> Network:
    """A plan's model with the weights of a checkpoint, factors of `lws` included; averaged ones where it has any.

    Args:
        plan: The run.
        num_classes: Number of classes.
        in_channels: Channels of the images.
        saved: The checkpoint's content.
        path: Its file.
        class_names: What the network's classes are to be, in this order; None leaves them as the checkpoint has them.

    Raises:
        RunError: LT412, the checkpoint is that of another model; LT414, of other classes.
    """
    network, saved = planned_network(plan, num_classes, in_channels), as_used(saved)
    if FACTORS in saved:
        use_factors(network, num_classes)
    checkpoints.apply(must_be_ours(saved, path, network, class_names), network, path)
    return network
