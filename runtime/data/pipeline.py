"""MindData datasets over batches that NumPy makes.

The datasets hand out finished batches one row at a time, in order, from one worker thread: MindData
prefetches and feeds the device, but decides nothing. None of its global settings matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore.dataset as ds
import numpy as np

from runtime.data.source import StageSource

if TYPE_CHECKING:
    from runtime.data.arrays import ImageArrays

__all__ = ["EvaluationSource", "StageSource", "evaluation_dataset", "training_dataset"]


def training_dataset(source: StageSource) -> ds.GeneratorDataset:
    """Return a stage's batches, from ``source.start_batch`` to the stage's end, as one dataset.

    One row is one batch; columns are ``source.columns``. Without sinking, ``Model.train(1,
    dataset)`` runs the stage; on a device that sinks, ``Model.train(epochs, dataset,
    dataset_sink_mode=True, sink_size=source.steps)`` does. Not on a CPU: there MindSpore falls back
    to no sinking, ignores ``sink_size`` and would run the whole stage ``epochs`` times.
    """
    return _dataset(source, source.columns)


def evaluation_dataset(arrays: ImageArrays, batch_size: int) -> ds.GeneratorDataset:
    """Return all images in order in batches of one shape; can be iterated again and again.

    Columns are image uint8 ``[B, C, H, W]``, label int32 ``[B]`` and mask float32 ``[B]``: 1 for an
    image, 0 for the zeros that fill up the last batch (labelled 0).
    """
    return _dataset(EvaluationSource(arrays, batch_size), ("image", "label", "mask"))


class EvaluationSource:
    """Random access to the batches of :func:`evaluation_dataset`."""

    def __init__(self, arrays: ImageArrays, batch_size: int) -> None:
        self._arrays = arrays
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._arrays) // self._batch_size)

    def __getitem__(self, item: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not 0 <= item < len(self):
            raise IndexError(item)
        here = slice(int(item) * self._batch_size, (int(item) + 1) * self._batch_size)
        images, labels = self._arrays.images[here], self._arrays.labels[here]
        real = len(labels)
        image = np.zeros((self._batch_size, *images.shape[1:]), images.dtype)
        label = np.zeros(self._batch_size, labels.dtype)
        mask = np.zeros(self._batch_size, np.float32)
        image[:real], label[:real], mask[:real] = images, labels, 1
        return image, label, mask


def _dataset(
    source: StageSource | EvaluationSource, columns: tuple[str, ...]
) -> ds.GeneratorDataset:
    # A thread, not a process: the work is NumPy, which frees the interpreter lock where it matters,
    # and copying the images into each worker process would cost more than it saves.
    return ds.GeneratorDataset(
        source,
        list(columns),
        sampler=ds.SequentialSampler(),
        num_parallel_workers=1,
        python_multiprocessing=False,
    )
