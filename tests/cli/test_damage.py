"""Run directories that were edited by hand, cut off or written by someone else: a sentence, never a traceback.

Every file that a command reads of a run is damaged in every way below, and every command that reads it is called as
the command line calls it, up to where a network would be made.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from concurrent.futures import Future

import pytest
import typer
from support.report import make_run
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.cli.commands import sweep
from ltdsl.compiler import compile_recipe
from ltdsl.runs.facts import MINDSPORE
from ltdsl.source import Source
from ltdsl.system.files import json_text

APP = make_app()

RECIPE = (
    "epochs = 4; validation = 0.1; schedule = constant(warmup = 0)\na: ce\nb: cs_ce @ epoch 2\n"
)

FILES = ("run.json", "plan.json", "metrics.jsonl", "evaluation.json")

#: What stands in the place of a file.
CONTENTS = {
    "nothing": b"",
    "half": None,
    "binary": bytes(range(256)) * 20,
    "null": b"null",
    "number": b"7",
    "list": b"[]",
    "object": b"{}",
    "deep": b"[" * 100_000,
    "many digits": b'{"epoch": ' + b"9" * 5000 + b"}",
}

#: What stands in the place of a value.
VALUES = (
    None,
    True,
    -1,
    0.5,
    10**400,
    10**12,
    float("inf"),
    float("nan"),
    "",
    "x",
    "\ud800",
    "a\0b",
    [],
    ["x", None],
    {},
    {"x": {"y": []}},
)


def places(data, path=()):
    """Every place in JSON data; of a list, the first item stands for all."""
    if path:
        yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list) and data:
        yield from places(data[0], (*path, 0))


def with_value(data, path, value):
    """The data with a value in some place; an ellipsis removes what is there."""
    if not path:
        return value
    changed = data.copy()
    if len(path) == 1 and value is ...:
        del changed[path[0]]
    else:
        changed[path[0]] = with_value(data[path[0]], path[1:], value)
    return changed


def damages(run):
    """Names of damages, and a file with what is to stand in it; None to remove it."""
    for name in FILES:
        text = (run / name).read_bytes()
        yield f"{name} gone", name, None
        for what, content in CONTENTS.items():
            yield f"{name}: {what}", name, text[: len(text) // 2] if content is None else content
        first, _, others = text.partition(b"\n") if name == "metrics.jsonl" else (text, b"", b"")
        data = json.loads(first)
        for place in places(data):
            for value in (..., *VALUES):
                changed = json.dumps(with_value(data, place, value)).encode()
                shown = "removed" if value is ... else repr(value)[:20]
                yield f"{name}: {'.'.join(map(str, place))} {shown}", name, changed + b"\n" + others


class NoPool:
    """Does no job: nothing is trained here."""

    def submit(self, job):
        done = Future()
        done.set_result("")
        return done

    def stop(self):
        pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run in a sweep's folder, as it is left behind."""
    folder = tmp_path_factory.mktemp("damage")
    (folder / "recipe.lt").write_text(RECIPE)
    result = compile_recipe(Source("recipe.lt", RECIPE))
    plan = result.plan
    view = {"channels": 1, "height": 8, "width": 8, "ratio": 1.0}
    data = {
        "classes": [str(c) for c in range(10)],
        "train_counts": list(plan.class_counts),
        "mean": [0.3],
        "std": [0.4],
        "view": view,
    }
    run = make_run(
        folder / "out" / "run",
        RECIPE,
        plan=plan,
        data=data,
        stages=[stage.name for stage in plan.stages],
        recipe_folder=str(folder),
        recipe_folder_from_run="../..",
        data_folder=str(folder),
        unreadable=["a.png"],
        warnings=["some"],
        error="LT410: no",
    )
    (run / "checkpoints").mkdir()
    for name in ("last", "best"):
        (run / "checkpoints" / f"{name}.ckpt").write_bytes(b"no checkpoint")
    return folder


def invoke(*arguments):
    """Call a command; whatever it says, it must not be that it is broken."""
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    error = result.exception
    assert error is None or isinstance(error, SystemExit), repr(error)
    assert result.exit_code in (0, 1, 2)
    return result


def report(folder):
    invoke("report", folder / "out" / "run")


def comparison(folder):
    invoke("report", folder / "out" / "run", folder / "good", "--out", folder / "c.html")


def diff(folder):
    invoke("diff", folder / "out" / "run", folder / "good")


def sweeping(folder):
    invoke("sweep", folder / "recipe.lt", "--out", folder / "out")
    for left in folder.glob("out/sweep.*"):
        left.unlink()


def using(folder):
    import numpy as np
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.trained import open_run

    from ltdsl.cli.trained import plan_of as opened_plan

    try:
        run = open_run(folder / "out" / "run", opened_plan(folder / "out" / "run"))
        folders = run.places.data(run.plan, None)
        run.places.recipe(run.plan, folders, checkpoints=True)
        json_text(run.facts.as_data())
    except (RunError, typer.Exit):
        return
    assert np.isfinite(np.float32([run.data.mean, run.data.std])).all()
    assert sum(np.int64(run.data.train_counts)) > 0
    assert isinstance(run.finished, bool)
    assert all(isinstance(name, str) for name in run.left_out)
    assert run.preferred == "best"


def resuming(folder):
    invoke("run", "--resume", folder / "out" / "run")


#: How many damages CI tries of each command, picked at random: pages take a second. LTDSL_FULL=1 tries all, for hours.
COMMANDS = {report: 3, comparison: 2, diff: 30, sweeping: 15, using: 150, resuming: 15}


@pytest.fixture
def untrained(monkeypatch):
    """The commands without what trains."""
    from ltdsl_runtime.machine.device import Device
    from ltdsl_runtime.training import run as runs
    from ltdsl_runtime.training.best import BestEpochs
    from ltdsl_runtime.training.tensorboard import Events

    def train(plan, loaded, directory, *_, **__):
        lines = directory.metrics()
        directory.go_on_after(lines)
        Events(directory.path, directory.facts.started, lines).close()
        for line in lines:
            BestEpochs(plan, directory, print).improved(0, line)
        directory.note(status="finished", warnings=[*directory.facts.warnings, "more"])
        return json.loads((directory.path.parents[1] / "good" / "evaluation.json").read_text())

    monkeypatch.setattr(runs, "_train", train)
    monkeypatch.setattr(runs, "prepare", lambda *_: Device("cpu", MINDSPORE))
    monkeypatch.setattr("ltdsl.cli.commands.run.write_report", lambda *_: None)
    monkeypatch.setattr(sweep, "write_report", lambda *_: None)
    monkeypatch.setattr(sweep, "pool_of", lambda *_: NoPool())


def chosen(folder, command):
    """The damages that are tried of a command; LTDSL_DAMAGES says how many of all commands."""
    found = list(damages(folder / "out" / "run"))
    if "LTDSL_FULL" in os.environ:
        return found
    number = int(os.environ.get("LTDSL_DAMAGES", COMMANDS[command]))
    return random.Random(command.__name__).sample(found, min(number, len(found)))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_no_damage_is_a_traceback(whole, untrained, tmp_path, command):
    here = shutil.copytree(whole, tmp_path / "here")
    run = here / "out" / "run"
    shutil.copytree(run, here / "good")
    failed = []
    for what, name, content in chosen(whole, command):
        shutil.rmtree(run)
        shutil.copytree(here / "good", run)
        if content is None:
            (run / name).unlink()
        else:
            (run / name).write_bytes(content)
        facts = run / "run.json"
        if command is resuming and facts.is_file():
            facts.write_bytes(facts.read_bytes().replace(b'"finished"', b'"interrupted"'))
        try:
            command(here)
        except Exception as error:
            failed.append(f"{what}: {error!r}"[:300])
    assert not failed, f"{len(failed)}\n" + "\n".join(failed)
