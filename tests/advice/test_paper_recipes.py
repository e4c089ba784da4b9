"""``recipes/paper/``: one recipe for each published arrangement that the catalogue can express, and no other."""

from __future__ import annotations

import re

import pytest

from ltdsl.catalogue import TRICKS
from ltdsl.compiler import compile_recipe
from ltdsl.evidence import rows
from ltdsl.evidence.benchmarks import nearest
from ltdsl.evidence.combination import distance, of_recipe, of_row
from ltdsl.evidence.neighbours import neighbours
from ltdsl.evidence.recipes import FOLDER, files, name_of, names, why_not
from ltdsl.syntax.parser import read_source

#: Changes that a note asks for: the threshold of the maps, and the clock of the sampler within them.
BY_NOTE = {"160 epochs, then a separate": 0.5}


@pytest.fixture(scope="module")
def expressible():
    return {name: printed for name, printed in names().items() if not why_not(printed[0])}


def test_every_row_has_its_recipe_and_every_recipe_its_rows(expressible):
    there = {path.stem for path in FOLDER.glob("*.lt")}
    hint = "run `python -m ltdsl.evidence.recipes`"
    assert expressible.keys() - there == set(), hint
    assert there - expressible.keys() == set(), hint
    for row in rows():
        assert (name_of(row) in there) == (not why_not(row))


def test_recipes_are_as_generated():
    for name, text in files().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, (
            "run `python -m ltdsl.evidence.recipes`"
        )
    assert {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.lt")} == files().keys()


def test_names_tell_rows_apart():
    by_name = names()
    assert len({name.lower() for name in by_name}) == len(by_name)
    for printed in by_name.values():
        assert len({(row.dataset, row.split, row.stages, row.epochs) for row in printed}) == 1


def test_what_is_left_out_says_why():
    reasons = {name: why_not(printed[0]) for name, printed in names().items()}
    for name, reason in reasons.items():
        if reason and "printed" not in reason:
            assert reason.startswith(("unknown ", "`")), (name, reason)
    # everything whose tricks exist is there, but for rows that do not say how they were trained
    missing = {use.name for row in rows() for stage in of_row(row) for use in stage} - TRICKS.keys()
    known = [row for row in rows() if not missing & set(re.findall(r"\w+", row.recipe))]
    unsaid = {name for name, reason in reasons.items() if "not printed" in reason}
    assert {name_of(row) for row in known if why_not(row)} <= unsaid
    assert len(unsaid) == 12


def test_a_recipe_compiles_to_its_row(expressible):
    for name, printed in expressible.items():
        row = printed[0]
        result = compile_recipe(read_source(FOLDER / f"{name}.lt"))
        assert not result.failed, name
        assert {problem.code[:3] for problem in result.diagnostics} <= {"LT2"}, name
        settings = result.recipe.settings
        match = nearest(settings.dataset)
        assert (match.benchmark.name, match.caveat) == (row.dataset, ""), name
        allowed = sum(far for note, far in BY_NOTE.items() if row.note.startswith(note))
        assert distance(of_recipe(result.recipe), of_row(row)) <= allowed, name
        assert settings.epochs == (230 if "30 further epochs" in row.note else row.epochs), name
        assert settings.model.name == "resnet32"
        assert settings.batch_size == 128


def test_the_nearest_published_rows_of_a_recipe_are_its_own(expressible):
    for name, printed in list(expressible.items())[::5]:
        recipe = compile_recipe(read_source(FOLDER / f"{name}.lt")).recipe
        row = printed[0]
        near = neighbours(of_recipe(recipe), row.dataset, recipe.settings.epochs)[row.split]
        nearest_names = {name_of(n.row) for n in near if n.changes == near[0].changes}
        assert name in nearest_names


def test_the_head_of_a_recipe_tells_every_figure_and_note(expressible):
    for name, printed in expressible.items():
        text = (FOLDER / f"{name}.lt").read_text(encoding="utf-8")
        comment = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
        for row in printed:
            assert f"{row.error:.2f} % top-1 error on {row.dataset}, split {row.split}" in comment
            assert row.source in comment
            assert row.note in comment
