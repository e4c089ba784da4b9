"""Which weights a stage starts from, and which a run keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.training.evaluate import Confusion, Evaluator, Scores
from mindspore import Tensor
from support.training import PLAIN, assert_same, conv_network, plan, read_checkpoint, trainer

RECIPE = (
    PLAIN
    + """
epochs = 10; batch_size = 16; validation = 0.1; best_by = BEST_BY
one: ce
two: cs_ce @ epoch 3 { optimizer = sgd(lr = 0.02); handoff = HANDOFF }
three: cam_bs @ epoch 7 { optimizer = sgd(lr = 0.01); handoff = HANDOFF }
"""
)

#: Of 90 images of class 0 and 10 of class 1, those taken for another class in each epoch.
WRONG = {
    # the run's best is in stage one; stage two's best is reached twice
    "top1_error": [
        (40, 0),
        (2, 8),
        (30, 0),
        (60, 0),
        (45, 5),
        (50, 0),
        (70, 0),
        (20, 0),
        (30, 0),
        (25, 0),
    ],
    # the same epochs are best, though others have less error; stage two's are equal but for rounding
    "macro_recall": [
        (0, 10),
        (18, 1),
        (1, 9),
        (0, 10),
        (45, 3),
        (18, 6),
        (9, 10),
        (0, 9),
        (0, 8),
        (0, 7),
    ],
}


def network_part(path, names):
    saved = read_checkpoint(path)
    return {name: saved[name] for name in names}


@pytest.fixture(
    scope="module",
    params=[("best", "top1_error"), ("last", "top1_error"), ("best", "macro_recall")],
    ids=" by ".join,
)
def run(request, data, tmp_path_factory):
    """A run whose epochs are judged as :data:`WRONG` says."""
    handoff, by = request.param
    folder = tmp_path_factory.mktemp("handoff") / "run"
    text = RECIPE.replace("HANDOFF", handoff).replace("BEST_BY", by)
    made = trainer(plan(text), data, folder, conv_network())
    real, given = made.evaluate, iter(WRONG[by])

    def judge(arrays, logits=False):
        if logits:  # the final evaluation
            return real(arrays, logits)
        first, second = next(given)
        labels = np.repeat([0, 1], [90, 10])
        predictions = np.repeat([0, 2, 1, 2], [90 - first, first, 10 - second, second])
        return Scores(Confusion.of(4, labels, predictions), real(arrays).calibration)

    made.evaluate = judge
    figures = made()
    return handoff, made, folder / "checkpoints", figures


def test_a_stage_starts_from_what_it_was_handed(run):
    handoff, made, _, _ = run
    watcher = made.reporter
    wrong = WRONG[made.plan.best_by]
    errors = [first + second for first, second in wrong]
    recalls = [(100 - first / 0.9 + 100 - second / 0.1) / 2 for first, second in wrong]
    assert [record.top1_error for record in watcher.records] == errors
    assert [record.macro_recall for record in watcher.records] == pytest.approx(recalls)
    assert_same(watcher.starts["two"], watcher.ends[1 if handoff == "best" else 2])
    # that of the stage before, not of the run; of equals, the earlier
    assert_same(watcher.starts["three"], watcher.ends[4 if handoff == "best" else 6])
    for first, second in ((1, 2), (4, 5), (4, 6)):
        assert any(
            np.any(watcher.ends[first][k] != watcher.ends[second][k]) for k in watcher.ends[0]
        )


def test_the_start_of_cam_bs_is_kept(run):
    _, made, checkpoints, _ = run
    saved = read_checkpoint(checkpoints / "three-start.ckpt")
    assert saved.pop("plan_sha256") == made.plan.digest()
    assert json.loads(saved.pop("class_names")) == list(made.data.train.class_names)
    assert_same(saved, made.reporter.starts["three"])
    assert not (checkpoints / "two-start.ckpt").exists()


def test_the_best_checkpoint_is_that_of_the_best_epoch(run):
    _, made, checkpoints, figures = run
    ends = made.reporter.ends
    assert_same(network_part(checkpoints / "best.ckpt", ends[1]), ends[1])
    assert_same(network_part(checkpoints / "last.ckpt", ends[9]), ends[9])
    assert int(read_checkpoint(checkpoints / "best.ckpt")["epoch"]) == 1
    assert (figures["best"]["epoch"], figures["last"]["epoch"]) == (1, 9)
    assert read_checkpoint(checkpoints / "best.ckpt")["stage"] == "one"


def test_the_final_figures_are_those_of_the_kept_weights(run, data):
    _, made, _, figures = run
    for which, epoch in (("best", 1), ("last", 9)):
        fresh = conv_network()
        for parameter in fresh.get_parameters():
            parameter.set_data(Tensor(made.reporter.ends[epoch][parameter.name]))
        scores = Evaluator(EvalStep(fresh, Normalise(data.mean, data.std)), 4)(data.test)
        assert figures[which]["confusion"] == scores.confusion.report()


def test_a_checkpoint_holds_the_optimizer_too(run):
    _, _, checkpoints, _ = run
    saved = read_checkpoint(checkpoints / "last.ckpt")
    assert saved["global_step"] == 3 * (70 // 16)  # three epochs since the optimizer was fresh
    assert "accum.classifier.weight" in saved


def test_only_what_is_handed_on_is_kept(run):
    handoff, _, checkpoints, _ = run
    kept = {path.name for path in checkpoints.iterdir()}
    handed = {"one-best.ckpt", "two-best.ckpt"} if handoff == "best" else set()
    assert kept == {"last.ckpt", "previous.ckpt", "best.ckpt", "three-start.ckpt"} | handed
