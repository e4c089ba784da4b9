"""Lists of values: where they are split, and what is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdsl.sweep.axes import read_axes, split_values


def values(text):
    return [text[start:end] for start, end in split_values(text)]


def problems_of(*texts):
    found = []
    axes = read_axes(texts, found.append)
    return axes, [problem.code for problem in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ["1"]),
        ("10,50,100", ["10", "50", "100"]),
        (" 10 , 50 ", ["10", "50"]),
        ("cam_bs + ce,class_balanced + ce", ["cam_bs + ce", "class_balanced + ce"]),
        (
            "multistep(milestones = [3, 4]),constant",
            ["multistep(milestones = [3, 4])", "constant"],
        ),
        ("[random_crop(padding = 4), flip],[]", ["[random_crop(padding = 4), flip]", "[]"]),
        ('"a,b",c', ['"a,b"', "c"]),
        (r'"a\",b",c', [r'"a\",b"', "c"]),
        ("epoch 160,80%", ["epoch 160", "80%"]),
        ("f(a = [1, (2, 3)], b = 4),5", ["f(a = [1, (2, 3)], b = 4)", "5"]),
        ("", [""]),
        ("1,,2", ["1", "", "2"]),
        ("1,", ["1", ""]),
        # what is not closed is one value, of which the compiler says what is missing
        ("[1,2", ["[1,2"]),
        ('"a,b', ['"a,b']),
        # and what is closed too often hides no comma
        ("1),2", ["1)", "2"]),
        ("1,2 # a, b", ["1", "2"]),
    ],
)
def test_values_are_split_at_commas_outside_brackets_and_strings(text, expected):
    assert values(text) == expected


ATOMS = st.sampled_from(["1", "0.5", "80%", "ce", '"x, y"', "epoch 3", "a + b"])
WHOLE = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(inner, min_size=1, max_size=2).map(
            lambda parts: f"f({', '.join(f'a = {part}' for part in parts)})"
        ),
    ),
    max_leaves=8,
)


@given(st.lists(WHOLE, min_size=1, max_size=5), st.sampled_from([",", " , ", ", "]))
def test_whatever_the_values_are_they_come_back(parts, comma):
    assert values(comma.join(parts)) == parts


@given(st.text(max_size=40))
def test_any_text_is_split_into_pieces_of_it(text):
    edges = split_values(text)
    assert edges
    flat = [edge for pair in edges for edge in pair]
    assert flat == sorted(flat)
    assert all(0 <= edge <= len(text) for edge in flat)


def test_axes():
    axes, found = problems_of("dataset.imbalance = 10,50", "stage2.at=80%")
    assert found == []
    assert [(axis.address, axis.values) for axis in axes] == [
        ("dataset.imbalance", ("10", "50")),
        ("stage2.at", ("80%",)),
    ]


def test_a_value_repeated_stays_for_zip():
    axes, _ = problems_of("a=1,1,2")
    assert axes[0].values == ("1", "1", "2")


@pytest.mark.parametrize(
    ("texts", "codes"),
    [
        (["epochs=1,,2"], ["LT460"]),
        (["epochs=1,"], ["LT460"]),
        (["epochs=,"], ["LT460"]),
        (["epochs"], ["LT116"]),
        (["epochs=1", "epochs=2"], ["LT461"]),
        (["a", "b=1,,2", "c=1", "c=1"], ["LT116", "LT460", "LT461"]),
    ],
)
def test_what_is_no_axis(texts, codes):
    _, found = problems_of(*texts)
    assert sorted(found) == codes
