"""The tests of judging against SciPy's, and against counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ltdsl.judge.significance import holm, mcnemar, quantile, two_sided


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 31])
def test_students_t(freedom):
    for statistic in (0.0, 0.3, -1.0, 2.5, 12.0):
        expected = 2 * stats.t.sf(abs(statistic), freedom)
        assert two_sided(statistic, freedom) == pytest.approx(expected, abs=1e-12)
    assert quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


def test_the_normal_distribution():
    assert two_sided(1.959963984540054, None) == pytest.approx(0.05)
    assert quantile(None, 0.9) == pytest.approx(stats.norm.ppf(0.95))


@pytest.mark.parametrize("pair", [(0, 0), (5, 0), (0, 6), (10, 21), (300, 342), (4000, 4200)])
def test_mcnemar(pair):
    total = sum(pair)
    expected = stats.binomtest(pair[0], total).pvalue if total else 1.0
    assert mcnemar(*pair) == pytest.approx(expected, rel=1e-9)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_is_never_below_the_values_and_keeps_their_order():
    values = np.random.default_rng(0).random(40).tolist()
    adjusted = holm(values)
    assert all(a >= v for a, v in zip(adjusted, values, strict=True))
    assert np.all(np.diff(np.array(adjusted)[np.argsort(values)]) >= 0)
