"""`ltdsl compare`: whether differences are any, and what may be claimed."""

from __future__ import annotations

import json

import pytest
from support.predictions import predicted_run
from support.report import RECIPE
from typer.testing import CliRunner

from ltdsl.cli import make_app

OTHER = RECIPE.replace("cs_ce", "focal")


def compare(*arguments, code=0):
    done = CliRunner().invoke(make_app(["compare"]), ["compare", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return " ".join(done.stdout.split()), " ".join(done.stderr.split())


@pytest.fixture
def make(tmp_path):
    return lambda name, *given, **options: predicted_run(tmp_path / name, *given, **options)


def test_two_single_runs_are_two_networks(make):
    first, second = make("a", RECIPE, 1, 0.7), make("b", OTHER, 2, 0.9)
    out, _ = compare(first, second)
    assert "B against A: better in top-1 error by " in out
    assert "of these two trained networks, as there is one seed" in out
    assert "McNemar on top-1 error: p = " in out
    assert "best epoch, 1,000 test images" in out  # both chose one on their validation part
    turned, _ = compare(first, second, "--against", second)
    assert "B against A: worse in top-1 error by " in turned


def test_a_difference_in_the_tail_alone(make):
    out, _ = compare(make("a", RECIPE, 1, 0.8), make("b", OTHER, 1, 0.8, few=1.0))
    assert "better in few by" in out
    assert "in many by" not in out


def test_the_same_under_two_names_is_not_distinguishable(make):
    runs = [make(f"{n}{s}", t, s) for n, t in (("a", RECIPE), ("b", OTHER)) for s in (1, 2, 3)]
    data = json.loads(compare(*runs, "--format", "json")[0])
    (pair,) = data["comparisons"]
    assert pair["seeds"] == [[1, 1], [2, 2], [3, 3]]
    assert pair["claim"] == "not distinguishable; over 3 seeds, on these test images"
    assert pair["mcnemar"] is None
    for each in pair["differences"].values():
        assert each["low"] <= each["difference"] <= each["high"]
        assert each["adjusted_p"] >= each["p"]
    assert [len(recipe["runs"]) for recipe in data["recipes"]] == [3, 3]


def test_seeds_that_are_the_same_are_paired(make):
    runs = [
        make("a1", RECIPE, 1),
        make("a2", RECIPE, 2),
        make("b2", OTHER, 2),
        make("b7", OTHER, 7),
    ]
    (pair,) = json.loads(compare(*runs, "--format", "json")[0])["comparisons"]
    assert pair["seeds"] == [[2, 2]]


@pytest.mark.parametrize(
    ("text", "facts", "said"),
    [
        (OTHER.replace("epochs = 12", "epochs = 20"), {}, "epochs: 20 and 12"),
        (OTHER, {"data_sha256": {"train": "c" * 64, "test": "b" * 64}}, "other training images"),
        (OTHER + "\n", {"data_sha256": {"test": "c" * 64}}, "other test images"),
        (
            "augment = [random_horizontal_flip];" + OTHER,
            {},
            "augmentation: random_horizontal_flip and",
        ),
        ("model = resnet32;" + OTHER, {}, "model: resnet32"),
    ],
)
def test_what_cannot_be_compared_is_said(make, text, facts, said):
    out, _ = compare(make("a", RECIPE, 1, 0.6), make("b", text, 1, 0.9, **facts))
    assert "B against A: not comparable: " in out
    assert said in out
    assert "better" not in out


def test_selection_is_a_part_of_what_is_compared(make):
    tested = OTHER.replace("validation = 0.1", "validation = 0.1; best_on = test")
    runs = make("a", RECIPE, 1, 0.6), make("b", tested, 1, 0.9)
    out, _ = compare(*runs, "--checkpoint", "best")
    assert "epoch that counts: best on test and best on validation" in out


def test_runs_without_predictions_get_the_line_that_makes_them(make):
    first, second = make("a", RECIPE), make("b", OTHER, which=())
    _, err = compare(first, second, code=1)
    assert "has no predictions of its best epoch" in err
    assert f"ltdsl eval {second} --predictions {second}" in err


def test_one_recipe_is_none_to_compare(make):
    _, err = compare(make("a", RECIPE, 1), make("b", RECIPE, 2), code=2)
    assert "one recipe only" in err
