"""The published rows, the distance between combinations, and what may be compared."""

from __future__ import annotations

import csv
import itertools

import pytest

from ltdsl.catalogue import TRICKS, Cifar10LT, Cifar100LT, DigitsLT
from ltdsl.compiler import compile_recipe
from ltdsl.evidence import NOISE, SOURCES, SPLITS, rows
from ltdsl.evidence.benchmarks import BENCHMARKS, Nearness, nearest
from ltdsl.evidence.combination import Use, distance, of_chain, of_recipe, of_row
from ltdsl.evidence.compare import agree, find, gain, pairs, supported
from ltdsl.evidence.neighbours import first_change, neighbours
from ltdsl.evidence.rows import PATH
from ltdsl.source import Source


def combination(*stages: str):
    return tuple(map(of_chain, stages))


def test_every_line_is_a_row():
    with PATH.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 469
    kept = {(r.dataset, r.split, r.error, r.printed_as, r.source) for r in rows()}
    for line in lines:
        error = float(line["top1_error"])
        assert (line["dataset"], line["split"], error, line["printed_as"], line["source"]) in kept
        assert 0 < error < 100


def test_rows_name_known_splits_sources_and_benchmarks():
    assert {row.split for row in rows()} == SPLITS.keys()
    assert {row.source for row in rows()} == SOURCES.keys()
    assert {row.dataset for row in rows()} == {benchmark.name for benchmark in BENCHMARKS}


def test_notes_that_make_a_figure_unfit_to_compare():
    notes = {row.note for row in rows() if not row.reliable}
    assert len(notes) == 4
    # the cited baseline gives way to the repository's own
    assert [row.error for row in find("CIFAR-10-LT-100", "cao", (frozenset(),))] == [28.05]
    assert not find("CIFAR-10-LT-100", "cao", combination("cs_ce(gamma=0.5)"))


def test_noise_is_what_the_same_training_differs_by():
    # label smoothing is printed twice on the split `cao`, and was on throughout both times
    apart = []
    for benchmark in BENCHMARKS:
        errors = [row.error for row in find(benchmark.name, "cao", combination("label_smoothing"))]
        apart += [max(errors) - min(errors)] if errors else []
    assert len(apart) == 4
    assert max(apart) == pytest.approx(NOISE)


def test_parameters_at_their_defaults_are_left_out():
    assert of_chain("cb_focal(beta=0.9999, gamma=1)") == {Use("cb_focal")}
    assert of_chain("ce") == of_chain("ce + instance_balanced") == frozenset()
    assert of_chain("seql(lambda=0.006)") == {Use("seql", (("lambda", "0.006"),))}
    assert of_chain("label_smoothing(epsilon=0.20) + remix") == {
        Use("label_smoothing", (("epsilon", "0.2"),)),
        Use("remix"),
    }


def test_every_published_trick_is_in_the_catalogue():
    used = {use.name for row in rows() for stage in of_row(row) for use in stage}
    assert used <= TRICKS.keys()


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [
        (["ce"], ["ce"], 0),
        (["ce"], ["cs_ce"], 1),
        (["cs_ce"], ["cb_ce"], 1),
        (["cs_ce"], ["cs_ce(gamma=0.5)"], 0.25),
        (["cs_ce + input_mixup"], ["class_balanced + input_mixup"], 2),
        (["cs_ce"], ["ce", "cs_ce"], 1),
        (["ce"], ["ce", "cs_ce"], 2),
        (["ce", "cs_ce"], ["ce", "class_balanced"], 2),
        (["ce", "cam_bs"], ["ce", "cam_bs(sampler=square_root)"], 0.25),
        (["input_mixup", "input_mixup + cam_bs"], ["input_mixup", "input_mixup + cam_bs", "class_balanced"], 2),
    ],
)  # fmt: skip
def test_distance(one, other, changes):
    assert distance(combination(*one), combination(*other)) == changes
    assert distance(combination(*other), combination(*one)) == changes


def test_distance_is_a_metric():
    published = list({of_row(row) for row in rows()})[::7]
    for one, two, three in itertools.product(published, repeat=3):
        assert (distance(one, two) == 0) == (one == two)
        assert distance(one, three) <= distance(one, two) + distance(two, three)


def test_a_recipe_is_the_combination_it_was_published_as():
    text = "dataset = cifar10_lt; stage1: input_mixup; stage2: input_mixup + cam_bs @ 80%; stage3: class_balanced @ 90%"
    recipe = compile_recipe(Source("r", text)).recipe
    published = next(row for row in rows() if row.split == "paper")
    assert of_recipe(recipe) == of_row(published)
    # stages in a row with the same tricks are one
    smoothed = compile_recipe(
        Source("r", "stage1: label_smoothing; b: label_smoothing @ 80%")
    ).recipe
    assert of_recipe(smoothed) == combination("label_smoothing")


@pytest.mark.parametrize(
    ("dataset", "name", "nearness", "agreeing"),
    [
        (Cifar10LT(), "CIFAR-10-LT-100", Nearness.SAME, 1),
        (Cifar100LT(imbalance=50.0), "CIFAR-100-LT-50", Nearness.SAME, 1),
        (Cifar10LT(imbalance=20.0), "CIFAR-10-LT-50", Nearness.FAMILY, 2),
        (Cifar10LT(imbalance=200.0), "CIFAR-10-LT-100", Nearness.FAMILY, 2),
        (Cifar10LT(profile="step"), "CIFAR-10-LT-100", Nearness.FAMILY, 2),
        (DigitsLT(), "CIFAR-10-LT-50", Nearness.OTHER, 4),
    ],
)
def test_nearest_benchmark(dataset, name, nearness, agreeing):
    match = nearest(dataset)
    assert (match.benchmark.name, match.nearness) == (name, nearness)
    assert len(match.must_agree) == agreeing
    assert bool(match.caveat) == (nearness is not Nearness.SAME)
    if match.caveat:
        assert dataset.name in match.caveat


def test_pairs_stay_within_a_split_and_take_the_least_favourable_figures():
    found = pairs("CIFAR-10-LT-100", [(combination("cs_ce"), combination("ce", "cs_ce"))])
    assert [(w.split, w.error, b.error) for w, b in found] == [
        ("cao", 31.70, 25.18),
        ("cui", 31.22, 26.66),
    ]
    [(smoothed, _)] = pairs(
        "CIFAR-10-LT-100", [(combination("label_smoothing"), combination("cs_ce"))]
    )[:1]
    assert smoothed.error == 27.19  # of 27.19 and 28.39, the one that makes the gain smaller


def test_what_is_within_noise_or_disputed_is_not_agreed_on():
    deferred = combination("ce", "cb_ce(beta=0.9)")
    found = pairs("CIFAR-100-LT-50", [(combination("cb_ce(beta=0.9)"), deferred)])
    assert [round(gain(pair), 2) for pair in found] == [-0.41, 0.49]
    assert not agree(found)
    assert not agree([])
    assert not supported(
        nearest(Cifar100LT(imbalance=50.0)), lambda _: [(combination("cb_ce(beta=0.9)"), deferred)]
    )


def test_neighbours_are_split_by_split_and_sorted():
    found = neighbours(combination("cs_ce"), "CIFAR-10-LT-100", 200)
    assert list(found) == ["cao", "cui", "paper", "ddc", "ddc_sam"]
    for split, near in found.items():
        assert {neighbour.row.split for neighbour in near} == {split}
        assert [n.changes for n in near] == sorted(n.changes for n in near)
    assert (found["cao"][0].changes, found["cao"][0].row.error) == (0, 31.70)


def test_baselines_trained_as_long_come_first():
    near = neighbours(combination("ce"), "CIFAR-10-LT-100", 400)["cui"]
    assert [(n.changes, n.row.epochs) for n in near[:2]] == [(0, 400), (0, 200)]


def test_first_change():
    change = first_change(neighbours(combination("cs_ce"), "CIFAR-10-LT-100", 200)["cao"])
    assert (change.base.recipe, change.better.recipe) == ("cs_ce", "balanced_softmax")
    assert change.gain == pytest.approx(9.24)
    best = neighbours(combination("input_mixup + balanced_softmax"), "CIFAR-10-LT-100", 400)["cui"]
    assert first_change(best) is None
