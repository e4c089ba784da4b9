"""What `python -m benchmarks scaling` computes, against sums written otherwise."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from ltdsl_runtime.models import build_network
from support.processes import ROOT, SOURCES, environment

from benchmarks.scaling import LINKS, Network, network_of, sent, share, tables, workers_until

SMALL, LARGE = Network(463_000, 64, 10), Network(23_500_000, 2048, 8142)


@pytest.mark.parametrize(("model", "classes"), [("resnet32", 10), ("resnet50", 1000)])
def test_gradients_are_those_of_the_model(model, classes):
    made = build_network(model, {}, classes, 3)
    numbers = sum(math.prod(p.shape) for p in made.trainable_params())
    assert network_of(model, classes).gradients == 4 * numbers


def test_a_ring_sends_each_piece_around_twice():
    # two workers, a half each: one half there to be added, one back
    assert sent(LARGE, 2, 512) == LARGE.gradients
    assert sent(LARGE, 1, 512) == 0
    pieces = 4  # N − 1 times to be added up, N − 1 times to be spread
    assert sent(LARGE, pieces, 512) == 2 * 3 * LARGE.gradients / pieces


def test_split_classes_send_less_where_classes_are_more_than_images():
    images = 512
    for classes, less in ((images, False), (2 * images, True), (100_003, True)):
        network = Network(23_500_000, 2048, classes)
        whole, split = (sent(network, 8, images, each) for each in (False, True))
        assert (split < whole) == less
    # however many classes there are
    assert sent(Network(7, 64, 10), 8, 128, True) == sent(Network(7, 64, 10**6), 8, 128, True)
    # features there, their gradients back
    assert sent(Network(0, 2048, 9), 2, images, True) == pytest.approx(
        1.5 * 4 * images * 2048, rel=0.01
    )


@pytest.mark.parametrize("part", [1 / 3, 1 / 2, 0.9])
@pytest.mark.parametrize("network", [SMALL, LARGE])
def test_the_number_of_workers_is_where_sending_has_its_part(network, part):
    for link in LINKS.values():
        workers = workers_until(part, network, 0.9, link)
        assert share(network, workers, 128, 0.9, link) == pytest.approx(part)
        below, above = (share(network, n, 128, 0.9, link) for n in (workers - 0.1, workers + 0.1))
        assert below < part < above


def test_the_tables_of_the_documentation():
    text = (ROOT / "docs" / "workers.md").read_text(encoding="utf-8").splitlines()
    for rows in tables().values():
        for row in rows:
            assert row in text


def test_the_tables_of_a_readers_numbers():
    line = [sys.executable, "-m", "benchmarks", "scaling", "--images", "256", "--seconds", "2"]
    done = subprocess.run(
        line,
        cwd=ROOT,
        env=environment() | {"PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "resnet50, 256 images a step, computed in 2 s by one worker" in done.stdout
    assert "100,003" in done.stdout
