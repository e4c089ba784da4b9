"""The options of a run: the same in every process that is told them."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

from ltdsl.cli.commands.run import run
from ltdsl.options import Origin, RunOptions
from ltdsl.sweep.process import Job

ALL = RunOptions(
    "cpu", Path("images"), Path("cam"), True, True, 2, True, 5000, True, (3, 8), True, 4,
    track=("mlflow", "wandb"), track_checkpoints=True,
)  # fmt: skip


def test_what_is_typed_says_all_that_is_not_as_always():
    assert RunOptions().arguments() == []
    assert ALL.arguments() == [
        "--device=cpu",
        "--data=images",
        "--keep-cam=cam",
        "--tensorboard",
        "--skip-unreadable",
        "--workers=2",
        "--split-classes",
        "--port=5000",
        "--no-cache",
        "--cache-at=3",
        "--cache-at=8",
        "--cache-evaluated",
        "--stop-after=4",
        "--track=mlflow",
        "--track=wandb",
        "--track-checkpoints",
    ]
    rest = {"--device=cpu", "--split-classes", "--tensorboard", "--no-cache"}
    rest |= {"--cache-at=3", "--cache-at=8", "--cache-evaluated", "--stop-after=4"}
    rest |= {"--track=mlflow", "--track=wandb", "--track-checkpoints"}
    assert set(ALL.of_a_worker().arguments()) - rest == {
        "--data=images",
        "--keep-cam=cam",
        "--skip-unreadable",
    }


def test_every_option_is_one_of_the_command():
    parameters = inspect.signature(run).parameters
    for each in fields(RunOptions):
        assert getattr(parameters[each.name].default, "value", parameters[each.name].default) == (
            each.default
        )


def test_paths_are_found_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options = ALL.from_anywhere()
    assert (options.data, options.keep_cam) == (tmp_path / "images", tmp_path / "cam")
    assert options.device == "cpu"
    assert RunOptions().from_anywhere() == RunOptions()


def test_a_job_is_read_as_it_was_written():
    origin = Origin({"a.lt": "ce", "ä.lt": "use"}, Path("/r"), ("seed=1",), ("broken.png",))
    job = Job(Path("/out"), Path("/log"), "{}", origin, ALL)
    text = job.to_json()
    assert b"\n" not in text
    assert Job.from_json(text.decode()) == job
