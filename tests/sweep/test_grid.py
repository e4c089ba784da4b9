"""Products and lists side by side; names that are safe and unique."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdsl.sweep.axes import Axis
from ltdsl.sweep.grid import MAX_RUNS, Choice, GridError, grid
from ltdsl.sweep.names import MAX_LENGTH, run_names, safe, short_addresses, short_paths

A, B = Axis("a", ("1", "2")), Axis("b", ("x", "y", "z"))
RECIPE = Path("recipe.lt")


def texts(choices):
    return [" ".join(choice.assignments) for choice in choices]


def test_every_value_meets_every_other():
    made = texts(grid([RECIPE], [A, B], None, False))
    assert made == ["a=1 b=x", "a=1 b=y", "a=1 b=z", "a=2 b=x", "a=2 b=y", "a=2 b=z"]


def test_recipes_come_first_and_seeds_last():
    other = Path("other.lt")
    made = grid([RECIPE, other], [A], 2, False)
    assert [choice.recipe for choice in made] == [RECIPE] * 4 + [other] * 4
    assert texts(made[:4]) == ["a=1 seed=0", "a=1 seed=1", "a=2 seed=0", "a=2 seed=1"]


def test_nothing_to_combine_is_one_run():
    for side_by_side in (False, True):
        assert grid([RECIPE], [], None, side_by_side) == [Choice(RECIPE, ())]


def test_side_by_side():
    c, one = Axis("c", ("3", "4")), Axis("d", ("5",))
    assert texts(grid([RECIPE], [A, c, one], None, True)) == ["a=1 c=3 d=5", "a=2 c=4 d=5"]
    assert len(grid([RECIPE], [A, c], 3, True)) == 6
    with pytest.raises(GridError, match="`a` has 2, `b` has 3"):
        grid([RECIPE], [A, B], None, True)


def test_too_many_are_refused_before_they_are_made():
    axes = [Axis(f"a{n}", tuple(map(str, range(100)))) for n in range(20)]
    with pytest.raises(GridError, match="runs"):
        grid([RECIPE], axes, None, False)
    assert len(grid([RECIPE], axes[:2], None, False)) == MAX_RUNS
    with pytest.raises(GridError):
        grid([RECIPE], axes[:2], 2, False)


def test_addresses_are_as_short_as_they_may_be():
    assert short_addresses(["dataset.imbalance", "seed"]) == {
        "dataset.imbalance": "imbalance",
        "seed": "seed",
    }
    assert short_addresses(["stage1.at", "stage2.at", "at"]) == {
        "stage1.at": "stage1.at",
        "stage2.at": "stage2.at",
        "at": "at",
    }


def test_recipes_are_as_short_as_they_may_be():
    paths = [Path("/x/a/base.lt"), Path("/x/b/base.lt"), Path("/x/b/other.lt")]
    assert list(short_paths(paths).values()) == ["a-base", "b-base", "other"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50", "50"),
        ("0.1", "0.1"),
        ("80%", "80%"),
        ("epoch 160", "epoch-160"),
        ("cam_bs + ce", "cam_bs+ce"),
        ("multistep(milestones = [3, 4])", "multistep-milestones=-3-4"),
        ('"../../etc"', "etc"),
        ('""', "_"),
        ("..", "_"),
        ("Größe", "Gr-e"),
    ],
)
def test_values_in_names(text, expected):
    assert safe(text) == expected


def test_names():
    choices = grid([RECIPE], [Axis("dataset.imbalance", ("10", "50"))], 2, False)
    assert run_names(choices, ["0" * 64] * 4) == [
        "imbalance=10,seed=0",
        "imbalance=10,seed=1",
        "imbalance=50,seed=0",
        "imbalance=50,seed=1",
    ]
    assert run_names([Choice(RECIPE, ())], ["0" * 64]) == ["recipe"]
    two = [Choice(Path("a.lt"), ()), Choice(Path("b.lt"), (("seed", "1"),))]
    assert run_names(two, ["0" * 64] * 2) == ["a", "b,seed=1"]


@given(st.lists(st.text(max_size=200), min_size=1, max_size=6, unique=True))
def test_names_are_safe_and_unique_whatever_the_values(values):
    choices = [Choice(RECIPE, (("a", value),)) for value in values]
    names = run_names(choices, [f"{number:064d}"[::-1] for number in range(len(values))])
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9._+%=,-]+", name)
        assert len(name) <= MAX_LENGTH
        assert not name.startswith((".", "-"))
