"""The words of the field that are no names here: every answer is a recipe, and no word a name."""

from __future__ import annotations

import shlex

import pytest

from ltdsl.catalogue import INDEXES
from ltdsl.catalogue.glossary import GLOSSARY, look_up
from ltdsl.catalogue.names import nearest
from ltdsl.compiler import compile_recipe
from ltdsl.recipe import Overrides, Settings
from ltdsl.source import Source

NAMES = {name for index in INDEXES.values() for name in index}
SETTINGS = {*Settings.model_fields, *Overrides.model_fields}


def test_no_word_is_a_name():
    """A word that has become a name is to be taken out of the glossary."""
    assert not (NAMES | SETTINGS) & GLOSSARY.keys()


def test_words_are_found_however_they_are_joined():
    words = {"weighted_ce", "weighted-ce", "Weighted_CE", "weightedce"}
    assert {look_up(word) for word in words} == {GLOSSARY["weighted_ce"]}


def test_nothing_is_near_to_a_word():
    everything = NAMES | SETTINGS
    assert {nearest(word, everything) for word in GLOSSARY} == {None}


def test_names_are_names():
    assert {word.name for word in GLOSSARY.values() if word.name} <= NAMES | SETTINGS


LINES = {word.write or word.use for word in GLOSSARY.values() if word.write or word.use}


@pytest.mark.parametrize("line", sorted(LINES))
def test_lines_are_those_of_a_recipe(line):
    text = line if "stage1:" in line else f"{line}\nstage1: ce"
    if line.startswith("stage2:"):
        text = f"stage1: ce\n{line}"
    result = compile_recipe(Source("recipe.lt", f"epochs = 200\n{text}"))
    assert not result.failed, result.diagnostics


def test_options_are_those_of_commands():
    from typer.main import get_command

    from ltdsl.cli import make_app

    commands = get_command(make_app(["run", "check"])).commands
    for option in {word.option for word in GLOSSARY.values() if word.option}:
        program, command, *words = shlex.split(option)
        known = {name for param in commands[command].params for name in param.opts}
        assert program == "ltdsl"
        assert {word for word in words if word.startswith("--")} <= known


def test_addresses_set_something():
    source = Source("recipe.lt", "schedule = multistep\nstage1: ce")
    for address in {word.address for word in GLOSSARY.values() if word.address}:
        value = {"precision": "fp16", "schedule.milestones": "[1]"}.get(address, "0.5")
        value = "5" if address in ("schedule.warmup", "dataset.imbalance", "batch_size") else value
        result = compile_recipe(source, [f"{address}={value}"])
        assert not result.failed, result.diagnostics
