"""Sums over the workers of a machine, through memory that they share and through sockets, against NumPy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.cluster import together

WORKER = Path(__file__).with_name("sums.py")


@pytest.mark.parametrize(
    ("kind", "shared", "workers"), [("memory", True, 3), ("sockets", False, 2)]
)
def test_workers_have_the_sums_of_all_bit_for_bit(tmp_path, kind, shared, workers):
    together(WORKER, workers, tmp_path, str(tmp_path), kind)
    found = [np.load(tmp_path / f"{kind}-{rank}.npz") for rank in range(workers)]
    for each in found:
        assert each["shared"] == shared
        for key in found[0].files:
            np.testing.assert_array_equal(each[key], found[0][key])
