"""One's own runs as neighbours of a recipe, beside the published ones."""

from __future__ import annotations

import pytest
from support.predictions import predicted_run
from support.report import RECIPE, plan_of
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.compiler import compile_recipe
from ltdsl.evidence.combination import of_plan, of_recipe
from ltdsl.judge.own import nearest_own
from ltdsl.reference.published import names, text_of, why_not
from ltdsl.source import Source

OTHER = RECIPE.replace("cs_ce", "focal")


@pytest.fixture
def advise(tmp_path):
    (tmp_path / "mine.lt").write_text(RECIPE)

    def call(*arguments, code=0):
        line = ["advise", str(tmp_path / "mine.lt"), *map(str, arguments)]
        done = CliRunner().invoke(make_app(["advise", "runs"]), line, env={"COLUMNS": "160"})
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())

    return call


def test_a_plan_has_the_combination_of_its_recipe():
    for name, printed in list(names().items())[:60]:
        if not why_not(printed[0]):
            result = compile_recipe(Source(name, text_of(printed)))
            assert of_plan(result.plan) == of_recipe(result.recipe), name


def test_the_nearest_come_first_and_others_images_do_not(tmp_path):
    for seed in (1, 2, 3):
        predicted_run(tmp_path / "runs" / f"same{seed}", RECIPE, seed)
    predicted_run(tmp_path / "runs" / "other", OTHER)
    predicted_run(tmp_path / "runs" / "longer", RECIPE.replace("epochs = 12", "epochs = 16"))
    text = RECIPE.replace("digits_lt", "digits_lt(imbalance = 5)")
    predicted_run(tmp_path / "runs" / "imbalance", text)
    found, others = nearest_own(plan_of(RECIPE), [tmp_path / "runs"])
    told = [(own.changes, sorted(run.name for run in own.group.runs)) for own in found]
    assert told == [(0, ["same1", "same2", "same3"]), (0, ["longer"]), (1, ["other"])]
    assert others == 1


def test_what_they_would_change_first(advise, tmp_path):
    for seed in (1, 2, 3):
        predicted_run(tmp_path / "runs" / f"a{seed}", RECIPE, seed, 0.6)
        predicted_run(tmp_path / "runs" / f"b{seed}", OTHER, seed, 0.9)
    out = advise("--runs", tmp_path / "runs")
    published, own = out.split("Your own runs on digits_lt")
    assert "Split cao" in published
    assert "What they would change first: `input_mixup; cam_bs + cs_ce` to" in own
    assert "better in top-1 error by" in own
    assert "over 3 seeds" in own
    assert "a1 and 2 more" in own
    assert "Your own runs" not in advise()


def test_nothing_is_claimed_without_a_difference(advise, tmp_path):
    predicted_run(tmp_path / "a", RECIPE, 1)
    predicted_run(tmp_path / "b", OTHER, 1)
    assert "beyond doubt" in advise("--runs", tmp_path / "a", "--runs", tmp_path / "b")


def test_folders_without_such_runs(advise, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "None is finished" in advise("--runs", tmp_path / "empty")
    assert "no folder" in advise("--runs", tmp_path / "missing", code=2)
