"""What an editor shows of a recipe beside its text: hints, cards, signatures, links, folds, colours; and renaming."""

from __future__ import annotations

import pytest

pytest.importorskip("pygls")

from lsp.client import Client
from lsprotocol import types as lsp

from ltdsl.codes.links import anchor, is_address, link
from ltdsl.codes.table import CODES
from ltdsl.compiler import compile_recipe
from ltdsl.lsp.colours import LEGEND, colours
from ltdsl.lsp.folding import folds
from ltdsl.lsp.hints import hints
from ltdsl.lsp.hover import hover
from ltdsl.lsp.links import links
from ltdsl.lsp.problems import check, fixes, shown, silences
from ltdsl.lsp.rename import RenameError, rename
from ltdsl.lsp.signature import signature
from ltdsl.lsp.text import Places
from ltdsl.source import Source

UTF_16 = Places()
EVERYTHING = lsp.Range(lsp.Position(0, 0), lsp.Position(999, 0))

RECIPE = """\
# stage2 corrects: --set stage2.at=60%
# (not stage2_best, and not in quotes)
dataset = cifar10_lt(imbalance = 50)
epochs = 200
optimizer = sgd(lr = 0.2)
init = "stage2/weights.ckpt"

stage1: input_mixup
stage2: cam_bs + cs_ce(gamma = 0.5) @ 80% {
    optimizer = sgd(lr = 0.001)
}
stage3: balanced_softmax @ 90% { schedule = multistep(milestones = [50%], gamma = 0.1, warmup = 0) }
"""


def source(text: str = RECIPE) -> Source:
    return Source("recipe.lt", text)


def at(text: str, word: str, inside: int = 0, text_of: str = RECIPE) -> lsp.Position:
    """The position of a word in the first line that contains a text."""
    line = next(i for i, each in enumerate(text_of.split("\n")) if text in each)
    return lsp.Position(line, text_of.split("\n")[line].index(word) + inside)


def hints_of(text: str, wanted: lsp.Range = EVERYTHING) -> list[tuple[int, int, str]]:
    found = hints(check(source(text)), wanted, UTF_16)
    return [(hint.position.line, hint.position.character, hint.label) for hint in found]


def hint_at(text: str, line: int) -> list[str]:
    return [label for at_line, _, label in sorted(hints_of(text)) if at_line == line]


def test_percentages_are_shown_as_epochs():
    (label,) = [hint for hint in hints_of(RECIPE) if hint[0] == 8 and "epoch" in hint[2]]
    assert label == (8, len("stage2: cam_bs + cs_ce(gamma = 0.5) @ 80%"), "= epoch 160")
    # of its own 20 epochs, which begin at 180
    assert "= epoch 190" in hint_at(RECIPE, 11)
    rounded = "epochs = 7\nstage1: ce\nstage2: cs_ce @ 50%\n"
    assert hint_at(rounded, 2) == ["= epoch 4"]
    assert hint_at(rounded.replace("50%", "epoch 4"), 2) == []


def test_milestones_of_the_recipe_count_from_its_start():
    text = "epochs = 200\nschedule = multistep(milestones = [60%, 190])\nstage1: ce\n"
    assert "= epoch 120" in hint_at(text, 1)
    assert not any("190" in label for label in hint_at(text, 1))


def test_inherited_values_are_shown_where_they_would_be_written():
    protocol = ", momentum = 0.9, nesterov = true, weight_decay = 0.0002"
    assert hint_at(RECIPE, 4)[0].split(", ")[1:] == hint_at(RECIPE, 9)[0].split(", ")[1:]
    assert set(hint_at(RECIPE, 4)[0].split(", ")) == set(protocol.split(", "))
    text = "dataset = cifar10_lt\noptimizer = sgd(lr = 0.2, momentum = 0.5)\nstage1: ce { optimizer = sgd }\n"
    (own, constant) = hint_at(text, 2)
    assert own.startswith("(")
    assert "lr = 0.2" in own
    assert "momentum = 0.5" in own
    assert constant == "; schedule = constant"
    found = hints(check(source(text)), EVERYTHING, UTF_16)
    about = next(hint.tooltip for hint in found if hint.position.line == 2)
    assert about == "from recipe.lt:2, protocol of cifar10_lt"


def test_defaults_that_matter_are_shown():
    assert hint_at("dataset = cifar10_lt\nstage1: input_mixup\n", 0) == ["(imbalance = 100)"]
    assert hint_at(RECIPE, 2) == []
    assert hint_at(RECIPE, 7) == ["+ ce"]
    assert any("optimizer = sgd(lr = 0.2" in label for label in hint_at(RECIPE, 11))


def test_hints_are_those_of_the_lines_that_are_asked_for():
    line = lsp.Range(lsp.Position(8, 0), lsp.Position(8, 5))
    assert {hint[0] for hint in hints_of(RECIPE, line)} == {8}
    assert hints_of(RECIPE.replace("cam_bs", "cam_bss")) == []


def card(position: lsp.Position, text: str = RECIPE) -> str:
    given = source(text)
    answer = hover(given, position, UTF_16, lambda: compile_recipe(given))
    return answer.contents.value if answer else ""


def test_hovering_over_a_stage_shows_its_plan():
    text = card(at("stage2: ", "stage2"))
    for row in (
        "| epochs | 160 to 179 (20) |",
        "| sampler | cam_bs |",
        "| loss | cs_ce(gamma = 0.5) |",
        "| learning rate | 0.001 |",
    ):
        assert row in text
    assert "| learning rate | 0.2, 0.02 from epoch 190 |" in card(at("stage3: ", "stage3"))
    broken = RECIPE.replace("cam_bs", "cam_bss")
    assert "No plan while" in card(at("stage2: ", "stage2", 1, broken), broken)


def test_a_stage_of_very_many_epochs_is_hovered_over_at_once():
    text = "dataset = cifar100_lt\nepochs = 100000\nstage1: progressive\n"
    assert "| epochs | 0 to 99999 (100000) |" in card(lsp.Position(2, 2), text)
    assert "draws of a class" not in card(lsp.Position(2, 2), text)


def test_hovering_over_a_setting_says_what_it_is_here_and_why():
    text = card(at("epochs = ", "epochs"))
    assert "at least 1 and at most 100000" in text
    assert text.endswith("Here: `200`, from recipe.lt:4.")
    own = card(at("sgd(lr = 0.001)", "optimizer", 2))
    assert "Here: `sgd(lr = 0.001, weight_decay = 0.0002)`, from recipe.lt:10." in own
    broken = "epochs = 200\nstage1: cee\n"
    assert card(lsp.Position(0, 1), broken).endswith("Here: `200`, from recipe.lt:1.")


@pytest.mark.parametrize(
    ("written", "active"),
    [
        ("stage1: cs_ce(", "gamma"),
        ("stage1: cs_ce(gamma = 1", "gamma"),
        ("stage1: cs_ce(gamma = 1, ", "reduction"),
        ("stage1: cs_ce(reduction = mean, ", "gamma"),
        ("stage1: ce\nschedule = multistep(milestones = [3, ", "milestones"),
        ("stage1: cs_ce(gamma = 1)", None),
        ("stage1: nothing(", None),
        ("stage1: ce(", None),
    ],
)
def test_signatures_inside_brackets(written, active):
    lines = written.split("\n")
    position = lsp.Position(len(lines) - 1, len(lines[-1]))
    found = signature(source(written), position, UTF_16)
    if active is None:
        assert found is None
        return
    (shown_,) = found.signatures
    parameter = shown_.parameters[found.active_parameter]
    assert parameter.label.partition(" ")[0] == active
    assert all(each.label in shown_.label for each in shown_.parameters)


def edited(text: str, edits: list[lsp.TextEdit]) -> str:
    given = source(text)
    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character))[::-1]:
        start, end = (UTF_16.offset(given, place) for place in (edit.range.start, edit.range.end))
        text = text[:start] + edit.new_text + text[end:]
    return text


def test_a_stage_is_renamed_wherever_it_is_named():
    wanted = RECIPE.replace("stage2 corrects", "late corrects").replace("stage2.at", "late.at")
    wanted = wanted.replace("stage2: ", "late: ")
    for place in (at("stage2: ", "stage2", 6), at("stage2.at", "stage2.at", 3)):
        assert edited(RECIPE, rename(source(), place, UTF_16, "late")) == wanted
    plans = [compile_recipe(source(text)).plan for text in (RECIPE, wanted)]
    assert plans[0].digest() == plans[1].digest()


@pytest.mark.parametrize("name", ["epochs", "stage1", "let", "Late", "a b", "", "x" * 65, "a\nb"])
def test_a_name_that_no_stage_can_have_is_refused(name):
    with pytest.raises(RenameError):
        rename(source(), at("stage2: ", "stage2"), UTF_16, name)


def test_only_stages_are_renamed():
    for place in (at("epochs =", "epochs"), at("stage2_best", "stage2_best", 2)):
        assert rename(source(), place, UTF_16, "late") == []
    assert rename(source(), at('"stage2/', "stage2"), UTF_16, "late") == []


def test_folds():
    text = "# one\n# two\nseed = 3 # no\n# alone\n\nstage1: ce {\n  augment = [\n   cutout,\n   cutout\n ]\n}\n({\n]\n"
    found = [(fold.start_line, fold.end_line, fold.kind.value) for fold in folds(source(text))]
    assert found == [(0, 1, "comment"), (5, 9, "region"), (6, 8, "region")]


def test_links_lead_to_files_that_are_there(tmp_path):
    for name in ("a.lt", "weights.ckpt"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder").mkdir()
    recipe = tmp_path / "sub" / "r.lt"
    recipe.parent.mkdir()
    (recipe.parent / "inside.ckpt").write_text("")
    (recipe.parent / "link.ckpt").symlink_to(tmp_path / "weights.ckpt")
    text = 'use "../a.lt"\ninit = "inside.ckpt"\nstage1: kd(teacher = "{}")\n'
    for inside, found in (("link.ckpt", 1), ("../folder", 1), ("gone.ckpt", 1), ("inside.ckpt", 2)):
        given = Source("r.lt", text.format(inside), recipe)
        assert len(list(links(given, UTF_16))) == found
    (used, init, _) = links(Source("r.lt", text.format("../weights.ckpt"), recipe), UTF_16, True)
    assert used.target == (tmp_path / "a.lt").as_uri()
    assert (init.range.start.character, init.range.end.character) == (8, 19)


def test_colours_say_what_is_known():
    text = 'use "a.lt"\nmodel = resnet32 # é\nseeed = 3\nstage1: ce + cee @ epoch 160 { handoff = best }\n'
    given = source(text)
    data, line, column, found = colours(given, UTF_16).data, 0, 0, {}
    for down, right, length, kind, _ in zip(*[iter(data)] * 5, strict=True):
        line, column = line + down, right if down else column + right
        found[text.split("\n")[line][column : column + length]] = LEGEND.token_types[kind]
    assert found == {
        "use": "keyword",
        '"a.lt"': "string",
        "model": "property",
        "resnet32": "type",
        "# é": "comment",
        "3": "number",
        "stage1": "event",
        "ce": "function",
        "epoch": "keyword",
        "160": "number",
        "handoff": "property",
        "best": "enumMember",
    }


def actions(text: str) -> list[lsp.CodeAction]:
    checked, uri = check(source(text)), "file:///recipe.lt"
    found = fixes(checked, uri, EVERYTHING, UTF_16, compile_recipe)
    return [*found, *silences(checked, uri, EVERYTHING, UTF_16)]


def after(text: str, action: lsp.CodeAction) -> str:
    return edited(text, action.edit.changes["file:///recipe.lt"])


ADVISED = "stage1: ce; stage2: cam_bs + cs_ce @ 80%"


def test_advice_can_be_followed():
    follow, _ = actions(ADVISED)
    assert follow.title == "Replace `cs_ce` by `ce`"
    assert not follow.is_preferred
    mended = after(ADVISED, follow)
    assert mended == "stage1: ce; stage2: cam_bs + ce @ 80%"
    assert compile_recipe(source(mended)).diagnostics == []


@pytest.mark.parametrize(
    ("comment", "line"),
    [
        ("", ADVISED + "  # ltdsl: ignore[LT201] "),
        ("  # as published", ADVISED + "  # ltdsl: ignore[LT201] as published"),
        ("# ltdsl: ignore[LT202] x", ADVISED + "# ltdsl: ignore[LT202, LT201] x"),
    ],
)
def test_advice_can_be_silenced_with_a_reason(comment, line):
    text = ADVISED + comment + "\n"
    (action,) = [a for a in actions(text) if "LT201" in a.title]
    silenced = after(text, action)
    assert silenced == line + "\n"
    codes = {problem.code for problem in compile_recipe(source(silenced)).diagnostics}
    if not comment:  # the reason is its user's to write
        assert codes == {"LT201", "LT120"}
        silenced = silenced.replace("] \n", "] compared in table 3\n")
        assert compile_recipe(source(silenced)).diagnostics == []
    else:
        assert "LT201" not in codes


def test_errors_cannot_be_silenced():
    assert not [a for a in actions("stage1: cee + zzz\n") if "Silence" in a.title]


def test_codes_lead_to_the_page_that_is_named():
    page = "https://docs.example.org/diagnostics.html"
    (problem,) = shown(check(source(ADVISED), page=page), UTF_16)
    assert problem.code_description.href == page + "#lt201-cs_ce-with-cam_bs"
    (problem,) = shown(check(source(ADVISED)), UTF_16)
    assert problem.code_description is None
    for wrong in ("javascript:alert(1)", "docs", "https:", "https://a b", "file:", "http://[", ""):
        assert not is_address(wrong)
    assert is_address("file:///docs/diagnostics.html")


def test_each_code_has_its_place_on_the_page():
    headings = {anchor(f"{code} {meaning.title}") for code, meaning in CODES.items()}
    assert len(headings) == len(CODES)
    assert link("LT999", "https://example.org") == ""


def test_a_session_that_reads(tmp_path):
    client = Client(tmp_path, "--docs", "https://docs.example.org/d/")
    name = "a.lt"
    try:
        capabilities = client.initialize()
        assert capabilities["renameProvider"] == {"prepareProvider": True}
        found = client.open(name, ADVISED + "\n")
        assert found[0]["codeDescription"]["href"].startswith("https://docs.example.org/d/#lt201")
        document = {"textDocument": {"uri": client.uri(name)}}
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
        labels = client.request("textDocument/inlayHint", {**document, "range": whole})
        assert "= epoch" in labels[0]["label"]
        assert client.request("textDocument/semanticTokens/full", document)["data"]
        assert client.request("textDocument/foldingRange", document) == []
        assert client.request("textDocument/documentLink", document) == []
        assert client.request("textDocument/signatureHelp", client.at(name, 0, 10)) is None
        assert "| epochs |" in str(client.request("textDocument/hover", client.at(name, 0, 2)))
        place = client.at(name, 0, 14)
        at_name = client.request("textDocument/prepareRename", place)
        assert (at_name["start"]["character"], at_name["end"]["character"]) == (12, 18)
        edit = client.request("textDocument/rename", {**place, "newName": "late"})
        assert len(edit["changes"][client.uri(name)]) == 1
        refused = client.refused("textDocument/rename", {**place, "newName": "seed"})
        assert refused["message"] == "`seed` is a setting: no stage can be called so"
        assert client.shut_down() == 0
    finally:
        client.end()
    assert client.errors == b""
