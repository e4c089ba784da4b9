"""Completion in every kind of place, at the `|` of a text."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pygls")

from ltdsl.catalogue import AUGMENTS, LOSSES, MIXERS, MODELS, OPTIMIZERS, SAMPLERS, SCHEDULES
from ltdsl.lsp.complete import complete
from ltdsl.lsp.context import Place, context_at
from ltdsl.lsp.text import Places
from ltdsl.recipe import Overrides, Settings
from ltdsl.source import Source

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.lt"))
PLACES = Places()


def items(text: str, path: Path | None = None):
    offset = text.index("|")
    source = Source("recipe.lt", text.replace("|", "", 1), path)
    return complete(source, PLACES.position(source, offset), PLACES)


def labels(text: str) -> list[str]:
    return [item.label for item in items(text)]


def chosen(text: str, label: str, path: Path | None = None) -> str:
    """The text after an item was chosen."""
    item = next(item for item in items(text, path) if item.label == label)
    source = Source("", text.replace("|", "", 1))
    span = item.text_edit.range
    start, end = (PLACES.offset(source, edge) for edge in (span.start, span.end))
    return source.text[:start] + item.text_edit.new_text + source.text[end:]


SETTINGS = list(Settings.model_fields)
SGD = ["lr", "weight_decay", "momentum", "nesterov"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|", [*SETTINGS, "stage1", "use"]),
        ("epo|", [*SETTINGS, "stage1", "use"]),
        ("# what\n\n|", [*SETTINGS, "stage1", "use"]),
        ("seed = 3; |", [*[s for s in SETTINGS if s != "seed"], "stage1"]),
        ("stage1: ce\n|", ["stage2"]),
        ("stage1|", [*SETTINGS, "stage1", "use"]),
        ("stage1: ce\ns|\nstage2: ce @ 80%", ["stage3"]),
        ("stage1: ce {\n|", list(Overrides.model_fields)),
        ("s: ce { handoff = best; |}", [f for f in Overrides.model_fields if f != "handoff"]),
        ("s: ce { optimizer = |", list(OPTIMIZERS)),
        ("s: ce { optimizer = sgd(|", SGD),
        ("s: ce { optimizer = sgd(lr = 0.1) }\n|", ["stage2"]),
        ("model = |", list(MODELS)),
        ("model = res|\nstage1: ce", list(MODELS)),
        ("optimizer = sgd(|)", SGD),
        ("optimizer = sgd(lr = 0.1, |", [p for p in SGD if p != "lr"]),
        ("optimizer = sgd(lr = 0.1,\n  mo|", [p for p in SGD if p != "lr"]),
        ("optimizer = sgd(\n    lr = 0.1,\n    nesterov = |", ["true", "false"]),
        ("dataset = cifar10_lt(profile = |)", ["exponential", "step"]),
        ("best_on = |", ["validation", "test"]),
        ("best_by = |", ["macro_recall", "top1_error"]),
        ("augment = |", list(AUGMENTS)),
        ("augment = [|", list(AUGMENTS)),
        ("augment = [random_crop(padding = 4), |]", list(AUGMENTS)),
        ("augment = [random_crop(|", ["padding"]),
        ("schedule = |", list(SCHEDULES)),
        ("schedule = multistep(milestones = [80%], ga|", ["warmup", "gamma"]),
        ("s: ce @ |", ["epoch"]),
        ("s: ce @ep|", ["epoch"]),
        ("s: cs_ce(gamma = 0.5, |", ["reduction"]),
        ("s: input_mixup + cam_bs(sampler = progressive(clock = |", ["run", "stage"]),
        # where a bracket was forgotten, the next statement is one
        ("optimizer = sgd(lr = 0.1\n|", [s for s in SETTINGS if s != "optimizer"] + ["stage1"]),
        ("model = mindcv(\nstage1: ce { schedule = |", list(SCHEDULES)),
        # nothing to say
        ("epochs = |", []),
        ("epochs = 1|", []),
        ("epochs = 3 |", []),
        ("s: ce |", []),
        ("s: ce @ epoch |", []),
        ("s: ce # and|", []),
        ('init = "a|', []),
        ("optimizer = nonsense(|", []),
        ("model = [|", []),
        ("s: ce { } |", []),
        ("nonsense = |", []),
        (") ] } = : + @ |", ["epoch"]),
    ],
)
def test_names(text, expected):
    assert labels(text) == expected


def test_tricks_of_a_free_kind_come_first():
    assert set(labels("s: |")) >= {*SAMPLERS, *MIXERS, *LOSSES}
    found = labels("s: input_mixup(alpha = 1.0) + cam_bs +\n  |")
    assert "input_mixup" not in found
    assert found[0] in LOSSES
    assert set(found[-len(SAMPLERS) - len(MIXERS) + 2 :]) == {*SAMPLERS, *MIXERS} - {
        "input_mixup",
        "cam_bs",
    }
    inside = labels("s: cam_bs(sampler = |")
    assert "class_balanced" in inside
    assert "cam_bs" not in inside


@pytest.mark.parametrize(
    ("text", "label", "after"),
    [
        ("epo|", "epochs", "epochs = "),
        ("epo|chs = 3", "epochs", "epochs = 3"),
        ("|\nepochs = 3", "seed", "seed = \nepochs = 3"),
        ("sta|", "stage1", "stage1: "),
        ("s: inp|ut_mix + ce", "input_mixup", "s: input_mixup + ce"),
        ("s: |ce", "input_mixup", "s: input_mixupce"),
        ("s: ce @ |", "epoch", "s: ce @ epoch "),
        ("augment = |", "random_crop", "augment = [random_crop]"),
        ("optimizer = sgd(l|)", "lr", "optimizer = sgd(lr = )"),
        ("optimizer = sgd(l| = 3)", "lr", "optimizer = sgd(lr = 3)"),
    ],
)
def test_what_choosing_does(text, label, after):
    assert chosen(text, label) == after


def test_paths_of_used_files(tmp_path):
    for name in ("recipe.lt", "b.lt", "common/a.lt", ".hidden/c.lt", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    here = tmp_path / "recipe.lt"
    for text in ('use "|', 'use "co|', 'use "|"', 'use "co|mmon"'):
        assert [item.label for item in items(text, here)] == ["b.lt", "common/a.lt"]
        assert chosen(text, "common/a.lt", here) == 'use "common/a.lt"'
    assert items('use "|') == []


def test_items_carry_their_cards():
    item = next(item for item in items("s: |") if item.label == "cs_ce")
    assert item.detail == "loss"
    assert "| `gamma` |" in item.documentation.value


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_prefix_of_a_recipe(path):
    text = path.read_text(encoding="utf-8")
    seen = set()
    for end in range(len(text) + 1):
        source = Source("recipe.lt", text[:end])
        complete(source, PLACES.position(source, end), PLACES)
        whole = context_at(text, end)
        assert whole == context_at(text[:end], end)
        seen.add(whole.place)
    assert {Place.STATEMENT, Place.TRICK, Place.NOTHING} <= seen


@pytest.mark.parametrize(
    ("text", "word", "after"),
    [
        ("stage1: mixu|", "mixup", "stage1: input_mixup"),
        ("stage1: ce; stage2: dr|", "drw", "stage1: ce; stage2: cb_ce @ 80%"),
        ("l|", "lr", "optimizer = sgd(lr = 0.1)"),
        ("num_e|", "num_epochs", "epochs = "),
        ("optimizer = nad|", "nadam", "optimizer = adam(lr = 0.001)"),
        ("model = resnet18|", "resnet18", 'model = mindcv(name = "resnet18")'),
        ("optimizer = sgd(learn|", "learning_rate", "optimizer = sgd(lr = "),
        ("schedule = cosine_a|", "cosine_annealing", "schedule = cosine"),
    ],
)
def test_words_of_the_field(text, word, after):
    assert chosen(text, word) == after


def test_no_words_before_something_is_typed():
    assert "mixup" not in labels("stage1: |")
    assert "mixup" not in labels("optimizer = m|")
