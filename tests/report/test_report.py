"""`ltdsl report` on run directories of every kind: what is known is shown, what is not is said."""

from __future__ import annotations

import json
from itertools import accumulate, pairwise

import altair as alt
import pytest
from support.predictions import predicted_run
from support.report import make_run, plan_of

from ltdsl.report import ReportError, write_report
from ltdsl.report.charts import curves, theme
from ltdsl.report.page import share
from ltdsl.runs.metrics import Epoch


def page(*paths, out=None):
    return write_report(list(paths), out).read_text(encoding="utf-8")


def test_one_run(tmp_path):
    html = page(make_run(tmp_path / "run"))
    for words in (
        "<bdi>run</bdi>",
        "cam_bs",
        "validation part of 47 training images",
        "macro recall",
        "mindspore 2.10.0",
        "a" * 64,
        plan_of().digest(),
    ):
        assert words in html
    trained = sorted(row["train_images"] for row in evaluated(tmp_path / "run")["per_class"])
    few = evaluated(tmp_path / "run")["groups"]["few"]["classes"]
    assert f"{trained[0]}–{trained[few - 1]} images" in html


@pytest.mark.parametrize(("value", "shown"), [(2.5, "3"), (3.5, "4"), (2.49, "2"), (100, "100")])
def test_shares_are_rounded_as_in_the_chart_beside_them(value, shown):
    assert share(value) == f"{shown}\N{NARROW NO-BREAK SPACE}%"


def test_charts_tell_screen_readers_both_ends_of_a_curve():
    lines = [{"epoch": n, "stage": "a", "macro_recall": v} for n, v in enumerate((20, 60, 50))]
    epochs = [Epoch.leniently(line, []) for line in lines]
    chart = curves.measured(epochs, None, "macro_recall", "macro recall, %", ".2f")
    said = "macro recall, % of each epoch: 20 at first, 50 at last, and between 20 and 60"
    assert chart["description"] == said


@pytest.mark.parametrize(
    ("widths", "ends", "places"),
    [
        ((50, 50), False, {("left", 0): [("a", 0), ("b", 50)]}),
        ((90, 10), False, {("left", 0): [("a", 0)], ("left", 1): [("b", 90)]}),
        ((9, 1), True, {("left", 0): [("a", 0)], ("right", 0): [("b", 10)]}),
        (
            (4, 2, 4),
            True,
            {("left", 0): [("a", 0)], ("center", 0): [("b", 5)], ("right", 0): [("c", 10)]},
        ),
        ((8,), True, {("left", 0): [("a", 0)]}),
    ],
)
def test_places_of_the_names_of_bands(widths, ends, places):
    edges = [0, *accumulate(widths)]
    parts = [(name, *edge) for name, edge in zip("abc", pairwise(edges), strict=False)]
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, edges[-1]]))
    found = {}
    for layer in [chart.to_dict() for chart in theme.bands(parts, x, names=True, ends=ends)][1:]:
        row = (-4 - layer["encoding"]["y"]["value"]) // 14
        named = [(each["name"], each["at"]) for each in layer["data"]["values"]]
        found[layer["mark"]["align"], row] = named
    assert found == places


def evaluated(run):
    return json.loads((run / "evaluation.json").read_text())["last"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": "running", "done": 5}, "5 of 12 epochs"),
        ({"status": "interrupted", "done": 0}, "was interrupted: 0 of 12"),
        ({"status": "failed", "done": 3, "error": "LT410: the loss is nan"}, "the loss is nan"),
        ({"unreadable": ["lynx/a.jpg", "lynx/b.jpg"]}, "lynx/a.jpg, and 1 more"),
        ({"changes": ["epochs=12"]}, "not in the recipe&#39;s text: epochs=12"),
        ({"text": "epochs = 4; best_on = test; a: ce"}, "test images themselves"),
        ({"text": "epochs = 4; validation = 0.1; a: ce"}, "best by validation macro recall"),
        ({"text": "epochs = 4; validation = 0.1; a: ce"}, "every class has the same weight"),
        (
            {"text": "epochs = 4; validation = 0.1; best_by = top1_error; a: ce"},
            "which frequent classes decide",
        ),
        ({"text": "epochs = 4; a: ce"}, "no validation part"),
        ({"text": "epochs = 5; evaluate_every = 3; a: ce"}, "Evaluated were 2 of the 5 epochs"),
        ({"text": "epochs = 5; evaluate_every = 3; a: ce", "done": 4}, "on the test images after"),
        ({"text": "epochs = 5; evaluate_every = 3; a: ce"}, "dots are the epochs"),
        ({"plan_sha256": "0" * 64}, "not the plan that this run"),
        ({"tested": 3}, "as few as 3 test images"),
    ],
)
def test_what_must_be_said_is_said(tmp_path, facts, words):
    assert words in page(make_run(tmp_path / "run", **facts))


@pytest.mark.parametrize("name", ["plan.json", "run.json", "metrics.jsonl", "evaluation.json"])
@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"\xff\xfe\x00", b"[]", b"[" * 100_000, b'{"last": 3}\n', b"null"]
)
def test_a_damaged_part_is_no_crash(tmp_path, name, content):
    run = make_run(tmp_path / "run")
    if content is None:
        (run / name).unlink()
    else:
        (run / name).write_bytes(content)
    assert 'id="origin"' in page(run)


def test_nothing_outside_the_folder_is_shown(tmp_path):
    run = make_run(tmp_path / "run")
    (tmp_path / "secret").write_text("my password")
    (run / "recipe" / "other.lt").symlink_to(tmp_path / "secret")
    (run / "evaluation.json").unlink()
    (run / "evaluation.json").symlink_to(tmp_path / "secret")
    (run / "cam").mkdir()
    (run / "cam" / "a.json").write_text(
        json.dumps(
            {
                "stage": "a",
                "file": "../../secret",
                "width": 4,
                "row_height": 1,
                "columns": ["image"],
                "rows": [{"class": "0"}],
            }
        )
    )
    html = page(run)
    assert "my password" not in html
    assert "cannot be shown" in html


def test_what_is_in_the_way(tmp_path):
    with pytest.raises(ReportError, match="no such folder") as caught:
        write_report([tmp_path / "nowhere"])
    assert caught.value.code == "LT450"
    with pytest.raises(ReportError, match=r"no run\.json"):
        write_report([tmp_path])
    run = make_run(tmp_path / "run")
    (tmp_path / "thesis.html").write_text("mine")
    with pytest.raises(ReportError, match="is no report") as caught:
        write_report([run], tmp_path / "thesis.html")
    assert caught.value.code == "LT451"
    assert (tmp_path / "thesis.html").read_text() == "mine"
    with pytest.raises(ReportError, match="cannot write"):
        write_report([run], tmp_path / "nowhere" / "report.html")
    assert write_report([run]) == write_report([run])  # its own is written anew


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("data", "on the validation images that the data bring"),
        ("training", "on a validation part of"),
    ],
)
def test_whose_validation_images_chose_is_said(tmp_path, source, words):
    run = make_run(tmp_path / "run", text="epochs = 4; validation = 0.1; a: ce")
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps(plan | {"validation_from": source}))
    assert words in page(run)


def test_the_surest_mistakes_are_told_and_shown_only_if_asked_for(tmp_path):
    run = predicted_run(tmp_path / "run")
    html = write_report([run]).read_text()
    assert "Surest mistakes" in html
    assert 'alt="test image' not in html
    asked = []

    def pictures(images):
        asked.extend(images)
        return dict.fromkeys(images, b"PNG")

    html = write_report([run], pictures=pictures).read_text()
    assert 1 <= len(asked) <= 24
    assert html.count('<img src="data:image/png;base64,UE5H" alt="test image') == 24
