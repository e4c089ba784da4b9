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


def test_images_that_the_data_validate_with_are_not_taken_from_those_to_train_with(
    ltdsl, recipe, tmp_path
):
    for part, count in (("train", 20), ("val", 4), ("test", 4)):
        for name in ("a", "b"):
            (tmp_path / "D" / part / name).mkdir(parents=True)
            for number in range(count):
                (tmp_path / "D" / part / name / f"{part}{number}.png").touch()  # only counted
    text = "dataset = image_folder\nvalidation = 0.1; batch_size = 8\nstage1: ce"
    shown = ltdsl("plan", recipe(text), "--data", "D").stdout
    assert "5 steps an epoch" in shown
    assert "best by validation macro recall" in shown


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
