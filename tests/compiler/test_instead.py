"""What is told to be written instead of a value of the wrong type, is right itself."""

from __future__ import annotations

import re

import pytest

from ltdsl.catalogue.fields import fields_of
from ltdsl.compiler import compile_recipe
from ltdsl.recipe import Settings
from ltdsl.source import Source

WRONG = ("true", "false", "none", "0.5", '"0.1"', "some_word")


def answers(line):
    found = compile_recipe(Source("recipe.lt", f"{line}; a: ce")).diagnostics
    return [each for each in found if each.code in ("LT101", "LT105")]


@pytest.mark.parametrize("value", WRONG)
def test_every_setting_says_what_to_write(value):
    for name in fields_of(Settings):
        for each in answers(f"{name} = {value}"):
            assert each.help, (name, value)
            written = re.search(r"write `(.* = .*)`", each.help)
            if written:
                assert not answers(written[1]), each.help


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("early_stopping = true", "early_stopping = 10"),
        ('epochs = "200"', "epochs = 200"),
        ("average = 0.999", "average = ema(decay = 0.999)"),
        ("ema = 0.99", "average = ema(decay = 0.99)"),
        ("sam = sam(rho = 0.1)", "sharpness = sam(rho = 0.1)"),
        ("optimizer = 0.1", "optimizer = sgd(lr = 0.1)"),
        ("augment = true", "augment = [random_crop]"),
        ('validation = "10%"', "validation = 10%"),
    ],
)
def test_what_was_meant_is_kept(line, instead):
    [found] = answers(line)
    assert found.help == f"write `{instead}`"
