"""The Python API: the page about it, run word for word; and what it refuses."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from support.processes import ROOT, environment

from ltdsl import api

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.S)


def python(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_runs_as_it_stands(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("L", (16, 16), 255).save(tmp_path / "photos" / "white.png")
    (tmp_path / "photos" / "torn.png").write_bytes(b"\x89PNG")
    more = """
torn, white = api.predict(run, "photos", top=2)
assert torn.error.code == "LT402" and not torn.classes
assert len(white.classes) == 2 and white.confidences[0] >= white.confidences[1]
print(page, run)
"""
    said = python("\n".join([*BLOCKS, more]), tmp_path).splitlines()
    assert said[0] == "LT102 unknown trick `input_mixpu` did you mean `input_mixup`?"
    assert said[1] == "200 [('stage1', 0, 160), ('stage2', 160, 200)]"
    assert said[2] == "LT102"
    assert said[-2] == "finished resnet8 ()"
    assert said[-1].startswith("runs/balanced/report.html <run balanced")
    assert (tmp_path / "runs" / "balanced" / "report.html").is_file()


def test_checking_loads_nothing_that_trains(tmp_path):
    code = """
import sys
from ltdsl import api
assert not api.check("stage1: ce")
print({"mindspore", "numpy", "PIL", "ltdsl_runtime"} & set(sys.modules))
"""
    assert python(code, tmp_path).strip() == "set()"


def test_a_recipe_is_text_or_a_file(tmp_path):
    path = tmp_path / "a.lt"
    path.write_text("epochs = 7; stage1: ce")
    assert api.plan(path).epochs == api.plan(str(path)).epochs == 7
    assert api.plan("epochs = 8; stage1: ce").epochs == 8
    (missing,) = api.check(tmp_path / "b.lt")
    assert missing.code == "LT007"
    with pytest.raises(api.RecipeError, match="LT007"):
        api.plan("b.lt")


def test_changes_are_values_or_texts():
    changed = api.plan("stage1: ce", changes={"epochs": 9, "optimizer.nesterov": False}, seed=4)
    assert (changed.epochs, changed.stages[0].optimizer.nesterov, changed.seed) == (9, False, 4)
    assert (
        api.plan("stage1: ce", changes=["epochs=9", "optimizer.nesterov=false"], seed=4) == changed
    )
    with pytest.raises(api.RecipeError, match="called `epoch`") as caught:
        api.plan("stage1: ce", changes={"epoch": 9})
    assert caught.value.diagnostics[0].code == "LT116"


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(api.UnreadableError, match="no run directory"):
        api.read_run(tmp_path)
    with pytest.raises(api.UnreadableError):
        api.evaluate(tmp_path)
    with pytest.raises(api.RunError, match="LT450"):
        api.report(tmp_path / "nothing")
    with pytest.raises(ValueError, match="at least 1"):
        api.predict(tmp_path, "a.png", top=0)


@pytest.mark.parametrize("name", api.__all__)
def test_all_is_documented(name):
    assert inspect.getdoc(getattr(api, name))
