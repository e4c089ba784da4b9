"""The same batches, through MindData."""

import numpy as np
import pytest
from ltdsl_runtime.data.augment import RandomCrop
from ltdsl_runtime.data.pipeline import evaluation_dataset, training_dataset
from ltdsl_runtime.data.source import StageSource
from ltdsl_runtime.tricks.samplers import Moment, order

from ltdsl.catalogue import SAMPLERS


def make(arrays, **changes):
    return StageSource(
        arrays,
        order=lambda epoch: order(SAMPLERS["instance_balanced"](), arrays.labels, Moment(0, epoch)),
        batch_size=16,
        first_epoch=0,
        epochs=3,
        seed=0,
        augmentation=(RandomCrop(1),),
        draws=lambda streams, epoch, labels: {
            "weight": streams("mix").random(len(labels)).astype(np.float32)
        },
        **changes,
    )


def rows(dataset):
    return list(dataset.create_tuple_iterator(output_numpy=True, num_epochs=1))


@pytest.mark.parametrize("start", [0, 4])
def test_training_rows_are_the_source(arrays, start):
    source = make(arrays, start_batch=start)
    dataset = training_dataset(source)
    assert dataset.get_dataset_size() == 9 - start
    assert dataset.get_col_names() == ["image", "label", "weight"]
    found = rows(dataset)
    assert len(found) == 9 - start
    for row, expected in zip(found, map(make(arrays).__getitem__, range(start, 9)), strict=True):
        for column, wanted in zip(row, expected, strict=True):
            assert column.dtype == wanted.dtype
            assert column.shape == wanted.shape
            assert np.array_equal(column, wanted)


def test_global_seed_does_not_matter(arrays):
    import mindspore.dataset as ds

    before = ds.config.get_seed()
    try:
        ds.config.set_seed(1)
        one = rows(training_dataset(make(arrays)))
        ds.config.set_seed(2)
        two = rows(training_dataset(make(arrays)))
    finally:
        ds.config.set_seed(before)
    for row, other in zip(one, two, strict=True):
        assert all(map(np.array_equal, row, other))


@pytest.mark.parametrize("batch_size", [7, 20, 60, 64])
def test_evaluation_covers_every_image_once(arrays, batch_size):
    dataset = evaluation_dataset(arrays, batch_size)
    for _ in range(2):  # can be iterated again
        batches = rows(dataset)
        assert len(batches) == -(-60 // batch_size)
        assert {batch[0].shape for batch in batches} == {(batch_size, 2, 6, 5)}
        image, label, mask = (np.concatenate(column) for column in zip(*batches, strict=True))
        assert mask.dtype == np.float32
        assert set(np.unique(mask)) <= {0.0, 1.0}
        real = mask == 1
        assert np.array_equal(image[real], arrays.images)
        assert np.array_equal(label[real], arrays.labels)
        assert not image[~real].any()
        assert not label[~real].any()
