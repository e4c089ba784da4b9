"""`ltdsl runs`: what is in a folder of runs."""

from __future__ import annotations

import json

import pytest
from support.report import make_run
from typer.testing import CliRunner

from ltdsl.cli import make_app


@pytest.fixture
def listed(tmp_path):
    def call(*arguments, columns=200):
        return CliRunner().invoke(
            make_app(["runs", "check"]),
            ["runs", *map(str, arguments)],
            env={"COLUMNS": str(columns)},
        )

    return call


@pytest.fixture
def folder(tmp_path):
    make_run(tmp_path / "runs" / "a")
    make_run(tmp_path / "runs" / "b", done=5, status="interrupted", seed=1)
    make_run(
        tmp_path / "runs" / "c",
        text="epochs = 12; validation = 0.1; one: ce; two: class_balanced + crt + tau_norm @ epoch 8 "
        "{ optimizer = sgd(lr = 0.1) }",
        from_cache={"epochs": 8, "weights": "w", "records": "r"},
    )
    (tmp_path / "runs" / "d").mkdir()
    (tmp_path / "runs" / "d" / "run.json").write_text("{")
    (tmp_path / "runs" / "notes").mkdir()
    return tmp_path / "runs"


def test_each_run_is_a_row(listed, folder):
    done = listed(folder)
    assert done.exit_code == 0, done.output
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    evaluation = json.loads((folder / "a" / "evaluation.json").read_text())["last"]
    assert rows[0] == ["run", "status", "recipe", "error", "macro recall", "few", "time", "disk"]
    assert rows[1][1:4] == [
        "finished",
        "input_mixup; cam_bs + cs_ce @ epoch 8",
        f"{evaluation['top1_error']:.2f}",
    ]
    assert rows[1][6] == "0:00:18"  # 12 epochs of 1.5 s
    assert rows[2][1] == "interrupted 5/12"
    assert rows[3][1:3] == ["finished", "ce; class_balanced + crt + tau_norm @ epoch 8"]
    assert rows[3][6] == "0:00:06"  # 4 epochs that it trained itself
    assert rows[4][1:3] == ["unknown", "?"]


def test_the_same_for_programs(listed, folder):
    runs = json.loads(listed(folder, "--format", "json").stdout)["runs"]
    assert [run["status"] for run in runs] == ["finished", "interrupted", "finished", None]
    first = runs[0]
    assert (first["epochs"], first["of"], first["from_cache"]) == (12, 12, 0)
    assert first["bytes"] == sum(p.stat().st_size for p in (folder / "a").rglob("*") if p.is_file())
    assert runs[2]["from_cache"] == 8


def test_a_run_alone_and_folders_without_any(listed, folder, tmp_path):
    assert len(listed(folder / "a").stdout.splitlines()) == 2
    assert "no runs in" in listed(folder / "notes").stdout
    missing = listed(tmp_path / "none")
    assert missing.exit_code == 1  # as with all commands: what is not there is no wrong use
    assert f"error[LT413]: {tmp_path / 'none'} is no folder" in missing.stderr


def test_a_run_that_goes_on_cannot_be_changed_and_the_answer_says_how(folder):
    asked = ["run", "--resume", str(folder / "b"), "--set", "epochs=400"]
    done = CliRunner().invoke(make_app(["run", "check"]), asked)
    assert done.exit_code == 2
    line = f"ltdsl run {folder}/b/recipe/recipe.lt --set epochs=400 --from {folder}/b"
    assert line in done.output


@pytest.mark.parametrize("columns", [20, 40, 80, 100, 120, 160])
def test_names_are_whole_however_narrow_it_is(listed, tmp_path, columns):
    name = "optimizer.lr=0.05,dataset.imbalance=100,seed=1"
    make_run(tmp_path / name)
    make_run(tmp_path / "short", done=5, status="interrupted", seed=1)
    done = listed(tmp_path / name, tmp_path / "short", columns=columns)
    assert done.exit_code == 0, done.output
    assert str(tmp_path / name) in done.stdout
    assert "interrupted 5/12" in done.stdout
    head, *_, last = done.stdout.splitlines()
    left_out = [
        each for each in ("error", "macro recall", "few", "time", "disk") if each not in head
    ]
    assert (f"no room here for: {', '.join(left_out)}" in last) == bool(left_out)
    needed = len(str(tmp_path / name)) + 2 + len("interrupted 5/12") + 2 + 24 + 2
    assert max(map(len, done.stdout.splitlines())) <= max(columns, needed)
