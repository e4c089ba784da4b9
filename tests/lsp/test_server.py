"""The server as an editor meets it: a process that is spoken to."""

from __future__ import annotations

import subprocess
import sys

import pytest
from lsp.client import Client
from support.processes import ROOT, command, environment

pytest.importorskip("pygls")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One server for the tests that leave it as it was."""
    client = Client(tmp_path_factory.mktemp("open"))
    client.initialize()
    yield client
    client.end()


def place(line: int, start: int, end: int) -> dict:
    return {
        "start": {"line": line, "character": start},
        "end": {"line": line, "character": end},
    }


def test_settings_of_the_project_are_heard(client):
    """As `ltdsl check` hears them: errors stay, and settings that are none are told of."""
    advised, wrong = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160\n", "a: nonsense\n"

    def codes(name, text):
        return [each["code"] for each in client.open(name, text)]

    settings = client.folder / "ltdsl.toml"
    before = codes("heard.lt", advised)
    try:
        settings.write_text('ignore = ["LT1", "LT2"]\n')
        after = codes("heard2.lt", advised), codes("heard3.lt", wrong)
        settings.write_text("ignore = 1\n")
        told = client.open("heard4.lt", advised)
    finally:
        settings.unlink()
    assert "LT201" in before
    assert after == ([], ["LT102"])
    assert "ltdsl.toml:1:1: `ignore` is a list" in told[-1]["message"]


def test_a_session_from_hello_to_goodbye(tmp_path):
    client = Client(tmp_path)
    try:
        capabilities = client.initialize()
        for feature in (
            "completionProvider",
            "hoverProvider",
            "definitionProvider",
            "codeActionProvider",
            "documentSymbolProvider",
            "documentFormattingProvider",
        ):
            assert capabilities[feature]
        assert client.open("a.lt", "stage1: ce\n") == []
        assert client.shut_down() == 0
    finally:
        client.end()
    assert client.errors == b""


def test_an_editor_that_vanishes_leaves_no_server_behind(tmp_path):
    done = subprocess.run(
        command("lsp"), cwd=tmp_path, env=environment(), input=b"", capture_output=True, timeout=60
    )
    assert b"Traceback" not in done.stderr


def test_diagnostics(client):
    name = "diagnostics.lt"
    found = client.open(name, "epoch = 3\n\nstage1: ce + cs_ce\n")
    codes = {problem["code"]: problem for problem in found}
    unknown = codes["LT101"]
    assert unknown["range"] == place(0, 0, 5)
    assert unknown["severity"] == 1
    assert unknown["source"] == "ltdsl"
    assert "help: did you mean `epochs`?" in unknown["message"]
    assert unknown["data"] == {"range": place(0, 0, 5), "newText": "epochs"}
    assert "codeDescription" not in unknown
    twice = codes["LT110"]
    assert twice["range"] == place(2, 13, 18)
    (first,) = twice["relatedInformation"]
    assert first["location"] == {"uri": client.uri(name), "range": place(2, 8, 10)}
    assert first["message"] == "the first loss"


def test_diagnostics_follow_what_is_typed(client):
    name = "typed.lt"
    assert client.open(name, "stage1: c")[0]["code"] == "LT102"
    for version, text in enumerate(("stage1: ", "stage1: (", "stage1: cs_ce + cam_bs"), 2):
        client.change(name, text, version)
    client.change(name, "stage1: ce; stage2: cam_bs + cs_ce @ 80%", 5)
    (advice,) = client.diagnostics(name, version=5)
    assert (advice["code"], advice["severity"]) == ("LT201", 3)
    client.notify("textDocument/didClose", {"textDocument": {"uri": client.uri(name)}})
    assert client.diagnostics(name) == []


def test_ranges_count_utf_16(client):
    found = client.open("units.lt", 'init = "𝒳é𝒳"; modell = resnet8\r\nstage1: cee\r\n')
    assert [p["range"] for p in found] == [place(0, 16, 22), place(1, 8, 11)]


def test_ranges_count_what_the_editor_asks_for(tmp_path):
    client = Client(tmp_path)
    try:
        assert client.initialize(["utf-8"])["positionEncoding"] == "utf-8"
        (found,) = client.open("a.lt", 'init = "𝒳é𝒳"; modell = resnet8; s: ce')
        assert found["range"] == place(0, 21, 27)
    finally:
        client.end()


def test_completion(client):
    name = "completion.lt"
    client.open(name, "stage1: input_mixup + \n")
    items = client.request("textDocument/completion", client.at(name, 0, 22))
    assert {"cs_ce", "cam_bs"} <= {item["label"] for item in items}
    edit = next(item for item in items if item["label"] == "cs_ce")["textEdit"]
    assert edit == {"range": place(0, 22, 22), "newText": "cs_ce"}


def test_hover(client):
    name = "hover.lt"
    client.open(name, "epochs = 20; model = resnet32\nstage1: cs_ce(gamma = 0.5)\n")

    def card(line: int, character: int) -> str:
        answer = client.request("textDocument/hover", client.at(name, line, character))
        return answer["contents"]["value"] if answer else ""

    assert "Epochs of all stages together" in card(0, 3)
    assert "### `resnet32`" in card(0, 25)
    assert card(1, 8).startswith("### `cs_ce`")
    assert card(1, 15).startswith("### `gamma`")
    assert "| epochs | 0 to 19 (20) |" in card(1, 2)
    assert card(0, 10) == card(99, 99) == ""


def test_definition(client):
    (client.folder / "common").mkdir()
    (client.folder / "common" / "base.lt").write_text("epochs = 20\n")
    name = "definition.lt"
    assert (
        client.open(name, 'use "common/base.lt"\nuse "gone.lt"\nstage1: ce\n')[0]["code"] == "LT115"
    )
    for character in (2, 12):
        answer = client.request("textDocument/definition", client.at(name, 0, character))
        assert answer == {"uri": client.uri("common/base.lt"), "range": place(0, 0, 0)}
    assert client.request("textDocument/definition", client.at(name, 1, 8)) is None
    assert client.request("textDocument/definition", client.at(name, 2, 1)) is None


def test_quick_fixes(client):
    name = "fixes.lt"
    (problem,) = client.open(name, "stage1: input_mixpu\n")
    answer = client.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": client.uri(name)},
            "range": place(0, 10, 10),
            "context": {"diagnostics": [problem]},
        },
    )
    (action,) = answer
    assert action["title"] == "Replace `input_mixpu` by `input_mixup`"
    assert action["kind"] == "quickfix"
    assert action["diagnostics"] == [problem]
    assert action["isPreferred"] is True
    edit = {"range": place(0, 8, 19), "newText": "input_mixup"}
    assert action["edit"]["changes"] == {client.uri(name): [edit]}


def test_everything_safe_is_fixed_on_saving(client):
    name = "fix_all.lt"
    client.open(name, "epohcs = 20\nmodel = resnet33\nstage1: input_mixpu\n")

    def actions(*kinds: str) -> list[dict]:
        context = {"diagnostics": [], "only": list(kinds)}
        document = {"textDocument": {"uri": client.uri(name)}, "range": place(0, 0, 0)}
        return client.request("textDocument/codeAction", {**document, "context": context})

    for kind in ("source.fixAll", "source.fixAll.ltdsl", "source"):
        (action,) = actions(kind)
        (edit,) = action["edit"]["changes"][client.uri(name)]
        assert edit["newText"] == "epochs = 20\nmodel = resnet33\nstage1: input_mixup\n"
    assert [action["kind"] for action in actions("quickfix")] == ["quickfix"]
    assert actions("refactor") == actions("source.organizeImports") == []


def test_symbols(client):
    name = "symbols.lt"
    client.open(name, "epochs = 20\nstage1: ce\nstage2: ce @ 80% {\n handoff = last\n}\nbad bad\n")
    found = client.request(
        "textDocument/documentSymbol", {"textDocument": {"uri": client.uri(name)}}
    )
    assert [(s["name"], s["detail"]) for s in found] == [
        ("epochs", "20"),
        ("stage1", "ce"),
        ("stage2", "ce @ 80%"),
    ]
    (own,) = found[2]["children"]
    assert (own["name"], own["selectionRange"]) == ("handoff", place(3, 1, 8))


def test_formatting(client):
    name = "formatting.lt"
    text = "epochs=20\r\nstage1:ce\r\n"
    client.open(name, text)
    options = {"tabSize": 4, "insertSpaces": True}
    request = {"textDocument": {"uri": client.uri(name)}, "options": options}
    (edit,) = client.request("textDocument/formatting", request)
    assert edit["newText"] == "epochs = 20\nstage1: ce\n"
    assert edit["range"]["end"] == {"line": 2, "character": 0}
    client.change(name, "epochs = = 20", 2)
    assert client.request("textDocument/formatting", request) == []


def test_unsaved_text_of_a_used_file_counts(client):
    (client.folder / "part.lt").write_text("epochs = 20\n")
    assert client.open("part.lt", "epochs = 20\n")[0]["code"] == "LT111"  # nothing uses it yet
    (client.folder / "whole.lt").write_text('use "part.lt"\nstage1: ce\n')
    assert client.open("whole.lt", 'use "part.lt"\nstage1: ce\n') == []
    assert client.diagnostics("part.lt") == []
    client.change("part.lt", "epochs = 20\nepohcs = 3\n", 2)
    (own,) = client.diagnostics("part.lt", version=2)
    assert (own["code"], own["range"]) == ("LT101", place(1, 0, 6))
    (seen,) = client.diagnostics("whole.lt")
    assert (seen["code"], seen["range"]) == ("LT101", place(0, 0, 13))
    assert seen["message"].startswith("in `part.lt`: unknown setting `epohcs`")
    (where,) = seen["relatedInformation"]
    assert where["location"] == {"uri": client.uri("part.lt"), "range": place(1, 0, 6)}


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "\ufeffstage1: cee",
        "\u2028\x0b\x85",
        "(" * 3000,
        "x" * (1 << 20) + "yy",
        "\ud800 = 3",
        "]})",
    ],
    ids=["nul", "mark", "separators", "nested", "large", "surrogate", "closing"],
)
def test_texts_that_are_no_recipes(client, text, request):
    name = f"odd-{request.node.callspec.id}.lt"
    assert client.open(name, text)
    for method in ("completion", "hover", "definition"):
        client.request(f"textDocument/{method}", client.at(name, 0, 5))
        client.request(f"textDocument/{method}", client.at(name, 7, 7))
    document = {"textDocument": {"uri": client.uri(name)}}
    client.request("textDocument/documentSymbol", document)
    options = {"tabSize": 4, "insertSpaces": True}
    client.request("textDocument/formatting", {**document, "options": options})
    whole = {"range": place(0, 0, 9), "context": {"diagnostics": []}}
    client.request("textDocument/codeAction", {**document, **whole})
    client.notify("textDocument/didClose", document)


def test_a_text_that_is_no_file(client):
    uri = "untitled:Untitled-1"
    document = {"uri": uri, "languageId": "ltdsl", "version": 1, "text": 'use "a.lt"\nstage1: ce'}
    client.notify("textDocument/didOpen", {"textDocument": document})
    request = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 6}}
    assert client.request("textDocument/completion", request) == []
    assert client.request("textDocument/definition", request) is None
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_without_pygls_it_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['pygls'] = None; sys.argv = ['ltdsl', 'lsp']\n"
        "from ltdsl.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'error[LT430]: `ltdsl lsp` needs pygls: pip install "ltdsl[lsp]"\n'


def test_the_server_never_imports_the_heavy_half():
    code = (
        "import sys, ltdsl.lsp.server as server; server.create()\n"
        "from ltdsl.lsp.problems import check; from ltdsl.source import Source\n"
        "assert not check(Source('', 'stage1: ce')).problems\n"
        "heavy = {'mindspore', 'numpy', 'PIL', 'ltdsl_runtime'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_fixing_all_takes_used_files_as_they_are_in_the_editor(client):
    (client.folder / "settings.lt").write_text("epochs = 20\n")
    client.open("settings.lt", "seed = 3\n")  # not saved
    client.open("uses.lt", 'use "settings.lt"\nepoch = 30\nstage1: ce\n')
    asked = {"textDocument": {"uri": client.uri("uses.lt")}, "range": place(0, 0, 0)}
    context = {"diagnostics": [], "only": ["source.fixAll"]}
    [action] = client.request("textDocument/codeAction", {**asked, "context": context})
    [edit] = action["edit"]["changes"][client.uri("uses.lt")]
    assert edit["newText"] == 'use "settings.lt"\nepochs = 30\nstage1: ce\n'
