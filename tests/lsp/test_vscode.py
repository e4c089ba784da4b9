"""The VS Code extension: its files are well formed and belong together, and its grammar colours recipes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ltdsl import __version__

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "editors" / "vscode"
GRAMMAR = json.loads((FOLDER / "syntaxes" / "ltdsl.tmLanguage.json").read_text(encoding="utf-8"))
PACKAGE: dict[str, Any] = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
CONTRIBUTED = PACKAGE["contributes"]
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
    (language,), (grammar,) = CONTRIBUTED["languages"], CONTRIBUTED["grammars"]
    assert grammar["scopeName"] == GRAMMAR["scopeName"]
    assert language["id"] == grammar["language"]
    # what is made in packing, and the file that it is made of
    made = {"dist", "LICENSE"}
    assert made <= set(PACKAGE["files"])
    assert PACKAGE["main"] == "./dist/extension.js"
    for path in (language["configuration"], grammar["path"], "extension.js", "build.mjs"):
        assert (FOLDER / path).is_file()
    for path in {*PACKAGE["files"]} - made:
        assert (FOLDER / path).exists()
    configuration = json.loads((FOLDER / language["configuration"]).read_text(encoding="utf-8"))
    for rule in (configuration["wordPattern"], *configuration["indentationRules"].values()):
        re.compile(rule)
    assert re.fullmatch(configuration["wordPattern"], "input_mixup")


def test_semantic_colours_are_those_of_the_grammar():
    pytest.importorskip("pygls")
    from ltdsl.lsp.colours import LEGEND

    (mapped,) = CONTRIBUTED["semanticTokenScopes"]
    known = set(re.findall(r'"name": "([^"]+)"', json.dumps(GRAMMAR)))
    assert mapped["language"] == CONTRIBUTED["languages"][0]["id"]
    for kind, found in mapped["scopes"].items():
        assert kind in LEGEND.token_types
        assert set(found) <= known


def test_what_it_is_made_of_is_pinned():
    for version in PACKAGE["devDependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "dependencies" not in PACKAGE  # all is in the bundle
    assert "package-lock=false" in (FOLDER / ".npmrc").read_text()
    assert PACKAGE["version"] == __version__


def in_an_editor(settings: dict[str, str]) -> dict[str, Any]:
    """What the extension does when an editor starts it and its user restarts the server."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    host, file = Path(__file__).with_name("extension_host.js"), FOLDER / "extension.js"
    done = subprocess.run(
        [node, str(host), str(file), json.dumps(settings)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_extension_does_what_its_manifest_says():
    did = in_an_editor({"ltdsl.path": "/opt/ltdsl", "ltdsl.docs": "https://docs.example.org"})
    assert did["commands"] == [each["command"] for each in CONTRIBUTED["commands"]]
    assert set(did["read"]) == set(CONTRIBUTED["configuration"]["properties"])
    assert did["languages"] == [each["id"] for each in CONTRIBUTED["languages"]]
    command = ["/opt/ltdsl", "lsp", "--docs", "https://docs.example.org"]
    assert (did["started"], did["disposed"], did["messages"]) == ([command] * 2, 1, [])


def test_a_command_that_is_not_there_is_told():
    did = in_an_editor({"ltdsl.path": "nowhere"})
    assert did["started"] == []
    assert len(did["messages"]) == 2
    assert 'pip install "ltdsl[lsp]"' in did["messages"][0]


def test_what_was_packed():
    """Of the package that `make vsix` made last, where it was made of what is here."""
    packed = FOLDER / f"{PACKAGE['name']}-{PACKAGE['version']}.vsix"
    if not packed.exists():
        pytest.skip("there is no package: make vsix")
    with zipfile.ZipFile(packed) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("extension/package.json"))
        licences = archive.read("extension/dist/LICENSES.txt").decode()
    if manifest != PACKAGE:
        pytest.skip("the package is older than its manifest: make vsix")
    assert {f"extension/{manifest['main'].removeprefix('./')}", "extension/LICENSE.txt"} <= names
    for each in (*CONTRIBUTED["languages"], *CONTRIBUTED["grammars"]):
        path = each.get("configuration") or each["path"]
        assert f"extension/{path.removeprefix('./')}" in names
    assert not [name for name in names if "node_modules" in name]
    assert "vscode-languageclient 9" in licences
    assert packed.stat().st_size < 200_000


def test_every_rule_is_used():
    used = {rule["include"][1:] for rule in GRAMMAR["patterns"]} | {"escape"}
    assert used == set(GRAMMAR["repository"])
