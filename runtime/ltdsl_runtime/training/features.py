"""Features that are computed once: under a frozen body they are the same in every epoch, and in every run.

An image's features depend on its pixels and on the body's weights, and on nothing that a classifier's stage changes. So
they are computed once for each image, or for each of its views, and the stage trains and is evaluated on them. They are
those that evaluation computes; whether a step that starts from images computes the very same bits is the machine's
business: the order of its sums may depend on how many images are in the network at once.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from mindspore import Tensor

from ltdsl import prefix
from ltdsl.cache import FEATURES, CacheError, Store
from ltdsl.cache.place import NO_STAGES
from ltdsl.system.memory import memory_limit
from ltdsl.system.opening import WEIGHTS, read_file
from ltdsl.system.writing import write_in
from ltdsl_runtime.clock import spent_on
from ltdsl_runtime.data.augment import AUGMENTATIONS, draw_view
from ltdsl_runtime.data.decoded import decoder, identity
from ltdsl_runtime.data.files import ImageFiles
from ltdsl_runtime.graph.features import FeatureStep, Head
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.machine.identity import machine_facts, source_digest
from ltdsl_runtime.plugged import implementation
from ltdsl_runtime.training.epochs.keys import computed_by
from ltdsl_runtime.training.evaluate import evaluator
from ltdsl_runtime.training.feature_source import FeatureRows, pieces
from ltdsl_runtime.tricks.registry import TRANSFORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ltdsl.catalogue import Augment
    from ltdsl.options import RunOptions
    from ltdsl.plan import Confidence, Plan, StagePlan
    from ltdsl.runs.facts import Facts
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.data.part import Part
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.training.evaluate import Evaluator

#: Images that are in the network at once.
BATCH_SIZE = 32

#: Where an entry of the cache has them.
FILE = "features.bin"


def are_kept(plan: Plan, stage: StagePlan, workers: Workers) -> bool:
    """Whether a stage trains on features that are computed once.

    It does where they are the same in all of its epochs: the body and its batch norms are frozen, each epoch shows
    images as they are or views that come again, and no trick changes pixels or asks another network.

    Args:
        plan: The run.
        stage: The stage.
        workers: Who share it; several compute as ever.
    """
    mixer, sampler = stage.mixer, stage.sampler
    return (
        stage.body_is_frozen
        and (not stage.augment or stage.views is not None)
        and stage.teacher is None
        and sampler.name not in TRANSFORMS
        and (mixer is None or mixer.mixed_layer in ("pool", "fc"))
        and plan.precision == "fp32"  # evaluation's
        and workers.size == 1
        and stage.average is None  # which is taken of the body too
    )


class KeptFeatures:
    """The features of a run's images under the body as it is now.

    Args:
        plan: The run.
        stage: The stage that trains on them.
        data: Its images.
        network: The trained one, with the body that the stage starts from and leaves as it is.
        facts: The run's run.json.
        store: Where features are kept; None where they are for this run alone.
        say: Told in a sentence what is computed or was there.
        before: Those of the stage before, if it trained on some.

    Attributes:
        head: The network's classifier, as a network that takes features.
        body: Digest of the body's weights.
    """

    def __init__(
        self,
        plan: Plan,
        stage: StagePlan,
        data: LoadedData,
        network: Network,
        facts: Facts,
        store: Store | None,
        say: Callable[[str], None],
        before: KeptFeatures | None = None,
    ) -> None:
        self._plan, self._stage, self._data = plan, stage, data
        self._store, self._say = store, say
        self.head = Head(network)
        self.body = body_digest(network)
        self._step = FeatureStep(network, Normalise(data.mean, data.std))
        self._facts = {
            "model": plan.meaning()["model"],
            "body": self.body,
            "normalised": [data.mean.tolist(), data.std.tolist()],
            "batch": BATCH_SIZE,
            "computed_by": computed_by(
                facts, {**(machine_facts() or {}), "source": source_digest()}
            ),
        }
        self._evaluators: dict[Confidence, Evaluator] = {}
        same = before is not None and before.body == self.body
        self._known: dict[str, NDArray[np.float32]] = before._known if before and same else {}

    def evaluator(self, confidence: Confidence) -> Evaluator:
        """What tells how the network does on a part of its data, by the features of that part.

        Args:
            confidence: What turns logits into the probability of a prediction.
        """
        if confidence not in self._evaluators:
            self._evaluators[confidence] = evaluator(
                self._plan, self.head, self._data, confidence, stand_in=self._rows
            )
        return self._evaluators[confidence]

    def _rows(self, part: Part) -> FeatureRows:
        name: Literal["validation", "test"] = "test" if part is self._data.test else "validation"
        return FeatureRows(self._of(name), part.labels)

    def compute_views(self, done: int) -> None:
        """Compute what the stage's epochs show, after the run's first ``done``: no graph runs within a step's."""
        stage = self._stage
        for number in sorted(
            {epoch % (stage.views or 1) for epoch in range(max(done, stage.start), stage.end)}
        ):
            self.of_view(number)

    def of_view(self, number: int) -> NDArray[np.float32]:
        """The features of all training images in one view, float32 [N, K]."""
        return self._of("train", number if self._stage.augment else None)

    def _of(
        self, part: Literal["train", "validation", "test"], view: int | None = None
    ) -> NDArray[np.float32]:
        chain = _meaning(self._stage.augment) if view is not None else []
        key = f"{part} {view} {chain}"
        if key not in self._known:
            self._known[key] = self._computed(part, view)
        return self._known[key]

    def _computed(self, name: str, view: int | None = None) -> NDArray[np.float32]:
        """The features of a part's images, as evaluation sees them or in a view, float32 [N, K]."""
        part: Part = getattr(self._data, name)
        what = f"{len(part):,} {'training' if name == 'train' else name} images"
        if view is not None:
            what = f"view {view + 1} of {self._stage.views} of {what}"
        found: NDArray[np.float32] | None = None

        def build(folder: Path) -> None:
            nonlocal found
            found = self._compute(part, view, what)
            write_in(folder, FILE, found.astype("<f4").tobytes())

        if self._store is not None:
            facts = {"what": f"{what}, {self._plan.model}", **self._facts, **self._seen(part, view)}
            entry = self._store.obtain(FEATURES, facts, build)
            if entry is not None and found is None:
                with entry:
                    content = read_file(entry.folder / FILE, WEIGHTS)
                found = np.frombuffer(content, "<f4").reshape(len(part), -1)
                self._say(f"features of {what} taken from the cache")
        return self._compute(part, view, what) if found is None else found

    def _seen(self, part: Part, view: int | None) -> dict[str, Any]:
        """What the pixels depend on."""
        files = part if isinstance(part, ImageFiles) else None
        chain = _meaning(self._stage.augment) if view is not None else None
        return {
            "images": identity(files) if files else part.fingerprint(),
            "decoder": decoder() if files else None,
            "shown": asdict(part.view),
            "view": None if view is None else [chain, self._plan.seed, view],
        }

    def _compute(self, part: Part, view: int | None, what: str) -> NDArray[np.float32]:
        self._say(f"features of {what} are computed once")
        entries = self._stage.augment if view is not None else ()
        chain = [implementation(AUGMENTATIONS, entry)(**dict(entry)) for entry in entries]
        drawn = draw_view(chain, self._plan.seed, view or 0, len(part))
        batches = pieces(len(part), BATCH_SIZE)
        found = np.empty((len(part), self.head.classifier.weight.shape[1]), np.float32)

        def read(indices: NDArray[np.int64]) -> NDArray[np.uint8]:
            # one shape, for which the graph is compiled: the last images come again
            own = np.resize(indices, BATCH_SIZE)
            return part.batch(own, chain, [rows[own] for rows in drawn])

        self._step.set_train(False)
        # images are read while the network computes
        with ThreadPoolExecutor(1, "features") as ahead:
            coming = ahead.submit(read, batches[0])
            for indices, following in zip(batches, [*batches[1:], None], strict=True):
                images = coming.result()
                if following is not None:
                    coming = ahead.submit(read, following)
                with spent_on("features"):
                    rows = self._step(Tensor(images)).asnumpy()
                found[indices] = rows[: len(indices)]
        return found


def _meaning(entries: Sequence[Augment]) -> list[dict[str, Any]]:
    return [entry.model_dump(mode="json", by_alias=True) for entry in entries]


def body_digest(network: Network) -> str:
    """SHA-256, in hex, of all weights before the classifier, the statistics of batch norms included."""
    digest = hashlib.sha256()
    for cell in (network.body, network.pool):
        for parameter in cell.get_parameters():
            value = np.ascontiguousarray(parameter.asnumpy())
            digest.update(f"{parameter.name} {value.dtype} {value.shape}\0".encode())
            digest.update(value.tobytes())
    return digest.hexdigest()


def feature_store(plan: Plan, options: RunOptions) -> Store | None:
    """Where a run's features are kept for others; None for nowhere, as somebody wants or as not all is known."""
    if options.no_cache or os.environ.get(NO_STAGES) or not prefix.is_all_known(plan):
        return None
    if machine_facts() is None:
        return None
    try:
        return Store.of_user()
    except CacheError:
        return None


def features_fit(stage: StagePlan, data: LoadedData, network: Network) -> bool:
    """Whether the features of all of a stage's views and of the other parts take at most a quarter of the memory."""
    others = sum(len(part) for part in (data.validation, data.test) if part is not None)
    images = len(data.train) * (stage.views or 1) + others
    return 4 * images * network.classifier.weight.shape[1] <= (memory_limit() or 2**32) // 4
