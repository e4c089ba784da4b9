"""Steps fed by MindData through Model.train, against the same graph on batches at hand.

Augmentation and mixing columns are made on the host meanwhile. Each fed step is followed by one on a batch at hand.
"""

from __future__ import annotations

import time

from ltdsl_runtime.data.pipeline import training_dataset
from mindspore import Tensor
from mindspore.train import Callback, Model

from benchmarks.common import Row, cifar_like, compare, first_stage


class Alternate(Callback):
    """Times what Model.train does for a step, then a step without it."""

    def __init__(self, step, batch) -> None:
        super().__init__()
        self.step, self.batch = step, batch
        self.times: tuple[list[float], list[float]] = ([], [])

    def on_train_epoch_begin(self, run_context) -> None:
        self.started = time.perf_counter()

    def on_train_step_end(self, run_context) -> None:
        run_context.original_args().net_outputs.asnumpy()
        fed = time.perf_counter()
        self.step(*self.batch).asnumpy()
        self.times[0].append(fed - self.started)
        self.started = time.perf_counter()
        self.times[1].append(self.started - fed)


def measure(quick: bool = False) -> list[Row]:
    steps = 6 if quick else 14
    # a stage's dataset is as long as the stage: here, one epoch
    recipe = "dataset = cifar10_lt; epochs = 1; schedule = constant; a: input_mixup"
    stage = first_stage(recipe, cifar_like((steps + 2) * 128))
    turns = Alternate(stage.step, [Tensor(column) for column in stage.source[0]])
    Model(stage.step).train(1, training_dataset(stage.source), turns, dataset_sink_mode=False)
    times = tuple(each[2:] for each in turns.times)  # the first two warm up
    return [compare("epoch: a step fed by the pipeline", "the step alone", times)]
