"""What pages and cards say of differences and intervals."""

from __future__ import annotations

import re

import pytest
from support.predictions import predicted_run
from support.report import RECIPE, make_run, plan_of, with_classes

from ltdsl.report import ReportError, write_card, write_report

OTHER = RECIPE.replace("cs_ce", "focal")


def page(*paths, out=None):
    return write_report(list(paths), out).read_text(encoding="utf-8")


def test_macro_recall_and_few_stand_beside_the_error_with_intervals(tmp_path):
    html = page(make_run(tmp_path / "run"))
    names = re.findall(r'<tr><th scope="row">([^<]*)', html)
    assert names[:4] == ["top-1 error", "macro recall ", "few ", "medium "]
    assert "macro F1 " in names
    assert len(re.findall(r'class="interval">[\d.]+–[\d.]+<', html)) == 10


def test_rows_of_a_latex_table_are_escaped(tmp_path):
    html = page(make_run(tmp_path / "50% & _more_"))
    assert r"50\% \&amp; \_more\_, last epoch &amp; " in html


def test_a_comparison_claims_with_each_recipe_as_the_base(tmp_path):
    for seed in (1, 2, 3):
        predicted_run(tmp_path / "runs" / f"a{seed}", RECIPE, seed, 0.6)
        predicted_run(tmp_path / "runs" / f"b{seed}", OTHER, seed, 0.9)
    html = page(tmp_path / "runs")
    assert 'data-show="A"' in html
    assert 'data-show="B"' in html
    assert re.search(r"<p class=\"claim\">Better in top-1 error by .* over 3 seeds", html)
    assert re.search(r"<p class=\"claim\">Worse in top-1 error by ", html)


def test_classes_that_gained_and_lost_stand_in_a_table_without_predictions_too(tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", OTHER, seed=5)
    html = page(a, b, out=tmp_path / "out.html")
    assert "Nothing is claimed: a keeps no predictions" in html
    assert ">classes that gained<" in html
    assert ">classes that lost<" in html
    assert (
        '"tail-last"' not in html
    )  # no lines through classes that have nothing to do with each other


def test_trends_over_many_classes_stay_lines(tmp_path):
    plan = with_classes(plan_of(), [max(2, 400 - 4 * c) for c in range(100)])
    a = make_run(tmp_path / "a", plan=plan)
    other = plan.model_copy(update={"epochs": plan.epochs, "clip_norm": 1.0})
    b = make_run(tmp_path / "b", plan=other)
    assert '"tail-last"' in page(a, b, out=tmp_path / "out.html")


def test_a_model_card(tmp_path):
    run = make_run(tmp_path / "run", names=["cat|<b>", *map(str, range(9))])
    path = write_card(run)
    assert path == run / "card.md"
    text = path.read_text(encoding="utf-8")
    assert re.search(r"\| top-1 error \| \d+\.\d\d \(\d+\.\d–\d+\.\d\) \| ", text)
    assert r"cat\|\<b\>" in text
    assert "## Intended use" in text
    assert plan_of().digest() in text
    assert write_card(run) == path  # its own is written again
    path.write_text("my notes")
    with pytest.raises(ReportError, match="no model card") as caught:
        write_card(run)
    assert caught.value.code == "LT451"


def test_a_card_of_a_run_that_is_not_finished_says_so(tmp_path):
    run = make_run(tmp_path / "run", done=3, status="interrupted")
    assert "None: the run has no final evaluation" in write_card(run).read_text(encoding="utf-8")
