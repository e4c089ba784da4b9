"""`ltdsl run --json` and `--dry-run`: what programs are told, and what would be."""

from __future__ import annotations

import json
import re

RECIPE = """epochs = 2; batch_size = 400; schedule = constant; validation = 0.1
warm: ce
end: cs_ce @ epoch 1
"""


def told(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_events(trains, recipe, tmp_path):
    done = trains("run", recipe(RECIPE), "--out", "run", "--json", "--no-cache", "--stop-after", 1)
    assert done.returncode == 0, done.stderr
    begin, stage, epoch, stopped = told(done)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert begin == {
        "event": "begin",
        "run": "run",
        "plan_sha256": facts["plan_sha256"],
        "epochs": 2,
        "done": 0,
        "stages": [
            {"stage": "warm", "start": 0, "end": 1},
            {"stage": "end", "start": 1, "end": 2},
        ],
        "device": "cpu",
    }
    assert stage == {"event": "stage", "stage": "warm"}
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert epoch == {"event": "epoch", **json.loads(lines[0])}
    assert stopped == {
        "event": "stopped",
        "run": "run",
        "done": 1,
        "resume": "ltdsl run --resume run",
    }
    assert "epoch 0 (1/2)" in done.stderr
    done = trains("run", "--resume", "run", "--json")
    events = told(done)
    assert [each["event"] for each in events] == ["begin", "stage", "epoch", "result", "end"]
    assert events[0]["done"] == 1
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert events[3]["evaluation"] == evaluation
    assert events[4]["report"] == "run/report.html"
    assert "top-1 error" in done.stderr
    [error] = told(trains("run", "--resume", "run", "--json"))
    assert (error["event"], error["code"]) == ("error", "LT422")


def test_a_look_at_what_would_be(trains, recipe, tmp_path):
    path = recipe(RECIPE)
    before = sorted(tmp_path.iterdir())
    done = trains("run", path, "--dry-run", "--tensorboard", "--no-cache")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert "would train: 2 epochs, 2 steps" in shown
    [read] = [line for line in shown if line.startswith("would read: digits_lt, images: ")]
    train, held, test = map(int, re.findall(r"(\d+) \w+", read.partition("images: ")[2]))
    assert (train + held, test) == (453, 400)
    assert 30 <= held <= 60
    [line] = [line for line in shown if line.startswith("would write: runs/recipe-…, ")]
    assert line.endswith(" MB, report.html")
    assert shown[-1] == "nothing was trained, and nothing is kept"
    assert sorted(tmp_path.iterdir()) == before
    # what a run is refused for, it is refused for
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("")
    done = trains("run", path, "--dry-run", "--out", "taken")
    assert (done.returncode, "error[LT421]" in done.stderr) == (1, True)
    done = trains("run", path, "--dry-run", "--out", "taken/file/run")
    assert "LT421" in done.stderr
    assert "cannot write to taken/file/run: Not a directory" in done.stderr
    done = trains("run", path, "--dry-run", "--set", "batch_size=440")
    assert (done.returncode, "error[LT404]" in done.stderr) == (1, True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["recipe.lt", "taken"]


def test_what_does_not_go_together(ltdsl, recipe):
    path = recipe(RECIPE)
    for words in (["--dry-run", "--json"], ["--json", "--smoke"], ["--dry-run", "--workers", 2]):
        assert ltdsl("run", path, *words).returncode == 2
