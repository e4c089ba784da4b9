"""Rows of workers: together they are the batch, and every image is evaluated once."""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.data.augment import AUGMENTATIONS
from ltdsl_runtime.data.source import EvaluationSource, StageSource
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.parallel.cluster import ALONE, Workers, must_divide, must_split
from ltdsl_runtime.parallel.follower import Follower, meet, open_directory
from ltdsl_runtime.rundir.directory import RunDirectory
from support.training import given, hand_made, plan

from ltdsl.runs.evaluation import Evaluation
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.pictures import Pictures

BATCH = 12


def source(workers: Workers = ALONE) -> StageSource:
    part = hand_made().train
    return StageSource(
        part,
        lambda epoch: np.random.default_rng(epoch).permutation(len(part)),
        BATCH,
        first_epoch=0,
        epochs=2,
        seed=3,
        augmentation=[AUGMENTATIONS["random_crop"](padding=1)],
        partner=lambda epoch: np.random.default_rng(9 + epoch).permutation(len(part)),
        rows=workers.rows(BATCH),
    )


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
def test_workers_batches_make_the_batch_of_one(size):
    whole, parts = source(), [source(Workers(rank, size)) for rank in range(size)]
    assert {len(part) for part in parts} == {len(whole)}
    for step in range(len(whole)):
        together = zip(*(part[step] for part in parts), strict=True)
        for column, pieces in zip(whole[step], together, strict=True):
            np.testing.assert_array_equal(np.concatenate(pieces), column)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 30])
@pytest.mark.parametrize("batch", [1, 2, 5, 64])
def test_every_image_is_evaluated_once_and_in_order(size, batch):
    test = hand_made().test
    parts = [EvaluationSource(test, batch, rank, size) for rank in range(size)]
    assert len({len(part) for part in parts}) == 1
    images, labels, masks = (
        np.concatenate([part[step][column] for step in range(len(parts[0])) for part in parts])
        for column in range(3)
    )
    np.testing.assert_array_equal(images[masks > 0], test.batch(np.arange(len(test))))
    np.testing.assert_array_equal(labels[masks > 0], test.labels)


def test_a_worker_alone_waits_for_nobody():
    assert ALONE.gather(np.int32([1, 2])).tolist() == [[1, 2]]
    assert ALONE.first_ones("text") == "text"
    assert ALONE.differing("a", "b") == []
    ALONE.wait()


def test_batches_that_cannot_be_shared_are_refused():
    run = plan("batch_size = 12; accumulate = 2; epochs = 6; a: ce")
    must_divide(run, 4)  # 24 images, 3 in each part of each worker
    with pytest.raises(RunError) as caught:
        must_divide(run, 8)
    assert caught.value.code == "LT475"
    assert "24 images" in caught.value.message


def test_classes_that_cannot_be_split_are_refused():
    run = plan("epochs = 6; a: manifold_mixup(layer = pool)")
    must_split(run, 4, 2)
    must_split(run, None, 2)
    refused = {
        "4 of them are too few for 3 workers": (run, 3),
        "`manifold_mixup` in stage `b`": (
            plan("epochs = 6; a: ce; b: manifold_mixup(layer = fc) @ epoch 1"),
            2,
        ),
    }
    for why, (asked, workers) in refused.items():
        with pytest.raises(RunError, match=f"the classes cannot be split: {why}") as caught:
            must_split(asked, 4, workers)
        assert (caught.value.code, bool(caught.value.hint)) == ("LT476", True)


def test_what_is_recorded_of_workers():
    assert ALONE.facts() == {"workers": None, "split_classes": None}
    assert Workers(1, 2).facts() == {"workers": 2, "split_classes": None}
    assert Workers(0, 2, True).facts() == {"workers": 2, "split_classes": True}
    assert Workers(0, 1, True).facts() == {"workers": None, "split_classes": None}
    assert Workers(0, 1, True).part(5) is None


EPOCH = Epoch(
    epoch=0,
    stage="a",
    loss=1.0,
    lr=0.1,
    top1_error=50.0,
    macro_recall=50.0,
    measured_on="test",
    seconds=1.0,
)
PICTURES = Pictures(stage="a", file="a.png", width=1, row_height=1, columns=(), rows=())


def test_a_follower_reads_what_the_first_worker_writes_and_changes_nothing(tmp_path):
    run = plan("epochs = 6; a: ce")
    follower = open_directory(tmp_path / "out", Workers(1, 2))
    assert isinstance(follower, Follower)
    assert not (tmp_path / "out").exists()
    with pytest.raises(RunError) as caught:  # it looks somewhere else
        follower.meet("plan and start")
    assert caught.value.code == "LT474"
    with open_directory(tmp_path / "out", Workers(0, 2)) as first:
        assert type(first) is RunDirectory
        first.begin(run, {"r.lt": "a: ce"}, **given())
        meet(first, ALONE)
        follower.meet(f"{first.facts.plan_sha256} {first.facts.started}")
        assert follower.plan().digest() == run.digest()
        before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")}
        follower.note(status="failed")
        follower.record(EPOCH)
        follower.go_on()
        follower.go_on_after([EPOCH])
        follower.evaluated(Evaluation(test_images=3))
        follower.picture(PICTURES, b"")
        follower.close()
        after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")}
        assert after == before
