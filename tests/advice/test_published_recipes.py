"""Every published row that can be a recipe is one, from the packaged evidence; ``recipes/paper/`` has a dozen."""

from __future__ import annotations

import re

import pytest
from support.processes import ROOT

from ltdsl.catalogue import TRICKS
from ltdsl.compiler import compile_recipe
from ltdsl.evidence import rows
from ltdsl.evidence.arrangements import ARRANGEMENTS, REFERENCE
from ltdsl.evidence.benchmarks import nearest
from ltdsl.evidence.combination import PARAMETER, distance, of_chain, of_recipe, of_row
from ltdsl.evidence.neighbours import neighbours
from ltdsl.reference.published import name_of, names, text_of, why_not
from ltdsl.source import Source
from ltdsl.syntax.parser import read_source

PAPER = ROOT / "recipes" / "paper"
MODELS = {"ImageNet-LT": ("resnet10", 512), "iNat18": ("resnet50", 512)}


@pytest.fixture(scope="module")
def recipes():
    """Name, rows and compiled recipe of all that can be one."""
    found = {}
    for name, printed in names().items():
        if not why_not(printed[0]):
            result = compile_recipe(Source(name, text_of(printed)))
            assert not result.failed, name
            assert {problem.code[:3] for problem in result.diagnostics} <= {"LT2"}, name
            found[name] = (printed, result.recipe)
    return found


def test_names_tell_rows_apart():
    assert len({name.lower() for name in names()}) == len(names())
    for name, printed in names().items():
        assert re.fullmatch(r"[a-z0-9_.+-]+", name)
        assert {name_of(row) for row in printed} == {name}
        told = {(row.dataset, row.split, row.stages, row.epochs, row.trained) for row in printed}
        assert len(told) == 1
    assert sum(map(len, names().values())) == len(rows())


def test_what_is_left_out_says_why(recipes):
    reasons = {name: why_not(printed[0]) for name, printed in names().items()}
    assert {name: reason for name, reason in reasons.items() if reason} == {
        "inat18-paper-input_mixup-then-input_mixup+cam_bs-then-class_balanced": "its epochs are not printed"
    }
    assert len(recipes) == len(names()) - 1
    # the catalogue has every trick that a row names
    assert {use.name for row in rows() for stage in of_row(row) for use in stage} <= TRICKS.keys()


def test_every_arrangement_is_some_rows():
    assert {row.trained for row in rows()} == ARRANGEMENTS.keys()


def test_a_recipe_is_its_row(recipes):
    for name, (printed, recipe) in recipes.items():
        row, settings = printed[0], recipe.settings
        match = nearest(settings.dataset)
        assert (match.benchmark.name, match.caveat) == (row.dataset, ""), name
        # besides the row's tricks: how the reference implements them, and the clock of a part of its own
        added = [name for stage in of_row(row) for name in (use.name for use in stage)]
        known = PARAMETER * sum(trick in REFERENCE for trick in added) * row.of_reference
        known += PARAMETER * ("progressive" in row.recipe and row.trained == "cam")
        assert distance(of_recipe(recipe), of_row(row)) == known, name
        assert settings.epochs == row.epochs
        model, batch = MODELS.get(row.dataset, ("resnet32", 64 if "bbn" in row.stages else 128))
        assert (settings.model.name, settings.batch_size) == (model, batch)


def test_parameters_of_the_reference_are_parameters():
    for trick, parameters in REFERENCE.items():
        [use] = of_chain(f"{trick}({parameters})")
        assert use.parameters, "the default: no need to write it"


def test_the_nearest_published_rows_of_a_recipe_are_its_own(recipes):
    for name, (printed, recipe) in list(recipes.items())[::5]:
        row = printed[0]
        near = neighbours(of_recipe(recipe), row.dataset, recipe.settings.epochs)[row.split]
        nearest_names = {name_of(n.row) for n in near if n.changes == near[0].changes}
        assert name in nearest_names


def test_the_head_of_a_recipe_tells_every_figure_note_and_remark():
    for name, printed in names().items():
        if why_not(printed[0]):
            continue
        text = text_of(printed)
        comment = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
        for row in printed:
            assert f"{row.error:.2f} % top-1 error on {row.dataset}, split {row.split}" in comment
            assert row.source in comment
            assert row.note in comment
            assert ARRANGEMENTS[row.trained].remark in comment, name


def test_a_dozen_recipes_are_worth_reading():
    there = {path.stem: path for path in PAPER.rglob("*")}
    assert 10 <= len(there) <= 14
    for name, path in there.items():
        assert read_source(path).text == text_of(names()[name]), "run: make docs"


def test_second_parts_and_warm_ups():
    # of the branch experiments_on_cui_cifar at commit 46e1ca3: only one benchmark each warms up
    second = {name for name in names() if "then-input_mixup+cam_bs" in name and "-cui-" in name}
    assert len(second) == 8
    for name in second:
        text = text_of(names()[name])
        drop = "multistep(milestones = [40], gamma = 0.01, warmup = {})"
        assert drop.format(5 if name.startswith("cifar100_lt_100-") else 0) in text
        if "-then-class_balanced" in name:
            drop = "multistep(milestones = [8, 16], gamma = 0.1, warmup = {})"
            assert drop.format(5 if name.startswith("cifar10_lt_100-") else 0) in text
