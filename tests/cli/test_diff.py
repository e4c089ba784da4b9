"""`ltdsl diff`: recipes, plans and run directories, whole and damaged."""

from __future__ import annotations

import json

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

OPENING = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"
OTHER = """\
dataset = digits_lt(imbalance = 50)
epochs = 400
warm: input_mixup(alpha = 0.5)
stage2: cs_ce(gamma = 0.5) + cam_bs(below = 10) @ 80%
stage3: class_balanced @ 90% { optimizer = sgd(lr = 0.001); schedule = multistep(warmup = 5) }
"""


@pytest.fixture
def plan_json() -> dict:
    return json.loads(compile_recipe(Source("recipe.lt", OPENING)).plan.to_json())


@pytest.mark.parametrize(
    ("name", "old", "new", "status"),
    [
        ("same", OPENING, "stage1: input_mixup\nstage2: cs_ce + cam_bs @ 80%", 0),
        ("renamed", OPENING, "one: input_mixup\ntwo: cs_ce + cam_bs @ 80%", 0),
        ("much", OPENING, OTHER, 1),
        ("back", OTHER, OPENING, 1),
        ("rate", "s: ce", "schedule = multistep(milestones = [70%, 90%], warmup = 5); s: ce", 1),
        ("base_rate", "s: ce", "optimizer = sgd(lr = 0.1); s: ce", 1),
        ("curves", "s: ce", "schedule = cosine; s: ce", 1),
        ("swapped", "a: ce; b: cs_ce @ 50%", "b: ce; a: cs_ce @ 50%", 0),
        ("moved", "a: ce; b: cs_ce @ 50%", "a: ce; b: cs_ce @ 60%", 1),
    ],
)
def test_recipes(ltdsl, recipe, golden, name, old, new, status):
    done = ltdsl("diff", recipe(old, "old.lt"), recipe(new, "new.lt"))
    golden(f"diff/{name}.txt", done.stdout)
    assert (done.returncode, done.stderr) == (status, "")


def test_plans_and_run_directories(ltdsl, recipe, tmp_path, plan_json):
    run = tmp_path / "run"
    run.mkdir()
    for path in (run / "plan.json", tmp_path / "plan.txt"):
        path.write_text(json.dumps(plan_json))
    for other in (run, run / "plan.json", tmp_path / "plan.txt"):
        assert ltdsl("diff", recipe(OPENING), other).returncode == 0
        done = ltdsl("diff", other, recipe("s: ce", "new.lt"))
        assert (done.returncode, "- stage stage2" in done.stdout) == (1, True)


def test_json(ltdsl, recipe, golden):
    paths = recipe(OPENING, "old.lt"), recipe(OTHER, "new.lt")
    done = ltdsl("diff", *paths, "--format", "json")
    data = json.loads(done.stdout)
    assert done.returncode == 1
    assert data["same"] is False
    assert data["old"].pop("digest") != data["new"].pop("digest")
    assert (data["old"].pop("path"), data["new"].pop("path")) == tuple(map(str, paths))
    golden("diff/much.json", json.dumps(data, indent=1) + "\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no whole plan: Invalid JSON"),
        (b'{"version": 1', "no whole plan: Invalid JSON"),
        (b"[" * 100_000, "no whole plan"),
        (b'{"a":' * 100_000, "no whole plan"),
        (b"\xff\xfe\x00{", "no whole plan"),
        (b"{}", "another version of ltdsl, or damaged: `dataset` is missing"),
        (b" " * (33 << 20), "larger than 32 MiB"),
    ],
    ids=["empty", "cut", "deep_list", "deep_object", "binary", "nothing", "large"],
)
def test_damaged_files(ltdsl, recipe, tmp_path, content, words):
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    done = ltdsl("diff", recipe(OPENING), path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "another version of ltdsl, or damaged: nothing is known of its `version`"),
        ({"epochs": 300}, "do not cover its epochs"),
        ({"stages": []}, "do not cover its epochs"),
        ({"class_counts": []}, "no classes"),
        ({"class_counts": [0]}, "class_counts.0"),
        ({"model": {"name": "resnet9"}}, "'resnet9' is not in the catalogue"),
        ({"model": {"name": ["a"]}}, "model"),
        ({"model": {"name": "resnet8", "arguments": 3}}, "model"),
        ({"validation": float("nan")}, "numbers that are none"),
        ({"more": 1}, "another version of ltdsl, or damaged: nothing is known of its `more`"),
    ],
)
def test_plans_that_no_compiler_makes(ltdsl, recipe, tmp_path, plan_json, change, words):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan_json | change))
    done = ltdsl("diff", path, recipe(OPENING))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_plan_cannot_steer_the_terminal(ltdsl, recipe, tmp_path, plan_json):
    plan_json["stages"][0]["name"] = "\x1b[2J\r"
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan_json))
    done = ltdsl("diff", path, recipe(OPENING))
    assert r"~ stage \x1b[2J\r -> stage1, renamed" in done.stdout
    assert "\x1b" not in done.stdout


def test_trouble(ltdsl, recipe, tmp_path):
    good = recipe(OPENING)
    for other, words in [
        ("missing.lt", "there is no file `missing.lt`"),
        ("missing.json", "there is no file `missing.json`"),
        (tmp_path, "is no run directory: it has no plan.json"),
        (recipe(b"\x7fELF\0", "binary.lt"), "is a binary file"),
    ]:
        done = ltdsl("diff", good, other)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
    done = ltdsl("diff", recipe("s: cee", "bad.lt"), good)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[LT102]" in done.stderr
    assert ltdsl("diff", good).returncode == 2
