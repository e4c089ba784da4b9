"""`ltdsl plan` for people: short unless asked for more."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

OPENING = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"


def test_the_hash_is_the_last_line(ltdsl, recipe):
    digest = compile_recipe(Source("recipe.lt", OPENING)).plan.digest()
    assert ltdsl("plan", recipe(OPENING)).stdout.splitlines()[-1] == f"hash {digest}"
    renamed = OPENING.replace("stage1", "one")
    assert ltdsl("plan", recipe(renamed)).stdout.splitlines()[-1] == f"hash {digest}"


def test_more_where_it_is_asked_for(ltdsl, recipe):
    path = recipe(OPENING)
    short = ltdsl("plan", path).stdout
    details = ltdsl("plan", path, "--details").stdout
    origins = ltdsl("plan", path, "--origins", "--set", "seed=3").stdout
    assert "learning rate of each epoch" in details
    assert "weight of a class in the loss" in details
    assert "160 epochs of 14 steps: 2,240" in details
    assert "protocol of digits_lt" in origins
    assert "--set" in origins
    for words in ("of each epoch", "written in"):
        assert words not in short


def test_what_augmentation_does_to_ones_own_images(ltdsl, recipe):
    shown = ltdsl("plan", recipe("dataset = image_folder\nstage1: ce")).stdout
    assert "random_horizontal_flip mirrors images: leave it out" in shown
    text = "dataset = image_folder\naugment = [random_resized_crop]\nstage1: ce"
    assert "mirrors" not in ltdsl("plan", recipe(text)).stdout
    assert "mirrors" not in ltdsl("plan", recipe("dataset = cifar10_lt\nstage1: ce")).stdout


@pytest.mark.parametrize("command", ["plan", "run", "advise"])
def test_a_seed_is_named_once(recipe, command):
    arguments = [command, str(recipe(OPENING)), "--seed", "1", "--set", "seed=2"]
    done = CliRunner().invoke(make_app([command]), arguments)
    assert done.exit_code == 2
    assert "use one of them" in done.output
