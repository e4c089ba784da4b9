"""What surrounds an update: a step with it against the step without. A second pass (SAM), averages of the weights."""

from __future__ import annotations

from mindspore import Tensor

from benchmarks.common import Row, cifar_like, compare, first_stage, take_turns

#: Of a step with each setting: the second pass, and its climb and descent; one more operation a weight.
GOALS = {"sharpness = sam(rho = 0.1)": 2.05, "average = ema(decay = 0.999)": None}


def measure(quick: bool = False) -> list[Row]:
    data = cifar_like()
    head = "dataset = cifar10_lt; augment = []; "
    plain = first_stage(f"{head}stage1: ce", data)
    rows = []
    for setting, goal in GOALS.items():
        stage = first_stage(f"{head}{setting}; stage1: ce", data)
        batch = [Tensor(column) for column in stage.source[0]]
        times = take_turns(
            lambda stage=stage, batch=batch: stage.step(*batch).asnumpy(),
            lambda batch=batch: plain.step(*batch).asnumpy(),
            rounds=4 if quick else 12,
        )
        rows.append(compare(f"around: {setting}", "the step without", times, goal))
    return rows
