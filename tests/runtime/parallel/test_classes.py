"""Losses with their classes split over real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ltdsl_runtime.models.split import shard_classifier
from ltdsl_runtime.parallel.part import ClassPart
from mindspore import nn
from support.cluster import together
from support.processes import FULL

from ltdsl import catalogue

WORKER = Path(__file__).with_name("split_classes.py")
#: In a quick run, those whose operators cover all kinds that are split.
LOSSES = (
    tuple(catalogue.LOSSES)
    if FULL
    else ("cs_ce", "focal", "ldam", "seql", "influence_balanced", "label_aware_smoothing")
)
#: iNaturalist 2018, and a prime.
CLASSES = (8142, 100_003)


@pytest.mark.parametrize("workers", [2, 4] if FULL else [2])
def test_what_is_computed_over_split_classes(workers, tmp_path):
    printed = together(WORKER, workers, tmp_path, ",".join(LOSSES), *map(str, CLASSES))
    for text in printed:
        rows = dict(line.rsplit("|", 1) for line in text.splitlines() if "|" in line)
        for name in LOSSES:
            assert {f"{name}, value", f"{name}, gradient"} <= rows.keys()
        for classes in CLASSES:
            assert f"{classes}, features" in rows
        assert "softmax, class" in rows
        assert all(float(difference) < 1e-5 for difference in rows.values()), rows


@pytest.mark.parametrize("classes", [2, 7, 8142, 100_003])
@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_parts_cover_the_classes_once_and_evenly(classes, workers):
    parts = [ClassPart(classes, rank, workers) for rank in range(workers)]
    assert [c for part in parts for c in range(part.first, part.end)] == list(range(classes))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_classifier_is_split_as_its_loss_expects():
    layer = shard_classifier(nn.Dense(8, 6), 4, 2)
    # classes are rows of the weight, which is transposed in the product
    assert layer.matmul.in_strategy == ((4, 1), (2, 1))
    assert layer.bias_add.in_strategy == ((4, 2), (2,))
    assert shard_classifier(nn.Dense(8, 6, has_bias=False), 4, 2).matmul.in_strategy
