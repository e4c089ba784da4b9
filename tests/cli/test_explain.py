"""`ltdsl explain` knows every word that a recipe, a message or the field has."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ltdsl.catalogue import INDEXES, Trick
from ltdsl.catalogue.fields import fields_of
from ltdsl.catalogue.glossary import GLOSSARY
from ltdsl.cli import make_app
from ltdsl.cli.complete import assignments, names
from ltdsl.codes.table import CODES
from ltdsl.recipe import Overrides, Settings
from ltdsl.reference.explained import explained, kinds

ENTRIES = {name: entry for index in INDEXES.values() for name, entry in index.items()}
OWNERS = (Settings, Overrides, *ENTRIES.values())
PARAMETERS = {name for owner in OWNERS for name in fields_of(owner)}
CHOICES = {
    choice for owner in OWNERS for field in fields_of(owner).values() for choice in field.choices
}


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(known, id=what)
        for what, known in {
            "names": ENTRIES,
            "settings and parameters": PARAMETERS,
            "values": CHOICES,
            "kinds": {base.kind for base in INDEXES},
            "codes": CODES,
            "words": GLOSSARY,
            "concepts": {
                "epoch",
                "stage",
                "trick",
                "many",
                "medium",
                "few",
                "at",
                "tricks",
                "protocol",
            },
        }.items()
    ],
)
def test_everything_is_explained_and_completed(known):
    assert not [name for name in known if not explained(name)]
    completed = {name for name, _ in names("")}
    assert set(known) - CHOICES <= completed


def test_a_setting_says_what_it_takes_and_where():
    text = explained("batch_size")
    assert "A setting" in text
    assert "braces" in text
    assert "at least 1" in text
    assert "--set stage2.batch_size" in text


def test_a_kind_lists_its_names():
    for kind, base in kinds().items():
        if base is not Trick:
            text = explained(kind)
            assert all(f"`{name}`" in text for name in INDEXES[base])


def test_a_word_says_what_to_write():
    assert "`stage2: cb_ce @ 80%`" in explained("drw")
    assert "`--set" not in explained("drw")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("@160", "### at\n"),
        ("at epoch", "`stage2: cs_ce @ epoch 160`"),
        ("epochs:", "A setting"),
        ("// a comment", "### comment"),
        ("optimizer.lr", "`--set optimizer.lr=…`"),
        ("Macro recall", "every class counts the same"),
        ("ECE", "calibration"),
    ],
)
def test_what_is_written_as_in_a_recipe(written, said):
    assert said in explained(written)


def test_completion_of_set():
    assert "optimizer.lr=" in dict(assignments("optim"))
    assert dict(assignments("lr"))["lr"].startswith("write optimizer.lr=…")
    assert "model=resnet32" in dict(assignments("model=res"))
    assert "best_by=macro_recall" in dict(assignments("best_by="))
    assert assignments("epochs=") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "r.lt", "--lr", "0.1"], "write --set optimizer.lr=0.1"),
        (["run", "r.lt", "--epochs", "3"], "write --set epochs=3"),
        (["plan", "r.lt", "--batch-size=64"], "write --set batch_size=64"),
        (["check", "r.lt", "--imbalance", "50"], "write --set dataset.imbalance=50"),
        (["run", "r.lt", "--gpus", "2"], "use ltdsl run recipe.lt --workers N"),
        (["run", "r.lt", "--early-stopping"], "write --set early_stopping=…"),
        (["run", "r.lt", "--lookahead"], "there is none; use `optimizer = sgd(lr = 0.1)`"),
        (["run", "r.lt", "--fooo"], "No such option: --fooo"),
    ],
)
def test_options_that_are_values(arguments, said):
    done = CliRunner().invoke(make_app([arguments[0]]), arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_a_code_that_is_none(ltdsl):
    done = ltdsl("explain", "LT999")
    assert done.stderr == "error: nothing is called `LT999`; docs/diagnostics.md has all codes\n"
