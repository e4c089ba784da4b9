"""Several runs in one page: groups apart from the seed, means and deviations, what differs."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from support.report import RECIPE, make_run, plan_of

from ltdsl.judge.groups import grouped
from ltdsl.report import write_report
from ltdsl.runs import read_run

OTHER = RECIPE.replace("cs_ce", "focal")


@pytest.fixture
def runs(tmp_path):
    """Two recipes, three seeds and two."""
    return [
        make_run(tmp_path / "runs" / f"{name}{seed}", text, seed)
        for name, text, seeds in (("a", RECIPE, (1, 2, 3)), ("b", OTHER, (1, 2)))
        for seed in seeds
    ]


def page(*paths, out):
    return write_report(list(paths), out).read_text(encoding="utf-8")


def error(run, which="last"):
    return json.loads((run / "evaluation.json").read_text())[which]["top1_error"]


def test_mean_and_deviation_over_seeds(runs, tmp_path):
    html = page(*runs, out=tmp_path / "out.html")
    for which in ("last", "best"):
        for part in (runs[:3], runs[3:]):
            errors = [error(run, which) for run in part]
            assert f"{np.mean(errors):.2f} ± {np.std(errors, ddof=1):.2f}" in html
    assert "2 recipes, 5 runs" in html
    assert re.search(r"<td>3</td>.*<td>2</td>", html, re.DOTALL)
    assert "<bdi>cs_ce</bdi>" in html  # what differs: the loss
    assert "<bdi>focal</bdi>" in html


def test_order_does_not_matter_to_groups(runs):
    for order in (runs, runs[::-1]):
        groups = grouped([read_run(run) for run in order])
        assert sorted(len(group.runs) for group in groups) == [2, 3]


def test_a_folder_of_runs_stands_for_them(runs, tmp_path):
    whole = page(tmp_path / "runs", out=None)
    assert whole == page(*runs, out=tmp_path / "runs" / "other.html")
    assert whole == (tmp_path / "runs" / "comparison.html").read_text(encoding="utf-8")


def test_one_seed_counts_once(runs, tmp_path):
    again = make_run(tmp_path / "again", RECIPE, 1)
    html = page(*runs, again, out=tmp_path / "out.html")
    assert "2 recipes, 5 runs" in html
    assert "counts once" in html
    groups = grouped([read_run(run) for run in (*runs, again)])
    assert [len(group.repeated) for group in groups] == [1, 0]


def test_a_single_seed_has_no_deviation(runs, tmp_path):
    html = page(runs[0], runs[3], out=tmp_path / "out.html")
    assert " ± " not in re.sub(r"<script.*", "", html, flags=re.DOTALL).replace("mean ± sample", "")
    assert "One seed only" in html


def test_unfinished_and_unlike_runs_are_said_to_be(runs, tmp_path):
    more = [
        make_run(tmp_path / "stopped", RECIPE, 4, status="interrupted", done=3),
        make_run(tmp_path / "other", OTHER, 5, data_sha256={"test": "c" * 64}),
        make_run(tmp_path / "broken", OTHER, 6),
        make_run(tmp_path / "fresh", OTHER, 7, status="running", done=0),
    ]
    (more[2] / "plan.json").write_text("{")
    html = page(*runs, *more, out=tmp_path / "out.html")
    assert "Without a final evaluation, and so without figures: stopped, fresh." in html
    assert "tested on different images" in html
    assert '"recall"' in html  # the validation part is long-tailed
    assert "broken: The plan cannot be shown" in html


def test_a_choice_on_the_test_images_hides_no_other_warning(tmp_path):
    chosen = make_run(tmp_path / "chosen", RECIPE.replace("0.1", "0.1; best_on = test", 1))
    lost = make_run(tmp_path / "lost", OTHER, warnings=["best.ckpt was lost"])
    html = page(chosen, lost, out=tmp_path / "out.html")
    assert html.count("chosen on the test images themselves") == 1
    assert "lost: best.ckpt was lost." in html


def test_a_status_that_is_not_known_is_said_to_be(runs, tmp_path):
    (runs[0] / "run.json").write_text("{}")
    assert page(*runs, out=tmp_path / "out.html").count("<bdi>unknown</bdi>") == 1


def test_recipes_of_one_name_are_told_apart_by_what_was_set(tmp_path):
    plan = plan_of(RECIPE, ("epochs=14",))
    a = make_run(tmp_path / "a")
    b = make_run(tmp_path / "b", plan=plan, changes=["epochs=14", "seed=0"])
    html = page(a, b, out=tmp_path / "out.html")
    assert "recipe (epochs=14)" in html


def test_data_sets_with_unlike_classes(tmp_path):
    a = make_run(tmp_path / "a")
    plan = plan_of().model_copy(update={"class_counts": (30, 20, 10)})
    b = make_run(tmp_path / "b", plan=plan)
    html = page(a, b, out=tmp_path / "out.html")
    assert "2 recipes, 2 runs" in html
    assert '"tail-last"' not in html


def test_reports_of_the_runs_are_linked_from_where_the_page_is(runs, tmp_path):
    write_report([runs[0]])
    (tmp_path / "pages").mkdir()
    html = page(*runs, out=tmp_path / "pages" / "out.html")
    assert 'href="../runs/a1/report.html"' in html
    assert html.count("report.html") == 1
