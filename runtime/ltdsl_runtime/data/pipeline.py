"""MindData datasets over batches that NumPy makes.

The datasets hand out finished batches one row at a time, in order, from one worker thread: MindData
prefetches and feeds the device, but decides nothing. None of its global settings matters.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import mindspore.dataset as ds

from ltdsl_runtime.data.columns import EVALUATION
from ltdsl_runtime.data.source import EvaluationSource, StageSource
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.parallel.cluster import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeVar

    from ltdsl_runtime.data.part import Rows
    from ltdsl_runtime.parallel.cluster import Workers

    Source = TypeVar("Source", StageSource, EvaluationSource)

__all__ = ["evaluation_dataset", "own_errors", "training_dataset"]


def training_dataset(source: StageSource) -> ds.GeneratorDataset[StageSource]:
    """Return a stage's batches, from ``source.start_batch`` to the stage's end, as one dataset.

    One row is one batch; columns are ``source.columns``. Without sinking, ``Model.train(1,
    dataset)`` runs the stage; on a device that sinks, ``Model.train(epochs, dataset,
    dataset_sink_mode=True, sink_size=source.steps)`` does. Not on a CPU: there MindSpore falls back
    to no sinking, ignores ``sink_size`` and would run the whole stage ``epochs`` times.
    """
    return _dataset(source, source.columns)


def evaluation_dataset(
    part: Rows, batch_size: int, workers: Workers = ALONE
) -> ds.GeneratorDataset[EvaluationSource]:
    """Return all images in order in batches of one shape; can be iterated again and again.

    Of several workers, each has its rows of every batch.

    Columns are image uint8 ``[B, C, H, W]``, label int32 ``[B]`` and mask float32 ``[B]``: 1 for an
    image, 0 for the zeros that fill up the last batch (labelled 0).
    """
    share = -(-batch_size // workers.size)
    source = EvaluationSource(part, share, workers.rank, workers.size)
    return _dataset(source, EVALUATION)


@contextmanager
def own_errors(dataset: ds.GeneratorDataset[Source]) -> Iterator[None]:
    """Raise the error that stopped a dataset's source as it was, and not in MindSpore's wrapping.

    Raises:
        DataError: An image could not be read.
        RunError: LT425, the system did not let it be read.
    """
    try:
        yield
    except Exception:
        failure = dataset.source.failure
        if failure is None:
            raise
        if isinstance(failure, RunError):
            raise failure from None
        why = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
        name = getattr(failure, "filename", None)
        raise RunError(
            "LT425",
            f"a batch cannot be read: {why}" + (f": {name}" if name else ""),
            "once that is put right, go on with: ltdsl run --resume",
        ) from failure


def _dataset(source: Source, columns: tuple[str, ...]) -> ds.GeneratorDataset[Source]:
    # A thread, not a process: decoding and NumPy free the interpreter lock where it matters, and
    # handing batches from one process to another would cost more than it saves.
    return ds.GeneratorDataset(
        source,
        list(columns),
        sampler=ds.SequentialSampler(),
        num_parallel_workers=1,
        python_multiprocessing=False,
    )
