"""`ltdsl check`: formats, choosing codes, fixing, standard input."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from support.processes import command, environment

BAD = 'epoch = 3\nmodel = "résnet",x\nstage1: input_mixpu, ce, ce\n'
ADVISED = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160\n"


def fed(text: bytes, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments), env=environment(), input=text, capture_output=True, timeout=60
    )


# Formats


@pytest.mark.parametrize("output", ["json", "github"])
def test_formats(ltdsl, recipe, golden, output):
    recipe(BAD, "a, 100%.lt")
    recipe(ADVISED, "advised.lt")
    done = ltdsl("check", "--format", output, "a, 100%.lt", "advised.lt", "missing.lt")
    assert done.returncode == 1
    assert done.stderr == ""
    golden(f"formats/{output}.txt", done.stdout)


def test_sarif(ltdsl, recipe, golden):
    recipe(BAD, "a, 100%.lt")
    recipe(ADVISED, "advised.lt")
    done = ltdsl("check", "--format", "sarif", "a, 100%.lt", "advised.lt", "missing.lt")
    assert done.returncode == 1
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"].pop("rules")
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        for location in [*result["locations"], *result.get("relatedLocations", [])]:
            place = location["physicalLocation"]
            assert " " not in place["artifactLocation"]["uri"]
            for value in place.get("region", {}).values():
                assert value >= 1
    run["tool"]["driver"].pop("version")
    golden("formats/sarif.json", json.dumps(log, indent=2, ensure_ascii=False) + "\n")


def test_a_problem_of_a_protocol_is_shown_at_the_recipe(ltdsl, recipe):
    recipe("epochs = 3; stage1: ce\n")
    done = ltdsl("check", "--format", "github", "recipe.lt")
    assert (
        "::warning file=recipe.lt,line=1,endLine=1,col=1,endColumn=11,title=ltdsl LT307::"
        in done.stdout
    )
    log = json.loads(ltdsl("check", "--format", "sarif", "recipe.lt").stdout)
    for result in log["runs"][0]["results"]:
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "recipe.lt"


def test_a_file_used_twice_is_reported_once(ltdsl, recipe, tmp_path):
    (tmp_path / "deep").mkdir()
    recipe("epoch = 3\n", "deep/common.lt")
    for name in "ab":
        recipe('use "common.lt"\nstage1: ce\n', f"deep/{name}.lt")
    done = ltdsl("check", "deep")
    assert done.returncode == 1
    assert done.stdout.count("error[LT101]") == 1


# Choosing


def test_selecting_and_ignoring(ltdsl, recipe):
    recipe(ADVISED)
    assert "LT201" in ltdsl("check", "recipe.lt", "--select", "lt2").stdout
    assert "LT201" not in ltdsl("check", "recipe.lt", "--select", "LT202").stdout
    done = ltdsl("check", "recipe.lt", "--strict", "--ignore", "LT2,LT3")
    assert (done.returncode, done.stdout) == (0, "1 recipe checked: no problems\n")
    done = ltdsl("check", "recipe.lt", "--strict", "--select", "LT2", "--ignore", "LT202")
    assert done.returncode == 1


def test_errors_fail_even_if_they_are_not_selected(ltdsl, recipe):
    recipe("stage1: cee\n")
    line = "1 error not selected: LT102 in recipe.lt (--{})\n"
    done = ltdsl("check", "recipe.lt", "--select", "LT2")
    assert (done.returncode, done.stdout) == (1, line.format("select"))
    for quiet in ([], ["-q"], ["--format", "sarif"]):
        done = ltdsl("check", "recipe.lt", "--ignore", "LT102", *quiet)
        assert done.returncode == 1
        assert (done.stderr if "sarif" in quiet else done.stdout) == line.format("ignore")
    done = ltdsl("check", "recipe.lt", "--ignore", "LT102", "--format", "json")
    assert json.loads(done.stdout)["not_selected"] == [
        {"file": "recipe.lt", "code": "LT102", "line": 1, "left_out_by": "--ignore"}
    ]


@pytest.mark.parametrize("code", ["LT8", "E501", ""])
def test_unknown_codes_are_misuse(ltdsl, recipe, code):
    recipe(ADVISED)
    done = ltdsl("check", "recipe.lt", "--ignore", code)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"no code begins with `{code}`" in done.stderr


# Fixing


def test_fix_mends_names_and_nothing_else(ltdsl, recipe):
    path = recipe("epoch = 3\nmodel = resnet33\nstage1: input_mixpu, ce\n")
    done = ltdsl("check", "recipe.lt")
    assert done.stdout.endswith("4 errors (2 can be fixed with --fix)\n")
    done = ltdsl("check", "--fix", "recipe.lt")
    assert done.returncode == 1
    assert path.read_text() == "epochs = 3\nmodel = resnet33\nstage1: input_mixup, ce\n"
    assert "recipe.lt:1:1: LT101 fixed: `epoch` → `epochs`\n" in done.stdout
    assert done.stdout.endswith("2 fixed, 2 errors\n")


def test_unsafe_fixes(ltdsl, recipe):
    path = recipe(
        "epochs := 1_000\ninit = 'a.ckpt'\nstage1: input_mixup, ce() // why\nstage2: ce @ 80 %;}\n"
    )
    done = ltdsl("check", "--unsafe-fixes", "recipe.lt")
    assert done.returncode == 0, done.stdout
    assert path.read_text() == (
        'epochs = 1000\ninit = "a.ckpt"\nstage1: input_mixup + ce() # why\nstage2: ce @ 80%;\n'
    )


def test_fixing_respects_the_selection(ltdsl, recipe):
    path = recipe("epoch = 30\nstage1: input_mixpu\n")
    ltdsl("check", "--fix", "--select", "LT102", "recipe.lt")
    assert path.read_text() == "epoch = 30\nstage1: input_mixup\n"


def test_a_fix_that_makes_it_worse_is_not_applied(ltdsl, recipe):
    text = "epoch = 30\nepochs = 40\nstage1: input_mixpu\n"
    path = recipe(text)
    ltdsl("check", "--fix", "recipe.lt")
    assert path.read_text() == text.replace("mixpu", "mixup")


def test_fixing_keeps_line_endings_and_byte_order_mark(ltdsl, recipe):
    path = recipe(b"\xef\xbb\xbfepoch = 30\r\nstage1: ce\r\n")
    assert ltdsl("check", "--fix", path).returncode == 0
    assert path.read_bytes() == b"\xef\xbb\xbfepochs = 30\r\nstage1: ce\r\n"


def test_a_used_file_is_fixed_only_where_it_is_named(ltdsl, recipe, tmp_path):
    (tmp_path / "deep").mkdir()
    common = recipe("epoch = 30\n", "deep/common.lt")
    recipe('use "common.lt"\nstage1: ce\n', "deep/a.lt")
    assert ltdsl("check", "--fix", "deep/a.lt").returncode == 1
    assert common.read_text() == "epoch = 30\n"
    done = ltdsl("check", "--fix", "deep")
    assert done.returncode == 0, done.stdout
    assert common.read_text() == "epochs = 30\n"


def test_nothing_is_written_where_nothing_is_fixed(ltdsl, recipe):
    path = recipe(ADVISED)
    before = path.stat().st_mtime_ns
    assert ltdsl("check", "--fix", path).returncode == 0
    assert path.stat().st_mtime_ns == before


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="needs permissions that hold"
)
def test_a_file_that_cannot_be_written(ltdsl, recipe, tmp_path):
    (tmp_path / "shut").mkdir()
    path = recipe("epoch = 30\nstage1: ce\n", "shut/recipe.lt")
    (tmp_path / "shut").chmod(0o555)
    done = ltdsl("check", "--fix", path)
    (tmp_path / "shut").chmod(0o755)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr


# Standard input and terminals


def test_standard_input():
    done = fed(b"stage1: ce", "check", "-")
    assert (done.returncode, done.stdout) == (0, b"1 recipe checked: no problems\n")
    done = fed(b"stage1: input_mixpu", "check", "-")
    assert done.returncode == 1
    assert b"--> <stdin>:1:9" in done.stdout
    done = fed("stage1: input_mixpu # é".encode(), "check", "--fix", "-")
    assert (done.returncode, done.stdout.decode()) == (0, "stage1: input_mixup # é")
    assert b"1 fixed" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_only_on_a_terminal(recipe, variables, coloured):
    import pty

    path = recipe("stage1: cee\n")
    ours, theirs = pty.openpty()
    plain = {k: v for k, v in environment().items() if k != "NO_COLOR"}
    subprocess.run(
        command("check", path),
        env=plain | {"TERM": "xterm"} | variables,
        stdout=theirs,
        check=False,
    )
    os.close(theirs)
    written = os.read(ours, 10_000)
    os.close(ours)
    assert (b"\x1b[" in written) is coloured
    assert b"LT102" in written
