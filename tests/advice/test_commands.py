"""`ltdsl advise`, and what `ltdsl explain` and `ltdsl check` say of the evidence."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.processes import ROOT, environment
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.codes.table import ADVICE


def ltdsl(*arguments: object):
    done = CliRunner(env={"COLUMNS": "120"}).invoke(
        make_app(), [str(argument) for argument in arguments]
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture
def recipe(tmp_path):
    def write(text: str, name: str = "recipe.lt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("published", "dataset = cifar10_lt\nstage1: ce\nstage2: cs_ce @ 80%\n"),
        ("digits", "stage1: ce\nstage2: class_balanced @ 80%\n"),
        ("nearby", "dataset = cifar100_lt(imbalance = 20)\nepochs = 400\nstage1: input_mixup + cdt\nb: ce @ 90%\n"),
    ],
)  # fmt: skip
def test_advise(recipe, golden, name, text):
    done = ltdsl("advise", recipe(text), "--rows", 3)
    assert done.exit_code == 0
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    golden(f"advice/advise_{name}.txt", "\n".join(lines) + "\n")


def test_advise_is_honest_without_evidence(recipe):
    done = ltdsl("advise", recipe("stage1: ce"))
    assert "No evidence of its own: nothing was published on digits_lt" in done.stdout
    assert "CIFAR-10-LT-50 is nearest by classes" in done.stdout


def test_advise_takes_changes_and_shows_problems(recipe):
    path = recipe("dataset = cifar10_lt\nstage1: ce\n")
    done = ltdsl("advise", path, "--set", "stage1.tricks=cs_ce", "--set", "dataset.imbalance=50")
    assert "advice[LT202]" in done.stderr
    assert "Published on CIFAR-10-LT-50" in done.stdout
    assert ltdsl("advise", path, "--set", "stage1.tricks=cs_ce", "--strict").exit_code == 1
    assert ltdsl("advise", recipe("stage1: cee")).exit_code == 1


def test_explain_a_trick_shows_its_figures_alone_and_in_combination():
    done = ltdsl("explain", "cs_ce")
    assert done.exit_code == 0
    for words in (
        "Split `cao`",
        "| `cs_ce` | 200 | 31.70",
        "`ce; cs_ce`",
        "`input_mixup + cs_ce` | 400",
        "suspect",
    ):
        assert words in done.stdout
    assert "`LT201` cs_ce with cam_bs" in done.stdout
    # the baseline comes first, the borrowed one with its note
    assert done.stdout.index("29.64 [1]") < done.stdout.index("| `cs_ce` | 200 | 31.70")


def test_explain_a_trick_that_nothing_was_published_with():
    done = ltdsl("explain", "logit_adjustment")
    assert done.exit_code == 0
    assert "Published" not in done.stdout


@pytest.mark.parametrize("code", ADVICE)
def test_explain_a_rule(code):
    done = ltdsl("explain", code)
    assert done.exit_code == 0
    assert "Basis: " in done.stdout


def test_explain_a_rule_shows_the_rows_it_compares():
    done = ltdsl("explain", "LT206")
    assert "68.22" in done.stdout
    assert "at commit 46e1ca3, trick_combination.md@experiments_on_cui_cifar" in done.stdout


def test_check_of_a_folder_passes_over_the_settings_its_recipes_share(recipe, tmp_path):
    part = recipe("dataset = cifar10_lt\n", "parts/part.lt").parent
    recipe('use "part.lt"\nstage1: ce\n', "parts/a.lt")
    done = ltdsl("check", part)
    assert (done.exit_code, done.stdout) == (0, "1 recipe checked: no problems\n")
    # named, it is asked for as a recipe; unused, nobody knows what it is
    assert "LT111" in ltdsl("check", part / "part.lt").stdout
    recipe("stage1: ce\n", "parts/a.lt")
    assert "LT111" in ltdsl("check", part).stdout


def test_the_rows_are_read_only_where_they_are_needed(recipe):
    code = (
        "import sys; from ltdsl.cli import make_app\n"
        f"try: make_app()(['check', {str(recipe('stage1: ce; stage2: ce @ 80%'))!r}])\n"
        "except SystemExit: pass\n"
        "read = [name for name in sys.modules if name.startswith('ltdsl.evidence')]\n"
        "assert not read, read\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
