"""`ltdsl check` and `ltdsl plan`, and every kind of bad recipe through them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from support.processes import ROOT, environment

OPENING = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"


def test_help_reads_well(ltdsl):
    done = ltdsl("--help")
    assert done.returncode == 0
    for word in ("check", "plan", "run", "stage1: input_mixup"):
        assert word in done.stdout
    assert ltdsl("--version").stdout.startswith("ltdsl ")


def test_a_good_recipe(ltdsl, recipe):
    done = ltdsl("check", recipe("stage1: ce\n"))
    assert (done.returncode, done.stdout) == (0, "1 recipe checked: no problems\n")


def test_the_opening_line_is_advised_but_fine(ltdsl, recipe):
    path = recipe(OPENING)
    done = ltdsl("check", path)
    assert done.returncode == 0
    assert "advice[LT201]" in done.stdout
    assert "cannot further improve" in done.stdout
    assert ltdsl("check", "--strict", path).returncode == 1


def test_several_mistakes_are_reported_at_once(ltdsl, recipe):
    text = "epoch = 3\nmodel = resnet33\n\nstage1: input_mixpu + ce + cs_ce\nstage2 ce\n"
    done = ltdsl("check", recipe(text))
    assert done.returncode == 1
    for code, place in [
        ("LT101", "1:1"),
        ("LT104", "2:9"),
        ("LT102", "4:9"),
        ("LT110", "4:28"),
        ("LT001", "5:8"),
    ]:
        assert f"error[{code}]" in done.stdout
        assert f"recipe.lt:{place}\n" in done.stdout
    assert "did you mean `epochs`?" in done.stdout
    assert "did you mean `resnet32`?" in done.stdout
    assert "did you mean `input_mixup`?" in done.stdout
    assert "5 errors" in done.stdout


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("stage1: input_mixpu", "LT102"),
        ("stage1: ce + cs_ce", "LT110"),
        ("stage1: cam_bs", "LT112"),
        ("stage1: ce; stage2: cs_ce @ epoch 160; stage3: ce @ epoch 120", "LT303"),
        ("", "LT111"),
        ("# nothing\n", "LT111"),
        (b"\x7fELF\x00\x01\x02", "LT009"),
        (b"stage1: ce # \xff\xfe", "LT009"),
        (b"stage1: ce\n" * 1_000_000, "LT008"),
        ("epochs = " + "[" * 100_000, "LT008"),
        ("epochs = " + "[" * 9_000, "LT006"),
        ("epochs = " + "9" * 60_000 + "\nstage1: ce", ""),
        ("optimizer = sgd(lr = 1" + "0" * 400 + ")\nstage1: ce", ""),
        ("s: ce @ 50", "LT302"),
    ],
    ids=lambda value: "" if isinstance(value, str) and not value.startswith("LT") else None,
)
def test_bad_recipes(ltdsl, recipe, text, code):
    done = ltdsl("check", recipe(text), timeout=20)
    assert done.returncode == 1
    assert f"error[{code}" in done.stdout


def test_bad_paths(ltdsl, tmp_path):
    assert "LT007" in ltdsl("check", "missing.lt").stdout
    assert ltdsl("check", "missing.lt").returncode == 1
    (tmp_path / "folder").mkdir()
    done = ltdsl("check", "folder")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no .lt file" in done.stderr


def test_a_folder_stands_for_its_recipes(ltdsl, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "a.lt").write_text("stage1: ce")
    (tmp_path / "deep" / "er" / "b.lt").write_text("stage1: cee")
    done = ltdsl("check", "deep")
    assert done.returncode == 1
    assert "b.lt:1:9" in done.stdout


def test_misuse_exits_with_2(ltdsl, recipe):
    path = recipe(OPENING)
    for arguments in (["chekc", path], ["plan"], ["run", path, "--device", "tpu"]):
        done = ltdsl(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr


def test_check_never_imports_the_heavy_half(recipe):
    code = (
        "import sys; from ltdsl.cli import make_app\n"
        f"try: make_app()(['check', {str(recipe(OPENING))!r}])\n"
        "except SystemExit as end: assert end.code == 0, end\n"
        "heavy = {'mindspore', 'numpy', 'PIL', 'ltdsl_runtime', 'rich.table', 'ltdsl.cache'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_plan_shows_the_stages(ltdsl, recipe):
    done = ltdsl("plan", recipe(OPENING))
    assert done.returncode == 0
    for words in ("0 to 159", "160 to 199", "cam_bs", "input_mixup", "0.01667", "134", "45"):
        assert words in done.stdout


@pytest.mark.parametrize("phase", ["syntax", "recipe", "plan"])
def test_plan_emits_each_phase_as_json_alone(ltdsl, recipe, phase):
    done = ltdsl("plan", recipe(OPENING), "--emit", phase)
    assert done.returncode == 0
    assert json.loads(done.stdout)
    assert done.stderr == ""


def test_plan_of_a_bad_recipe_leaves_standard_output_alone(ltdsl, recipe):
    done = ltdsl("plan", recipe("stage1: cee"), "--emit", "plan")
    assert (done.returncode, done.stdout) == (1, "")
    assert "LT102" in done.stderr


def test_set_and_seed(ltdsl, recipe):
    path = recipe(OPENING)
    done = ltdsl("plan", path, "--emit", "plan", "--set", "dataset.imbalance=50", "--seed", "7")
    plan = json.loads(done.stdout)
    assert (plan["dataset"]["arguments"]["imbalance"], plan["seed"]) == (50.0, 7)
    done = ltdsl("plan", path, "--set", "dataset.imbalence=50")
    assert done.returncode == 1
    assert "did you mean `imbalance`?" in done.stderr
    assert done.stdout == ""


def test_output_that_goes_nowhere(recipe):
    done = subprocess.run(
        f"{sys.executable} -m ltdsl check {recipe(OPENING)} | true",
        shell=True,
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr


def test_a_bug_is_a_sentence_and_a_file(recipe, tmp_path):
    code = (
        "import sys, ltdsl.compiler as c, ltdsl.cli\n"
        "def broken(*_, **__): raise ZeroDivisionError('one\\ntwo')\n"
        "c.compile_recipe = broken\n"
        f"sys.argv = ['ltdsl', 'check', {str(recipe(OPENING))!r}]\n"
        "ltdsl.cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment() | {"TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "error: ZeroDivisionError: one"
    assert "Traceback" not in done.stderr
    (report,) = tmp_path.glob("ltdsl-*.txt")
    assert "Traceback" in report.read_text()


def test_data_that_run_would_refuse(ltdsl, recipe, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 8)
    images = rng.integers(0, 255, (32, 32, 32, 3)).astype(np.uint8)
    np.savez(tmp_path / "m.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    text = """
dataset = npz(path = "m.npz")
epochs = 2; batch_size = 16; schedule = constant; validation = 0
init = "none.ckpt"
model = mindcv(name = "mobilenet_v3_small_100")
stage1: ce
stage2: cam_bs @ epoch 1
"""
    path = recipe(text)
    assert ltdsl("check", path).returncode == 0  # nobody has looked at files
    done = ltdsl("check", path, "--data", "m.npz")
    assert done.returncode == 1
    assert "error[LT411]: there is no checkpoint" in done.stdout
    assert "error[LT431]: `cam_bs` needs a classifier" in done.stdout
    done = ltdsl("check", path, "--data", "m.npz", "--set", "batch_size=33")
    assert "error[LT404]" in done.stdout


def test_a_path_that_a_used_file_counts_from_its_own_folder(ltdsl, recipe, tmp_path):
    path = recipe('use "common/data.lt"\nstage1: ce')
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "data.lt").write_text('dataset = npz(path = "ten.npz")\n')
    (tmp_path / "common" / "ten.npz").touch()
    found = ltdsl("check", path)
    assert "LT141" in found.stdout + found.stderr
    assert 'write `"common/ten.npz"`' in found.stdout + found.stderr
