"""Snapshots of every phase, for the recipes that ship and for recipes with each problem there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ltdsl.codes.importing import IMPORTING
from ltdsl.codes.table import CODES, RUN
from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics.render import render
from ltdsl.plan import Plan
from ltdsl.source import Source
from ltdsl.syntax.emit import syntax_to_json
from ltdsl.syntax.parser import read_source

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
RECIPES = sorted((ROOT / "recipes").glob("*.lt"))
PROBLEMS = sorted((GOLDEN / "problems").glob("*.lt"))
#: Codes of problems that no recipe's text has: `--set`, and files that cannot be read.
ELSEWHERE = {"LT007", "LT008", "LT009", "LT015", "LT116", "LT143"}


def compiled(path: Path, root: Path):
    source = read_source(path, path.relative_to(root).as_posix())
    assert isinstance(source, Source), source.message
    return compile_recipe(source)


def rendered(result) -> str:
    return "\n\n".join(map(render, result.diagnostics)) + "\n"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes(path, golden):
    result = compiled(path, ROOT)
    assert not result.failed
    name = path.relative_to(ROOT).with_suffix("").as_posix()
    golden(f"{name}.syntax.json", json.dumps(syntax_to_json(result.tree), indent=1) + "\n")
    recipe = result.recipe_to_json()
    golden(f"{name}.recipe.json", json.dumps(recipe, indent=1) + "\n")
    golden(f"{name}.plan.json", result.plan.to_json())
    golden(f"{name}.diagnostics.txt", rendered(result))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_plan_survives_its_json(path):
    plan = compiled(path, ROOT).plan
    again = Plan.model_validate_json(plan.to_json())
    assert again == plan
    assert again.digest() == plan.digest()


@pytest.mark.parametrize("path", PROBLEMS, ids=lambda path: path.stem)
def test_problems(path, golden):
    result = compiled(path, path.parent)
    golden(path.with_suffix(".txt"), rendered(result))
    if path.stem.startswith("LT"):
        assert path.stem.split("_")[0] in {problem.code for problem in result.diagnostics}


def test_every_code_has_a_snapshot():
    shown = "".join(path.read_text() for path in GOLDEN.rglob("*.txt"))
    missing = {code for code in CODES if f"[{code}]" not in shown}
    assert missing <= ELSEWHERE | set(RUN) | set(IMPORTING)


def test_what_is_generated_is_fresh():
    from ltdsl.reference.__main__ import stale, wanted

    assert not stale(ROOT).keys(), "run: make docs"
    # and no other page says that it is generated, nor is there another schema
    docs = ROOT / "docs"
    marked = {p for p in docs.glob("*.md") if "do not edit" in p.read_text(encoding="utf-8")}
    known = {ROOT / name for name in wanted(ROOT) if name.startswith("docs/")}
    assert {*marked, *docs.glob("schema/*")} == known


def test_what_is_generated_is_written_where_it_is_stale(tmp_path, capsys):
    from ltdsl.reference.__main__ import main, stale

    main(tmp_path)
    assert "wrote" in capsys.readouterr().out
    main(tmp_path)
    assert capsys.readouterr().out == ""
    (tmp_path / "docs" / "reference.md").write_text("# Reference\n")
    assert stale(tmp_path).keys() == {"docs/reference.md"}


def test_every_name_has_a_card():
    from ltdsl.catalogue import INDEXES
    from ltdsl.reference.cards import SECTIONS

    shown = {name for section in SECTIONS.values() for name in section}
    assert shown == {name for index in INDEXES.values() for name in index}
