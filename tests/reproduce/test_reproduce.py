"""Published tables trained again: which rows, for how long, and what is said of what came out."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from scipy import stats
from support.predictions import predicted_run
from support.processes import FULL
from support.report import plan_of
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.compiler import compile_recipe
from ltdsl.judge.groups import grouped
from ltdsl.judge.shares import shares
from ltdsl.reference.published import names, text_of, why_not
from ltdsl.reproduce.agreement import Compared, compared, ours, ranks
from ltdsl.reproduce.tables import Entry, chosen, recipe_of, tables
from ltdsl.runs.reading import read_run
from ltdsl.source import Source

TABLE = "cifar10_lt_100-cao"
ROWS = ("200-ce", "200-ce-then-cs_ce", "200-ce-then-class_balanced", "200-cs_ce")


def entry(short):
    (found,), unknown = chosen(TABLE, [short])
    assert unknown == []
    return found


def test_every_published_row_is_in_one_table():
    found = [each.name for entries in tables().values() for each in entries]
    assert sorted(found) == sorted(names())
    for table, entries in tables().items():
        assert len({(row.dataset, row.split) for e in entries for row in e.printed}) == 1
        assert all(each.name == f"{table}-{each.short}" for each in entries)


def test_rows_are_chosen_by_name():
    found, unknown = chosen(TABLE, ["200-ce", f"{TABLE}-200-cs_ce", "*-then-cs_*", "none"])
    assert [each.short for each in found] == ["200-ce", "200-cs_ce", "200-ce-then-cs_ce"]
    assert unknown == ["none"]
    assert len(chosen(TABLE, [])[0]) == len(tables()[TABLE])


@pytest.mark.parametrize("scale", [0.5, 0.15, 0.1] if FULL else [0.15])
def test_all_of_a_recipe_shrinks_alike(scale):
    kinds = {(rows[0].trained, rows[0].stages): name for name, rows in names().items()}
    for name in names() if FULL else kinds.values():
        printed = names()[name]
        if why_not(printed[0]) or recipe_of(Entry("", name, printed), scale)[1]:
            continue
        whole, short = (
            compile_recipe(Source(name, text_of(printed, each))) for each in (1.0, scale)
        )
        assert not short.failed, (name, [problem.message for problem in short.diagnostics])
        assert short.recipe.settings.epochs == round(printed[0].epochs * scale)
        assert len(whole.plan.stages) == len(short.plan.stages)
        for one, other in zip(whole.plan.stages, short.plan.stages, strict=True):
            assert abs(one.start * scale - other.start) <= 1, name
            # the same rates in the same order, but for those of the warm-up
            rates = [
                [rate for epoch, rate in stage.rates if rate <= stage.optimizer.lr]
                for stage in (one, other)
            ]
            assert rates[0][-1] == pytest.approx(rates[1][-1]), name


def test_the_whole_recipe_is_the_published_one():
    found = entry("200-ce-then-cs_ce")
    assert recipe_of(found, 1.0) == (text_of(found.printed), "")


def test_what_cannot_be_trained_says_why():
    assert "teacher" in recipe_of(entry("200-balanced_softmax+dive*"), 1.0)[1]
    retrained = entry("230-ce-then-crt+class_balanced")
    assert recipe_of(retrained, 0.01) == ("", "its parts are too short for 0.01 times the epochs")


@pytest.fixture
def trained(tmp_path):
    """Makes the row of a table with runs of it: the chance that an image is right, by seed."""

    def make(short, *chances):
        found = entry(short)
        text = recipe_of(found, 0.15)[0]
        runs = []
        for seed, chance in enumerate(chances):
            folder = tmp_path / f"{short},seed={seed}"
            predicted_run(folder, text, seed, chance, which=("last",))
            # as the predictions say
            path = folder / "evaluation.json"
            figures = json.loads(path.read_text())
            figures["last"]["top1_error"] = 100 - 100 * chance
            path.write_text(json.dumps(figures))
            runs.append(read_run(folder))
        return found, ours(grouped(runs)[0]) if runs else None

    return make


def test_intervals_are_over_seeds_where_there_are_some(trained):
    _, one = trained("200-ce", 0.7)
    assert one.errors == (pytest.approx(30),)
    images = shares(one.group.runs[0].evaluation.last)["error"]
    assert one.interval == (images.low, images.high)
    _, three = trained("200-cs_ce", 0.7, 0.72, 0.68)
    low, high = stats.t.interval(0.95, 2, 30, stats.sem([30, 28, 32]))
    assert three.interval == (pytest.approx(low), pytest.approx(high))


def test_rows_agree_disagree_or_leave_it_open(trained):
    """Printed: 28.05 for the baseline; 25.18, 24.93 and 31.70 for the others."""
    rows = compared(
        [
            trained("200-ce", 0.6, 0.6, 0.6),
            trained("200-ce-then-cs_ce", 0.9, 0.9, 0.9),
            trained("200-ce-then-class_balanced", 0.6, 0.6, 0.6),
            trained("200-cs_ce", 0.9, 0.9, 0.9),
            trained("400-input_mixup", 0.9, 0.9, 0.9),
            trained("200-focal"),
        ]
    )
    assert [row.verdict for row in rows] == [
        "",
        "agree",
        "open",
        "disagree",
        "not comparable",
        "",
    ]
    assert rows[4].differs == ("epochs: 60 and 30",)
    assert rows[1].apart.difference < -20
    assert rows[1].apart.low < rows[1].apart.difference < rows[1].apart.high


def test_ranks_are_kendalls(trained):
    shorts = ["200-ce", "200-cs_ce", "200-focal", "200-ldam", "200-cdt"]
    chances = [0.7, 0.6, 0.75, 0.74, 0.8]
    rows = [
        Compared(*trained(short, chance)) for short, chance in zip(shorts, chances, strict=True)
    ]
    found = ranks(rows)
    theirs, mine = [row.entry.theirs for row in rows], [row.ours.mean for row in rows]
    expected = stats.kendalltau(theirs, mine)
    assert found.tau == pytest.approx(expected.statistic)
    far = [(a, b) for a, b in combinations(range(5), 2) if abs(theirs[a] - theirs[b]) > 1.2]
    assert found.far == len(far)
    assert found.same == sum((theirs[a] < theirs[b]) == (mine[a] < mine[b]) for a, b in far)


@pytest.fixture
def reproduce(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, code=0):
        app = make_app(["reproduce", "new"])
        done = CliRunner().invoke(app, ["reproduce", *arguments], env={"COLUMNS": "200"})
        assert done.exit_code == code, done.output
        return done.output

    return call


def test_tables_are_listed(reproduce):
    assert f"{TABLE}  38 rows" in reproduce()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cifar10_lt_100"], "no published table"),
        ([TABLE, "--rows", "200-nothing"], "has no row `200-nothing`"),
        ([TABLE, "--epochs-scale", "1.5"], "above 0 and at most 1"),
        ([TABLE, "--rows", "*dive*"], "none of these rows can be trained"),
    ],
)
def test_what_is_no_table_is_said(reproduce, arguments, said):
    assert said in reproduce(*arguments, code=2)


def test_what_is_trained_is_said_first(reproduce, monkeypatch):
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    out = reproduce(TABLE, "--rows", ",".join(ROWS), "--epochs-scale", "0.15", "--dry-run")
    assert "epochs 0-23 of 200-ce,seed=0" in out
    assert "72 epochs to train instead of 120" in out


def test_a_table_that_is_trained_is_shown_beside_the_printed_one(reproduce, tmp_path):
    folder = tmp_path / "out"
    for row, chance in zip(ROWS, (0.6, 0.9, 0.8, 0.3), strict=True):
        text = recipe_of(entry(row), 0.15)[0]
        predicted_run(folder / row, text, 0, chance, which=("last",))
    out = reproduce(TABLE, "--rows", ",".join(ROWS), "--epochs-scale=0.15", "--out", "out")
    assert "4 finished" in out
    page = (folder / "table.md").read_text()
    assert "Each row for 0.15 times the epochs" in page
    assert "| `200-ce` | 29.64 % (doubtful), 28.05 % |" in page
    assert "| -2.87 |" in page  # 25.18 - 28.05
    assert "trick_gallery.md@main: github.com/zhangyongshun/BagofTricks-LT" in page
    data = json.loads((folder / "table.json").read_text())
    assert [row["name"].removeprefix(f"{TABLE}-") for row in data["rows"]] == [
        "200-ce",
        "200-cs_ce",
        "200-ce-then-cs_ce",
        "200-ce-then-class_balanced",
    ]
    by_name = {row["name"]: row for row in data["rows"]}
    assert by_name[f"{TABLE}-200-ce-then-cs_ce"]["verdict"] == "agree"
    assert by_name[f"{TABLE}-200-cs_ce"]["verdict"] == "agree"
    assert data["ranks"]["rows"] == 4


def test_an_entry_compares_with_its_own_figure_and_not_with_a_cited_one():
    found = entry("200-ce")
    assert found.theirs == 28.05
    assert found.is_baseline
    assert isinstance(found, Entry)
    assert plan_of(recipe_of(found, 1.0)[0]).epochs == 200
