import threading

import numpy as np
import pytest
from ltdsl_runtime.data.augment import RandomCrop, RandomHorizontalFlip
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.source import StageSource
from ltdsl_runtime.tricks.samplers import Moment, order

from ltdsl.catalogue import SAMPLERS


def draws(streams, epoch, labels):
    steps, batch = labels.shape
    return {
        "mix_weight": streams("mix", 0).random(steps).astype(np.float32),
        "partner": np.argsort(streams("mix", 1).random((steps, batch)), axis=1).astype(np.int32),
        "shape": streams("warp").random((steps, batch, 3)).astype(np.float32),
    }


def make(arrays, sampler="class_balanced", **changes):
    settings = {
        "order": lambda epoch: order(SAMPLERS[sampler](), arrays.labels, Moment(3, epoch)),
        "batch_size": 16,
        "first_epoch": 10,
        "epochs": 4,
        "seed": 3,
        "augmentation": (RandomCrop(1), RandomHorizontalFlip()),
        "draws": draws,
    }
    return StageSource(arrays, **(settings | changes))


def same(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def test_shapes(arrays):
    source = make(arrays)
    assert (source.steps, len(source)) == (3, 12)
    assert source.columns == ("image", "label", "mix_weight", "partner", "shape")
    shapes = [(column.shape, column.dtype) for column in source[5]]
    assert shapes == [
        ((16, 2, 6, 5), np.uint8),
        ((16,), np.int32),
        ((), np.float32),
        ((16,), np.int32),
        ((16, 3), np.float32),
    ]


def test_any_access_order_gives_the_same_batches(arrays):
    forward = [make(arrays)[i] for i in range(12)]  # a fresh source each: nothing remembered
    source = make(arrays)
    for i in [11, 0, 7, 7, 3, 10, 1, 2, 9, 4, 8, 5, 6, 0]:
        assert same(source[i], forward[i])
    assert not same(forward[0], forward[3])  # the next epoch's first


def test_restart_in_the_middle(arrays):
    whole = make(arrays)
    for start in (1, 3, 5, 11, 12):
        resumed = make(arrays, start_batch=start)
        assert len(resumed) == 12 - start
        assert all(same(resumed[i], whole[start + i]) for i in range(len(resumed)))


def test_stage_is_a_window_on_the_run(arrays):
    """Epoch 12 is epoch 12, in whichever stage it falls."""
    assert same(make(arrays)[6], make(arrays, first_epoch=12, epochs=1)[0])


def test_threads(arrays):
    source = make(arrays)
    expected = [make(arrays)[i] for i in range(12)]
    results = {}

    def work(offset):
        for i in range(12):
            results[offset, i] = source[(i * 5 + offset) % 12]

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 48
    assert all(same(batch, expected[(i * 5 + o) % 12]) for (o, i), batch in results.items())


def test_order_is_drawn_once_an_epoch(arrays):
    asked = []

    def counted(epoch):
        asked.append(epoch)
        return order(SAMPLERS["instance_balanced"](), arrays.labels, Moment(0, epoch))

    source = make(arrays, order=counted)
    for i in [0, 1, 2, 3, 2, 4, 5, 6, 5, 7, 8]:  # prefetching goes to and fro at a border
        source[i]
    assert asked == [10, 11, 12]


def test_each_image_once_an_epoch_but_the_remainder(arrays):
    source = make(arrays, sampler="instance_balanced", augmentation=())
    for epoch in range(4):
        batches = [source[epoch * 3 + step] for step in range(3)]
        seen = np.concatenate([batch[0][:, 0, 0, 0] for batch in batches])  # the image's number
        assert len(seen) == len(np.unique(seen)) == 48
        labels = np.concatenate([batch[1] for batch in batches])
        assert np.array_equal(labels, arrays.labels[seen])
        assert np.array_equal(labels, source.labels(10 + epoch).ravel())


def test_longer_and_shorter_orders(arrays):
    """Over- and under-sampling: an epoch is as long as its order."""
    over = make(arrays, order=lambda epoch: np.arange(120) % 60)
    under = make(arrays, order=lambda epoch: np.arange(20))
    assert (over.steps, under.steps) == (7, 1)


def test_partner(arrays):
    """A second draw beside the first, which it leaves as it is."""

    def reverse(epoch):
        return np.arange(60)[::-1]

    alone, paired = make(arrays), make(arrays, partner=reverse)
    assert paired.columns[:4] == ("image", "label", "partner_image", "partner_label")
    assert same((*paired[4][:2], *paired[4][4:]), alone[4])
    assert np.array_equal(paired[4][3], arrays.labels[::-1][16:32])
    plain = make(arrays, partner=reverse, augmentation=())
    assert np.array_equal(plain[4][2], arrays.images[::-1][16:32])
    twins = make(arrays, order=lambda epoch: np.arange(60), partner=lambda epoch: np.arange(60))
    assert np.array_equal(twins[0][1], twins[0][3])
    assert not np.array_equal(twins[0][0], twins[0][2])  # augmented on their own


def test_no_full_batch(arrays):
    with pytest.raises(DataError, match="has 60 images, fewer than one batch of 64") as caught:
        make(arrays, batch_size=64)
    assert caught.value.code == "LT404"
    assert "lower batch_size" in caught.value.hint
    with pytest.raises(DataError, match="of which an epoch visits 12, fewer than one batch of 16"):
        make(arrays, order=lambda epoch: np.arange(12))


def test_mistakes_of_the_caller(arrays):
    with pytest.raises(IndexError):
        make(arrays)[12]
    with pytest.raises(IndexError):
        make(arrays)[-1]
    with pytest.raises(ValueError, match="outside the stage"):
        make(arrays, start_batch=13)
    with pytest.raises(ValueError, match="do not have 3 rows"):
        make(arrays, draws=lambda streams, epoch, labels: {"x": np.zeros(4)})
    with pytest.raises(ValueError, match="other steps"):
        make(arrays, order=lambda epoch: np.arange(60 if epoch == 10 else 20))[3]


def test_the_first_steps_alone(arrays):
    whole, short = make(arrays), make(arrays, most_steps=2)
    assert (short.steps, len(short)) == (2, 8)
    image, label, *_ = short[3]  # the second step of the second epoch
    assert np.array_equal(label, whole[4][1])
    assert np.array_equal(image, whole[4][0])
    assert len(make(arrays, most_steps=100)) == len(whole)
