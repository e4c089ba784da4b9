"""Predictions for each image: written whole, read as a stranger's."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from ltdsl.runs import UnreadableError
from ltdsl.runs.arrays import COLUMNS, Observed, read_predictions, write_predictions
from ltdsl.runs.predictions import no_logits

FACTS = {
    "checkpoint": "last",
    "part": "test",
    "epoch": 3,
    "classes": 5,
    "data_sha256": "a" * 64,
    "confidence": "softmax",
    "posthoc": None,
}


def observed(images=7, logits=True):
    rng = np.random.default_rng(0)
    return Observed(
        rng.integers(5, size=images).astype(np.int32),
        rng.integers(5, size=images).astype(np.int32),
        rng.random(images).astype(np.float32),
        rng.normal(size=(images, 5)).astype(np.float32) if logits else None,
    )


@pytest.mark.parametrize("below", ["predictions", ""])
def test_what_is_written_is_read_bit_for_bit(tmp_path, below):
    given = observed()
    about = write_predictions(tmp_path, below, given, **FACTS)
    found, arrays = read_predictions(tmp_path, "last", "test", logits=True)
    assert found == about
    assert (found.images, found.logits) == (7, True)
    for name, kind in COLUMNS.items():
        assert np.array_equal(getattr(arrays, name), getattr(given, name))
        assert getattr(arrays, name).dtype == kind
    assert read_predictions(tmp_path, "last", "test")[1].logits is None
    assert read_predictions(tmp_path, "best", "test") is None


def test_numpy_reads_the_arrays_too_and_equal_ones_make_equal_files(tmp_path):
    for folder in ("a", "b"):
        write_predictions(tmp_path / folder, "", observed(), **FACTS)
    files = [(tmp_path / folder / "last-test.npz").read_bytes() for folder in ("a", "b")]
    assert files[0] == files[1]
    with np.load(io.BytesIO(files[0])) as arrays:
        assert sorted(arrays.files) == sorted(COLUMNS)


def test_logits_are_kept_up_to_a_size():
    assert no_logits(10_000, 100) is None
    assert "take 1,525 MiB, more than 64" in no_logits(50_000, 8_000)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("executed",))


def array(values, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, values, **options)
    return file.getvalue()


def replaced(tmp_path, name, content, method=zipfile.ZIP_STORED):
    """Predictions with another file in the place of an array, and the right SHA-256."""
    write_predictions(tmp_path, "predictions", observed(), **FACTS)
    path = tmp_path / "predictions" / "last-test.npz"
    with zipfile.ZipFile(path) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    files[f"{name}.npy"] = content
    with zipfile.ZipFile(path, "w", method) as archive:
        for each, data in files.items():
            if data is not None:
                archive.writestr(each, data)
    sign(path)


def sign(path, **entries):
    about = json.loads(path.with_suffix(".json").read_text())
    about |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} | entries
    path.with_suffix(".json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("label", None, "lacks `label`"),
        ("label", b"", "another size"),
        ("label", b"x" * 156, "another array"),
        ("label", array(np.zeros(6, np.int32)), "another array"),
        ("label", array(np.zeros(7, np.float32)), "another array"),
        ("label", array(np.full(7, 5, np.int32)), "no classes"),
        ("prediction", array(np.full(7, -1, np.int32)), "no classes"),
        ("confidence", array(np.full(7, np.nan, np.float32)), "no probabilities"),
        ("confidence", array(np.full(7, 1.5, np.float32)), "no probabilities"),
        ("logits", array(np.full((7, 5), np.inf, np.float32)), "are none"),
        ("logits", array(np.zeros((5, 7), np.float32)), "another array"),
        ("label", pickle.dumps(Trap()), "another array"),
        (
            "label",
            array(np.array([Trap()] + [None] * 6, dtype=object), allow_pickle=True),
            "another",
        ),
        ("label", array(np.zeros(10**6, np.int32)), "another size"),
    ],
)
def test_a_strangers_arrays_are_refused_in_a_sentence(tmp_path, name, content, said):
    replaced(tmp_path, name, content)
    with pytest.raises(UnreadableError, match=said) as caught:
        read_predictions(tmp_path, "last", "test", logits=True)
    assert "ltdsl eval" in caught.value.hint


def test_nothing_is_unpacked(tmp_path):
    replaced(tmp_path, "label", array(np.zeros(7, np.int32)), zipfile.ZIP_DEFLATED)
    with pytest.raises(UnreadableError, match="another size"):
        read_predictions(tmp_path, "last", "test")


@pytest.mark.parametrize(
    "entries",
    [{"images": 8}, {"classes": 4}, {"images": 2**40}, {"part": "validation"}, {"sha256": "0"}],
)
def test_a_header_that_does_not_fit_its_arrays_is_refused(tmp_path, entries):
    write_predictions(tmp_path, "predictions", observed(), **FACTS)
    sign(tmp_path / "predictions" / "last-test.npz", **entries)
    with pytest.raises(UnreadableError, match=r"last-test\.(json|npz) cannot be read"):
        read_predictions(tmp_path, "last", "test", logits=True)


def test_other_arrays_than_were_written_are_refused(tmp_path):
    write_predictions(tmp_path, "predictions", observed(), **FACTS)
    path = tmp_path / "predictions" / "last-test.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableError, match="SHA-256 is another"):
        read_predictions(tmp_path, "last", "test")


def test_links_lead_nowhere(tmp_path):
    write_predictions(tmp_path / "run", "predictions", observed(), **FACTS)
    path = tmp_path / "run" / "predictions" / "last-test.npz"
    path.rename(tmp_path / "elsewhere.npz")
    path.symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(UnreadableError, match="leads out of its folder"):
        read_predictions(tmp_path / "run", "last", "test")
