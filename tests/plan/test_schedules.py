"""Learning rates of schedules of any length, and their cost."""

from __future__ import annotations

import pytest

from ltdsl.catalogue import training
from ltdsl.catalogue.training import MultiStep
from ltdsl.recipe import MOST_EPOCHS


@pytest.mark.parametrize("milestones", [(2, 5), ("20%", "50%"), (5, 2), (3, 3), (), (0, 10, 99)])
@pytest.mark.parametrize("warmup", [0, 4])
def test_a_rate_drops_with_each_milestone_that_is_passed(milestones, warmup):
    schedule = MultiStep(milestones=milestones, gamma=0.3, warmup=warmup)
    places = [m if isinstance(m, int) else int(m[:-1]) // 10 for m in milestones]
    for epoch, factor in enumerate(schedule.factors(10)):
        if epoch < warmup:
            assert factor == 1 / 3 + 2 / 3 * epoch / warmup
        else:
            assert factor == 0.3 ** sum(place <= epoch for place in places)


def test_each_milestone_is_looked_at_once_not_in_each_epoch(monkeypatch):
    looked = 0

    def place(point, length):
        nonlocal looked
        looked += 1
        return point

    monkeypatch.setattr(training, "place", place)
    rates = MultiStep(milestones=tuple(range(1, 4896))).factors(MOST_EPOCHS)
    assert len(rates) == MOST_EPOCHS
    assert looked == 4895
