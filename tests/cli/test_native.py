"""Training on a CPU with the native kernels, as users call it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time

import pytest
from support.processes import command, environment

RECIPE = """dataset = digits_lt(imbalance = 20)
model = resnet8
epochs = 4
schedule = constant(warmup = 0)
stage1: input_mixup
stage2: cam_bs + cs_ce @ epoch 2
"""

needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CC", "cc")) is None, reason="no C compiler"
)


def ltdsl(folder, *arguments, **variables):
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "recipe.lt").write_text(RECIPE)
    return tmp_path


def result(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return lines, json.loads((run / "evaluation.json").read_text())


@needs_compiler
def test_a_run_goes_on_exactly_with_the_kernels_that_it_was_begun_with(folder):
    done = ltdsl(folder, "run", "recipe.lt", "--out", "whole")
    assert done.returncode == 0, done.stderr
    whole = result(folder / "whole")
    facts = json.loads((folder / "whole" / "run.json").read_text())
    assert (facts["device"], facts["kernels"][:7]) == ("cpu", "native-")
    assert re.match(r"(gcc|clang) \d+\.", facts["compiler"])

    killed = subprocess.Popen(
        command("run", "recipe.lt", "--out", "killed"),
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 200
    while not (folder / "killed" / "checkpoints" / "last.ckpt").exists():
        assert killed.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    done = ltdsl(folder, "run", "--resume", "killed")  # on what it was begun with
    assert done.returncode == 0, done.stderr
    assert "LT418" not in done.stdout + done.stderr
    assert result(folder / "killed") == whole

    done = ltdsl(folder, "eval", "killed", "--checkpoint", "last", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["last"] == whole[1]["last"]


@pytest.mark.parametrize(
    ("variables", "arguments", "says"),
    [
        (
            {"CC": "no-such-compiler"},
            (),
            "LT428]: the native kernels need a C compiler, and there is no `no-such-compiler`",
        ),
        ({"CC": "false"}, (), "LT428]: "),
        (
            {"LTDSL_CACHE": "a:b"},
            (),
            "LT428]: MindSpore opens no kernels in ",
        ),
        ({}, ("--set", "precision=fp16"), "LT427]: the native kernels do not compute in fp16"),
    ],
)
@needs_compiler
def test_what_is_in_the_way_of_them_alone_is_said(folder, variables, arguments, says):
    done = ltdsl(
        folder,
        "run",
        "recipe.lt",
        "--device",
        "cpu-native",
        "--out",
        "run",
        *arguments,
        **variables,
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "--device cpu" in done.stderr
    assert not (folder / "run").exists()
