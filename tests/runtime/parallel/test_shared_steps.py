"""Steps that real processes share, against the same steps of one: losses, weights, what an evaluation counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.cluster import together
from support.processes import FULL

WORKER = Path(__file__).with_name("shared_steps.py")
#: In a quick run: each kind of column, divisor and collective once.
QUICK = (
    "ce",
    "bbn + seql",
    "cam_bs + input_mixup",
    "manifold_mixup at pool",
    "cmo",
    "accumulate",
    "dive",
    "adamw",
    "batch_norm = frozen",
)


#: The same where the classes are split: features, columns of classes in parts, lengths of gradients that are whole or
#: not, a teacher, an evaluation. `cam_bs` and checkpoints are in `test_shared_run.py`.
QUICK_SPLIT = (
    "manifold_mixup at pool",
    "accumulate + bbn",
    "clip_norm + crt",
    "accumulate + dive",
    "sam + clip_norm + accumulate",
    "tau_norm",
    "simplex_etf",
)

#: What mixes logits, or is fitted to all of them.
UNSPLIT = ("manifold_mixup at fc", "prior2posterior")


#: Where numbers have 11 bits, and sums of them are taken in another order.
LIMITS = {"fp16": 1e-2}


def differences(folder: Path, workers: int) -> dict[str, float]:
    """For each recipe, the largest difference of anything, relative to the largest value of it.

    All workers must have the same to the last bit, but for parts of what is split.
    """
    whole = np.load(folder / "1-0.npz")
    parts = [np.load(folder / f"{workers}-{rank}.npz") for rank in range(workers)]
    found: dict[str, float] = {}
    for key in whole.files:
        for part in (part for part in parts[1:] if key in part):
            np.testing.assert_array_equal(part[key], parts[0][key], err_msg=key)
        for each in (whole[key], parts[0][key]):
            assert np.isfinite(each).all(), key  # a maximum would pass over NaN
        recipe, _ = key.split("|")
        scale = max(np.abs(whole[key]).max(), 1e-12)
        difference = float(np.abs(parts[0][key] - whole[key]).max() / scale)
        found[recipe] = max(found.get(recipe, 0.0), difference)
    return found


@pytest.mark.parametrize("how", ["whole", "split"])
@pytest.mark.parametrize("workers", [2, 4] if FULL else [2])
def test_shared_steps_are_those_of_one_worker(workers, how, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(WORKER.parent)
    from shared_steps import RECIPES

    left_out = UNSPLIT if how == "split" else ()
    names = [name for name in RECIPES if name not in left_out]
    if not FULL:
        names = list(QUICK_SPLIT if how == "split" else QUICK)
    for size in (1, workers):
        together(WORKER, size, tmp_path, str(tmp_path), how, *names)
    found = differences(tmp_path, workers)
    assert list(found) == names
    assert all(value < LIMITS.get(name, 1e-5) for name, value in found.items()), found
    evaluated = "tau_norm" if how == "split" else "ce"
    counted = np.load(tmp_path / f"{workers}-0.npz")[f"{evaluated}|images"]
    assert counted.tolist() == [6, 4, 9, 2, 3, 1, 2, 1, 4]  # each image once, with a remainder
