"""`ltdsl run --smoke`: everything is tried, and nothing is left."""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.training.trial import IMAGES, shortened, some
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

RECIPE = """
schedule = multistep(milestones = [80%], warmup = 5); validation = 0.2
stage1: input_mixup
stage2: cam_bs + cs_ce @ epoch 160 { optimizer = sgd(lr = 0.01); handoff = best }
"""


def test_nothing_is_left(ltdsl, recipe, tmp_path, monkeypatch):
    for name in ("LTDSL_CACHE", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CC", "no-such-compiler")
    done = ltdsl("run", recipe(RECIPE), "--smoke")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    note = "and there is no `no-such-compiler`; MindSpore's own, which are slower, take their place"
    assert len([line for line in done.stderr.splitlines() if line.endswith(note)]) == 1
    # 453 images less a fifth of each class make 11 batches of 32
    assert "stage1: 2 steps, of epochs 0 to 159, 11 steps each" in lines
    assert "stage2: 2 steps, of epochs 160 to 199, 11 steps each" in lines
    assert "evaluation: 64 of 400 test images" in lines
    assert "nothing was kept; the run would take 200 epochs, 2,200 steps" in lines
    left = {path.name for path in tmp_path.rglob("*")}
    assert left == {"recipe.lt", "LTDSL_CACHE", "TMPDIR"}


def test_what_is_in_the_way_is_said(ltdsl, recipe, tmp_path):
    done = ltdsl("run", recipe('init = "none.ckpt"; stage1: ce'), "--smoke")
    assert done.returncode == 1
    assert "error[LT411]" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.lt"]


@pytest.mark.parametrize(
    "option", [["--out", "x"], ["--keep-cam", "x"], ["--tensorboard"], ["--workers", "2"]]
)
def test_misuse(recipe, option):
    done = CliRunner().invoke(make_app(["run"]), ["run", str(recipe(RECIPE)), "--smoke", *option])
    assert done.exit_code == 2
    assert "--smoke keeps nothing" in done.output


def test_a_plan_of_the_same_stages():
    plan = compile_recipe(Source("r.lt", RECIPE)).plan
    small = shortened(plan)
    assert [(stage.start, stage.end) for stage in small.stages] == [(0, 1), (1, 2)]
    assert small.epochs == 2
    for stage, whole in zip(small.stages, plan.stages, strict=True):
        assert stage.rate(stage.start) == whole.rate(whole.start)
        same = {"start", "end", "rates"}
        assert stage.model_dump(exclude=same) == whole.model_dump(exclude=same)


class _Numbers:
    """A part that keeps the numbers it was made of."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def take(self, indices):
        return _Numbers(self.numbers[indices])


@pytest.mark.parametrize("length", [1, IMAGES, IMAGES + 1, 1000])
def test_images_of_all_of_a_part(length):
    chosen = some(_Numbers(np.arange(length))).numbers
    assert len(chosen) == len(set(chosen)) == min(length, IMAGES)
    assert length - chosen[-1] <= -(-length // IMAGES)
