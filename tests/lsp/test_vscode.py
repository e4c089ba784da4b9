"""The VS Code extension: its files are well formed and belong together, and its grammar colours recipes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "editors" / "vscode"
GRAMMAR = json.loads((FOLDER / "syntaxes" / "ltdsl.tmLanguage.json").read_text(encoding="utf-8"))
RULES = [GRAMMAR["repository"][rule["include"][1:]] for rule in GRAMMAR["patterns"]]


def coloured(line: str) -> Iterator[tuple[str, str]]:
    """Each piece of a line with its scope, as an editor finds them: the first rule of the leftmost matches."""
    position = 0
    while position < len(line):
        matches = [(re.compile(rule["match"]).search(line, position), rule) for rule in RULES]
        found = [(m.start(), i, m, rule) for i, (m, rule) in enumerate(matches) if m and m[0]]
        start, _, match, rule = min(found, default=(len(line), 0, None, {}))
        yield from ((piece, "") for piece in [line[position:start].strip()] if piece)
        if match is None:
            return
        if "name" in rule:
            yield match[0], rule["name"]
        else:
            for group, capture in rule["captures"].items():
                if match[int(group)]:
                    yield match[int(group)], capture["name"]
        position = match.end()


def scopes(line: str) -> list[tuple[str, str]]:
    return [(piece, scope.removesuffix(".ltdsl")) for piece, scope in coloured(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'use "a\\"b.lt" # c',
            [
                "use keyword.control.import",
                '"a\\"b.lt" string.quoted.double',
                "# c comment.line.number-sign",
            ],
        ),
        (
            "seed = 3",
            ["seed variable.parameter", "= keyword.operator.assignment", "3 constant.numeric"],
        ),
        (
            "stage2: input_mixup + cam_bs @ epoch 320 {",
            [
                "stage2 entity.name.section",
                ": punctuation.separator.stage",
                "input_mixup entity.name.function.trick",
                "+ keyword.operator.chain",
                "cam_bs entity.name.function.trick",
                "@ keyword.operator.start",
                "epoch keyword.other.unit",
                "320 constant.numeric",
                "{ punctuation.separator",
            ],
        ),
        ("true_loss", ["true_loss support.constant"]),
        ("true", ["true constant.language.boolean"]),
        ("@ 80%", ["@ keyword.operator.start", "80% constant.numeric"]),
        ("-1e-4", ["-1e-4 constant.numeric"]),
        ('"not closed', ['"not closed string.quoted.double']),
    ],
)
def test_a_line(line, expected):
    assert [f"{piece} {scope}" for piece, scope in scopes(line)] == expected


def test_all_recipes_have_their_colours():
    for path in (ROOT / "recipes").rglob("*.lt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not [piece for piece, scope in coloured(line) if not scope], (path.name, line)


def test_files_belong_together():
    package: dict[str, Any] = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    contributed = package["contributes"]
    (language,), (grammar,) = contributed["languages"], contributed["grammars"]
    assert grammar["scopeName"] == GRAMMAR["scopeName"]
    assert language["id"] == grammar["language"]
    for path in (package["main"], language["configuration"], grammar["path"]):
        assert (FOLDER / path).is_file()
    configuration = json.loads((FOLDER / language["configuration"]).read_text(encoding="utf-8"))
    for rule in (configuration["wordPattern"], *configuration["indentationRules"].values()):
        re.compile(rule)
    assert re.fullmatch(configuration["wordPattern"], "input_mixup")


def test_every_rule_is_used():
    used = {rule["include"][1:] for rule in GRAMMAR["patterns"]} | {"escape"}
    assert used == set(GRAMMAR["repository"])
