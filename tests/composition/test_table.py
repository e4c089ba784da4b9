"""The page about tricks leaves none out."""

from __future__ import annotations

import re

from support.trick_table import BEGIN, END, PAGE, cases

from ltdsl.catalogue import LOSSES, TRICKS

#: Where a formula of each kind of trick is tested.
FORMULAS = {
    "sampler": "tests/runtime/tricks/test_samplers.py",
    "mixer": "tests/runtime/graph/test_mixing_steps.py",
    "loss": "tests/support/loss_formulas.py",
    "classifier": "tests/runtime/training/test_phases.py",
    "teacher": "tests/runtime/graph/test_mixing_steps.py",
    "posthoc": "tests/runtime/training/test_phases.py",
}


def test_every_trick_is_named_by_a_test():
    named = frozenset().union(*(case.tricks for case in cases()))
    missing = {name: FORMULAS[TRICKS[name].kind] for name in TRICKS.keys() - named}
    assert not missing, (
        "no test says what these tricks compute; write one from the paper, in "
        + ", ".join(f"{path} for `{name}`" for name, path in missing.items())
    )


def test_every_loss_has_its_measured_differences():
    page = PAGE.read_text(encoding="utf-8").split("## Losses against")[1].split("\n## ")[0]
    missing = {name for name in LOSSES if not re.search(rf"^\| `{name}[`(]", page, re.MULTILINE)}
    assert not missing, (
        f"docs/tricks.md has no measured differences of {missing}; "
        "python -m pytest -s tests/runtime/tricks/test_losses_formulas.py prints the table"
    )


def test_the_table_is_true():
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", shown, re.MULTILINE)
    assert [(name, kind) for name, kind, _ in rows] == [
        (name, trick.kind) for name, trick in TRICKS.items()
    ], "run: make docs"
    there = {(case.file, case.name): case.tricks for case in cases()}
    for trick, _, tests in rows:
        named = re.findall(r"`([\w/.]+)`: (\w+)", tests)
        wrong = [test for test in named if trick not in there.get(test, ())]
        assert named, f"`{trick}` has no test in the table; run: make docs"
        assert not wrong, f"{wrong} no longer name `{trick}`; run: make docs"
