"""What every command says of itself."""

from __future__ import annotations

import re
from functools import cache

import pytest
from typer.testing import CliRunner

from ltdsl.catalogue import TRICKS
from ltdsl.cli import COMMANDS, make_app

APP = make_app()

#: Commands that have commands of their own.
GROUPS = {
    "data": ("inspect", "fetch"),
    "weights": ("inspect", "convert"),
    "plugins": ("list", "enable", "disable"),
    "cache": ("list", "show", "prune", "clear"),
}

NAMES = [(name,) for name in COMMANDS]
NAMES += [(group, name) for group, names in GROUPS.items() for name in names]


@cache
def help_of(*command: str) -> str:
    return CliRunner().invoke(APP, [*command, "--help"], terminal_width=80).output


@pytest.mark.parametrize("command", [(), *((group,) for group in GROUPS)])
def test_every_command_is_named_in_a_whole_sentence(command):
    listed = help_of(*command).partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(GROUPS[command[0]] if command else COMMANDS)
    assert all(line.endswith(".") and not line.endswith("..") for line in listed)


@pytest.mark.parametrize("command", NAMES, ids=" ".join)
def test_help_speaks_of_values_not_of_types(command):
    text = help_of(*command)
    assert not re.search(r"<(path|str|int|float|list|int range)\b", text)
    usage = text.splitlines()[0]
    arguments = text.partition("Arguments:\n")[2].partition("\n\n")[0]
    for name in usage.partition("[OPTIONS]")[2].split():
        if command[0] not in GROUPS or command[1:]:
            assert f"  {re.sub(r'[][]', '', name)}  " in arguments
    assert max(map(len, text.splitlines())) <= 80


def test_options_mean_the_same_everywhere():
    meanings: dict[str, set[str]] = {}
    for command in NAMES:
        for option, text in re.findall(r"^  (--\S+.*?)  +(\S.*)$", help_of(*command), re.M):
            meanings.setdefault(option, set()).add(text)
    for option in ("--data DIR", "--set ADDRESS=VALUE", "--seed N", "--strict"):
        # wrapped at different columns: equal beginnings
        assert len({text[:30] for text in meanings[option]}) == 1, option


def test_names_of_tricks_are_whole_on_a_narrow_terminal():
    shown = CliRunner().invoke(APP, ["tricks"], env={"COLUMNS": "40"}).output
    assert all(re.search(rf"\b{name}\b", shown) for name in TRICKS)
