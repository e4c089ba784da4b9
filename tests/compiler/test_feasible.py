"""What class counts say before anything is trained."""

from __future__ import annotations

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source
from ltdsl.survey import Surveyed

#: digits_lt keeps 134 images of the largest class and 6 of the smallest: 453 in all.
COUNTS = (134, 96, 68, 49, 35, 25, 18, 13, 9, 6)


def codes(text: str, *changes: str, counts=None) -> list[str]:
    seen = None if counts is None else Surveyed(counts)
    found = compile_recipe(Source("r.lt", text), changes, survey=lambda recipe: seen).diagnostics
    return [problem.code for problem in found if problem.code in ("LT404", "LT142")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch_size = 453\nstage1: ce", []),
        ("batch_size = 454\nstage1: ce", ["LT404"]),
        ("batch_size = 227; accumulate = 2\nstage1: ce", ["LT404"]),
        ("batch_size = 60\nstage1: ce\nstage2: under_sampling @ 80%", []),  # 10 · 6
        ("batch_size = 61\nstage1: ce\nstage2: under_sampling @ 80%", ["LT404"]),
        ("batch_size = 61\nstage1: ce\nstage2: under_sampling @ 80% { batch_size = 60 }", []),
        ("batch_size = 1340\nstage1: over_sampling", []),  # 10 · 134
        ("batch_size = 1341\nstage1: over_sampling", ["LT404"]),
        # 453 less half of each class, halves rounded up: 67 + 48 + 34 + 24 + 17 + 12 + 9 + 6 + 4 + 3
        ("validation = 0.5; batch_size = 224\nstage1: ce", []),
        ("validation = 0.5; batch_size = 225\nstage1: ce", ["LT404"]),
    ],
)
def test_full_batches(text, expected):
    assert codes(f"schedule = constant\n{text}") == expected


def test_counts_of_files():
    text = 'dataset = image_folder(path = "x"); batch_size = 32\nstage1: ce'
    assert codes(text) == []  # nobody has looked
    assert codes(text, counts=(20, 11)) == ["LT404"]
    assert codes(text, counts=(20, 12)) == []


def test_classes_without_a_validation_image():
    text = "dataset = digits_lt(imbalance = 50)\nvalidation = 0.1\nstage1: ce"
    problems = compile_recipe(Source("r.lt", text)).diagnostics
    told = next(problem for problem in problems if problem.code == "LT142")
    # 134 · 50^(−c/9): 134, 86, 56, 36, 23, 15, 9, 6, 4, 2; a tenth of 4 and of 2 rounds to none
    assert told.message.startswith("2 of 10 classes")
    assert "validation = 0.25" in told.help
    assert codes(text, "validation=0.25") == []
    assert codes(text, "best_on=test") == []
    assert codes(text, "dataset.imbalance=20") == []


def test_a_class_of_one_image():
    text = "dataset = digits_lt(imbalance = 200)\nvalidation = 0.5\nstage1: ce"
    problems = compile_recipe(Source("r.lt", text)).diagnostics
    told = next(problem for problem in problems if problem.code == "LT142")
    assert "best_on = test" in told.help
