"""Runs that change their number of workers on the way, or split their classes, end as one that was never stopped."""

from __future__ import annotations

import json
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from support.cluster import together
from support.processes import FULL

WORKER = Path(__file__).with_name("shared_run.py")


def result(out: Path) -> tuple[dict[str, np.ndarray], list[dict[str, float]], dict]:
    weights = ms.load_checkpoint(str(out / "checkpoints" / "last.ckpt"))
    values = {name: value.asnumpy() for name, value in weights.items() if hasattr(value, "asnumpy")}
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return values, lines, json.loads((out / "evaluation.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    together(WORKER, 1, folder, str(folder / "out"), "9")
    return result(folder / "out")


@pytest.mark.parametrize(
    ("before", "after"),
    [(["split"] * 2, [""]), ([""], ["split"] * 2), ([""] * 2, [""]), ([""], [""] * 2)]
    if FULL
    else [(["split"] * 2, [""])],  # each more takes half a minute
)
def test_a_run_goes_on_with_other_workers(before, after, whole, tmp_path):
    out = tmp_path / "out"
    together(WORKER, len(before), tmp_path, str(out), "3", before[0])  # within the second stage
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 3
    together(WORKER, len(after), tmp_path, str(out), "9", "resume", after[0])
    weights, lines, figures = result(out)
    assert weights.keys() == whole[0].keys()
    for name, value in weights.items():
        if np.issubdtype(value.dtype, np.floating):
            scale = max(np.abs(whole[0][name]).max(), 1e-6)
            assert np.abs(value - whole[0][name]).max() / scale < 1e-5, name
    for ours, theirs in zip(lines, whole[1], strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        assert ours["top1_error"] == theirs["top1_error"]
    assert figures["last"]["confusion"] == whole[2]["last"]["confusion"]
    assert figures["best"]["epoch"] == whole[2]["best"]["epoch"]
