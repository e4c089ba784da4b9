"""Compiling costs seconds to minutes: one graph a stage, one for evaluation, and never again."""

from __future__ import annotations

import numpy as np
from ltdsl_runtime.data import load_data
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.training.evaluate import Evaluator
from ltdsl_runtime.training.stages import build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor
from support.training import PLAIN, conv_network, normed_network, plan, trainer

RECIPE = """
epochs = 7; validation = 0.2; augment = [random_crop(padding = 1)]
schedule = multistep(milestones = [1, 3], gamma = 0.5, warmup = 0)
mixed: input_mixup
moved: input_mixup + cam_bs + cs_ce @ epoch 2 { batch_size = 16 }
tuned: class_balanced @ epoch 5 { optimizer = sgd(lr = 0.01); handoff = best }
"""


def test_a_run_compiles_one_graph_a_stage_and_one_for_evaluation(compilations, tmp_path):
    """Whatever λ, permutation, rate, checkpoint, last batch or epoch.

    CAM-BS is no exception: its frozen network's forward pass is a part of its stage's graph.
    """
    run = plan(RECIPE)
    made = trainer(run, load_data(run, None), tmp_path / "run")
    compilations.clear()
    after_step, after_epoch = [], []
    made.reporter.on_step = lambda: after_step.append(len(compilations))
    watch = made.reporter.epoch
    made.reporter.epoch = lambda record: (after_epoch.append(len(compilations)), watch(record))
    made()
    assert compilations == ["TrainStep", "EvalStep", "TrainStep", "TrainStep"]
    assert len(after_epoch) == 7
    assert after_epoch == [2, 2, 3, 3, 3, 4, 4]
    # steps are told but for the last of an epoch, after which the epoch is
    counts = np.array(after_step)
    assert counts[0] == 1
    assert set(counts) == {1, 2, 3, 4}
    assert np.all(np.diff(counts) >= 0)


def test_one_graph_holds_the_whole_step_of_cam_bs(compilations, data):
    run = plan(PLAIN + 'epochs = 1; init = "x"; batch_size = 8; a: cam_bs + input_mixup')
    network = conv_network()
    optimizer = build_optimizer(run.stages[0].optimizer, network.trainable_params(), [0.1] * 9)
    compilations.clear()
    stage = build_stage(run, run.stages[0], data, network, optimizer)
    assert compilations == []
    for number in range(3):
        stage.step(*map(Tensor, stage.source[number]))
    assert compilations == ["TrainStep"]
    assert stage.step.transform is not None


def test_sets_of_any_size_are_evaluated_with_one_graph(compilations, data):
    network = normed_network()
    evaluate = Evaluator(EvalStep(network, Normalise(data.mean, data.std)), 4)
    compilations.clear()
    for size in (1, 10, 21):
        assert evaluate(data.test.take(range(size))).confusion.images.sum() == size
    many = data.train.take(np.arange(600) % 70)
    assert evaluate(many).confusion.images.sum() == 600
    assert compilations == ["EvalStep"]


def test_another_batch_size_is_another_graph(compilations, data):
    """The counter counts: what must recompile does."""
    network = normed_network()
    step = EvalStep(network, Normalise(data.mean, data.std))
    compilations.clear()
    for size in (4, 6):
        step(
            *(Tensor(v) for v in (data.test.images[:size], data.test.labels[:size])),
            Tensor(np.ones(size, np.float32)),
        )
    assert compilations == ["EvalStep", "EvalStep"]
