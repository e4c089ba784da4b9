"""What is imported of the catalogue, and that its indexes name all that is declared."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support.processes import environment

from ltdsl import catalogue
from ltdsl.catalogue import INDEXES, Entry, PlainSampler, Trick, indexes
from ltdsl.catalogue.indexes import ASKED_FOR


def declared() -> dict[type[Entry], str]:
    """Every entry that a module of the catalogue declares, and the module's name."""
    found = {}
    for each in pkgutil.walk_packages(catalogue.__path__, f"{catalogue.__name__}."):
        for entry in vars(import_module(each.name)).values():
            if isinstance(entry, type) and issubclass(entry, Entry) and "name" in entry.__dict__:
                found[entry] = entry.__module__
    return found


def test_every_entry_is_in_the_indexes_of_its_kinds():
    assert len(declared()) > 50
    for entry in declared():
        homes = [base for base in INDEXES if issubclass(entry, base)]
        assert homes, entry
        for base in homes:
            assert INDEXES[base][entry.name] is entry
    for base, index in INDEXES.items():
        for name, entry in index.items():
            assert entry.name == name
            assert issubclass(entry, base)
            assert entry in declared()


def test_tricks_are_those_of_all_kinds_in_order():
    kinds = [
        base for base in INDEXES if issubclass(base, Trick) and base not in (Trick, PlainSampler)
    ]
    assert [*INDEXES[Trick]] == [name for base in kinds for name in INDEXES[base]]


def test_classes_are_had_by_their_python_names():
    for entry, module in declared().items():
        if module.removeprefix("ltdsl.catalogue.") in ASKED_FOR:
            assert getattr(catalogue, entry.__name__) is entry
    for name in ("NoSuchThing", "no_such_thing"):
        with pytest.raises(AttributeError, match=f"'ltdsl.catalogue' has no attribute '{name}'"):
            getattr(catalogue, name)


def test_an_index_forgets_what_is_taken_out():
    index = indexes.Index({"mixers": "remix cutmix"})
    assert "remix" in index
    del index["remix"]
    assert [*index] == ["cutmix"]
    with pytest.raises(KeyError):
        index["remix"]


def imported(text: str, folder: Path) -> set[str]:
    """What `check` has imported when it ends, where the grammar's tables are kept; it must find nothing but advice."""
    code = (
        "import atexit, json, sys\n"
        "import ltdsl.syntax.tables as tables\n"
        "sys.dont_write_bytecode = False\n"
        f"tables.cache_from_source = lambda _: {str(folder / 'x.pyc')!r}\n"
        "atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.__stdout__))\n"
        "sys.argv = ['ltdsl', 'check', '-']\n"
        "from ltdsl.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=text, capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_check_imports_what_its_recipe_names_and_no_more(tmp_path):
    """Modules, never times: what each of these costs is in docs/benchmarks.md."""
    assert "ltdsl.catalogue.losses.margin" in imported("stage1: ldam", tmp_path)
    found = imported("stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160", tmp_path)
    declarations = {name for name in found if name.startswith("ltdsl.catalogue.")}
    assert "ltdsl.catalogue.mixers" in declarations
    of_others = {"augments", "images", "phases", *(n for n in ASKED_FOR if n.startswith("losses."))}
    of_others.remove("losses.cross_entropy")
    assert not declarations & {f"ltdsl.catalogue.{name}" for name in of_others}
    # the grammar's tables are kept; plans and the texts of codes are for others
    for name in (
        "lark",
        "ltdsl.plan",
        "ltdsl.analysis.lower",
        "ltdsl.codes.table",
        "rich",
        "numpy",
    ):
        assert name not in found, name
