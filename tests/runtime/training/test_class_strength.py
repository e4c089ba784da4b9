"""`class_strength`: operations and levels against their definitions, and runs that keep the levels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ltdsl_runtime.data.augment.class_strength import OPERATIONS, ClassStrength
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.tricks.curriculum import asked_of, moved
from support.processes import FULL
from support.training import (
    assert_same,
    conv_network,
    count_compilations,
    plan,
    stop_after,
    trainer,
)

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

NAMES = list(OPERATIONS)


def changed(name, level, pixels, turned=False):
    """One operation of a level on an image [C, H, W]; the level's others are mirrorings that undo each other."""
    step = ClassStrength(0.5, 10, 0.6, 10)
    drawn = step.draw(np.random.default_rng(0), 1)
    drawn[:, :10] = (NAMES.index("mirror") + 0.5) / len(NAMES)
    drawn[:, 0] = (NAMES.index(name) + 0.5) / len(NAMES)
    drawn[:, 10:20] = 0.9 if turned else 0.1
    assert level % 2 == 1
    (result,) = step.apply(np.repeat(pixels[None], 1, 0), step.at(drawn, np.array([level])))
    return result


def shifted(pixels, x, y):
    """Pixel (i, j) from (i + y, j + x), black from outside."""
    result = np.zeros_like(pixels)
    _, height, width = pixels.shape
    for i in range(height):
        for j in range(width):
            if 0 <= i + y < height and 0 <= j + x < width:
                result[:, i, j] = pixels[:, i + y, j + x]
    return result


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [1, 3, 9])
def test_operations_by_their_definitions(level, channels):
    pixels = np.random.default_rng(4).integers(0, 256, (channels, 64, 64), dtype=np.uint8)
    share, whole = level / 30, pixels.astype(int)
    sums = np.clip(whole + share * 110, 0, 255).astype(np.uint8)
    bits = max(1, int(4 * share))
    step, over = int(100 * share + 0.5), np.uint8(256 - 2 ** (8 - bits))
    expected = {
        "flip": pixels[:, ::-1],
        "mirror": pixels[:, :, ::-1],
        "invert": 255 - pixels,
        "posterize": pixels & over,
        "solarize": np.where(whole < 256 * share, pixels, 255 - pixels),
        "solarize_add": np.where(sums < 128, sums, 255 - sums),
        "brightness": np.clip((0.1 + 1.8 * share) * pixels, 0, 255),
        "translate_x": shifted(pixels, step, 0),
        "translate_y": shifted(pixels, 0, step),
    }
    for name, result in expected.items():
        difference = np.abs(changed(name, level, pixels).astype(float) - result)
        assert difference.max() < 1 + 1e-6, name
    back = changed("translate_x", level, pixels, turned=True)
    assert np.array_equal(back, shifted(pixels, -step, 0))
    for name in NAMES:
        assert changed(name, level, pixels).shape == pixels.shape, name


def test_level_0_is_the_image_and_a_share_of_images_is_changed():
    step = ClassStrength(0.3, 10, 0.6, 10)
    images = np.random.default_rng(1).integers(0, 256, (400, 1, 8, 8), dtype=np.uint8)
    drawn = step.draw(np.random.default_rng(2), 400)
    assert np.array_equal(step.apply(images, drawn), images)
    placed = step.of_classes(drawn, np.full(400, 7))
    assert set(placed[:, -1]) == {0, 7}
    assert (placed[:, -1] == 7).mean() == pytest.approx(0.3, abs=0.06)
    assert np.array_equal(placed[:, :-1], drawn[:, :-1])


def test_what_is_asked_and_what_follows(data):
    levels = np.array([2, 0, 1, 4])
    step = ClassStrength(0.5, 4, 0.6, 5)
    asked = asked_of(data.train, [step], levels, 7, 3)
    again = asked_of(data.train, [step], levels, 7, 3)
    assert np.array_equal(asked.drawn[0], again.drawn[0])
    assert np.array_equal(asked.drawn[0][:, -1], asked.level)
    for label, highest in enumerate(levels):
        found = asked.level[asked.labels == label]
        assert np.bincount(found).tolist() == [5 * (each + 1) for each in range(highest + 1)]
    rng = np.random.default_rng(3)
    for _ in range(50):
        right = rng.random(len(asked)) < rng.choice([0.55, 0.8, 0.95])
        expected = []
        for label, highest in enumerate(levels):
            own = asked.labels == label
            passes = all(
                right[own & (asked.level == each)].mean() > 0.6 for each in range(highest + 1)
            )
            expected.append(min(4, max(0, highest + (1 if passes else -1))))
        assert moved(levels, asked, right, 0.6, 4).tolist() == expected


RUN = (
    "schedule = constant(warmup = 0); epochs = 7; batch_size = 16; seed = 3; "
    "augment = [random_horizontal_flip, class_strength(accept = 0.25, trials = 4, levels = 3)]; "
    "a: class_balanced; b: balanced_softmax @ epoch 4 { optimizer = sgd(lr = 0.05) }"
)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("strength") / "run"
    made = trainer(plan(RUN), data, folder, conv_network())
    with count_compilations() as seen:
        made()
    assert sorted(seen) == ["EvalStep", "TrainStep", "TrainStep"]  # whatever the levels are
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return made, [json.loads(line)["levels"] for line in lines]


def test_levels_move_by_one_and_go_on_in_the_next_stage(whole):
    levels = np.array(whole[1])
    assert levels.shape == (7, 4)
    steps = np.diff(levels, axis=0, prepend=np.zeros((1, 4), int))
    assert np.abs(steps).max() == 1
    assert levels.max() >= 2  # or nothing would have been seen
    stayed = steps == 0
    assert np.all((levels[stayed] == 0) | (levels[stayed] == 3))


@pytest.mark.parametrize("epochs", [2, 4] if FULL else [4])
def test_a_run_that_was_stopped_goes_on_exactly(data, tmp_path, whole, epochs):
    stop_after(trainer(plan(RUN), data, tmp_path / "run", conv_network()), epochs)
    resumed = trainer(plan(RUN), data, tmp_path / "other", conv_network())
    resumed.run = RunDirectory(tmp_path / "run", resume=True)
    resumed(resume=True)
    made, levels = whole
    assert_same(resumed.reporter.ends[-1], made.reporter.ends[-1])
    assert [list(record.levels) for record in resumed.reporter.records] == levels[epochs:]


@pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")
def test_what_acts_in_evaluation_does_not_reach_the_levels(data, tmp_path, whole):
    text = RUN.replace("b: balanced_softmax", "b: balanced_softmax + tau_norm(tau = 3)")
    made = trainer(plan(text), data, tmp_path / "run", conv_network())
    made()
    assert [list(record.levels) for record in made.reporter.records] == whole[1]
    assert_same(made.reporter.ends[-1], whole[0].reporter.ends[-1])


def test_strength_changes_what_is_trained_on(data, tmp_path, whole):
    text = RUN.replace("accept = 0.25", "accept = 0.99")  # so that no class leaves level 0
    made = trainer(plan(text), data, tmp_path / "run", conv_network())
    made()
    assert any(
        np.any(value != whole[0].reporter.ends[-1][name])
        for name, value in made.reporter.ends[-1].items()
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("augment = [class_strength, class_strength(levels = 3)]; a: ce", "once"),
        (
            "augment = [class_strength]; body = frozen; init = pretrained; views = 4; a: ce",
            "same whenever",
        ),
    ],
)
def test_what_cannot_be_had_together(text, why):
    problems = compile_recipe(Source("recipe.lt", text)).diagnostics
    (found,) = [problem for problem in problems if problem.code == "LT119"]
    assert why in found.message
