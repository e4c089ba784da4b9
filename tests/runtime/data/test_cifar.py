"""The readers, on small files of the published form."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from ltdsl_runtime.data import cifar
from ltdsl_runtime.data.errors import DataError

RECORDS = 30
SMALL10 = replace(
    cifar.CIFAR10,
    train=tuple((name, RECORDS) for name, _ in cifar.CIFAR10.train),
    test=(("test_batch.bin", RECORDS),),
)
SMALL100 = replace(cifar.CIFAR100, train=(("train.bin", 200),), test=(("test.bin", RECORDS),))


def write(layout, root):
    """Write an archive of random images; return each file's labels and pixels."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    written = {}
    for name, records in (*layout.train, *layout.test):
        labels = rng.integers(0, layout.classes, records, dtype=np.uint8)
        pixels = rng.integers(0, 256, (records, 3, 32, 32), dtype=np.uint8)
        coarse = np.full((records, layout.label_bytes - 1), 255, np.uint8)  # must be ignored
        table = np.concatenate([coarse, labels[:, None], pixels.reshape(records, -1)], axis=1)
        (root / name).write_bytes(table.tobytes())
        written[name] = labels, pixels
    names = "\n".join(f"class{c}" for c in range(layout.classes))
    (root / layout.names).write_text(names + "\n\n")  # as published: an empty line at the end
    return written


@pytest.fixture(params=[SMALL10, SMALL100], ids=["cifar10", "cifar100"])
def layout(request):
    return request.param


def problem(layout, folder):
    with pytest.raises(DataError) as caught:
        cifar.load(layout, folder)
    return caught.value


def test_layouts_have_the_published_sizes():
    sizes = {
        name: records * (layout.label_bytes + 3072)
        for layout in (cifar.CIFAR10, cifar.CIFAR100)
        for name, records in (*layout.train, *layout.test)
    }
    assert sizes.pop("train.bin") == 153_700_000
    assert sizes.pop("test.bin") == 30_740_000
    assert len(sizes) == 6
    assert set(sizes.values()) == {30_730_000}


@pytest.mark.parametrize("inside", [True, False])
def test_reads_what_was_written(layout, tmp_path, inside):
    root = tmp_path / layout.folder if inside else tmp_path
    written = write(layout, root)
    for part, files in zip(cifar.load(layout, tmp_path), (layout.train, layout.test), strict=True):
        labels, pixels = zip(*(written[name] for name, _ in files), strict=True)
        assert np.array_equal(part.labels, np.concatenate(labels))
        assert np.array_equal(part.images, np.concatenate(pixels))
        assert part.class_names == tuple(f"class{c}" for c in range(layout.classes))


def test_missing_folder(layout, tmp_path):
    error = problem(layout, tmp_path / "nowhere")
    assert error.code == "LT401"
    assert "nowhere" in error.message
    assert cifar.PAGE in error.hint


def test_empty_folder(layout, tmp_path):
    error = problem(layout, tmp_path)
    assert error.code == "LT401"
    assert layout.title in error.message
    assert cifar.PAGE in error.hint


def test_missing_files_are_named(layout, tmp_path):
    write(layout, tmp_path)
    (tmp_path / layout.test[0][0]).unlink()
    (tmp_path / layout.names).unlink()
    error = problem(layout, tmp_path)
    assert error.code == "LT401"
    assert f"{layout.test[0][0]}, {layout.names}" in error.message


def test_python_version(layout, tmp_path):
    folder, name = layout.pickled
    (tmp_path / folder).mkdir()
    (tmp_path / folder / name).write_bytes(pickle.dumps({b"data": [], b"labels": []}))
    for given in (tmp_path, tmp_path / folder):
        error = problem(layout, given)
        assert error.code == "LT401"
        assert "Python version" in error.message
        assert layout.archive in error.hint


def test_packed_archive(layout, tmp_path):
    (tmp_path / layout.archive).touch()
    error = problem(layout, tmp_path)
    assert error.code == "LT401"
    assert "still packed" in error.message
    assert error.hint == f"unpack it: tar -xzf {layout.archive}"


@pytest.mark.parametrize("change", [-1, -3073, 1])
def test_wrong_size(layout, tmp_path, change):
    write(layout, tmp_path)
    file = tmp_path / layout.train[0][0]
    content = file.read_bytes()
    file.write_bytes(content[:change] if change < 0 else content + b"\0")
    error = problem(layout, tmp_path)
    assert error.code == "LT402"
    assert file.name in error.message
    assert f"expected {len(content):,} bytes, found {len(content) + change:,}" in error.message
    assert ("truncated" in error.message) == (change < 0)


def test_label_out_of_range(layout, tmp_path):
    write(layout, tmp_path)
    file = tmp_path / layout.test[0][0]
    content = bytearray(file.read_bytes())
    content[layout.label_bytes - 1] = layout.classes
    file.write_bytes(content)
    error = problem(layout, tmp_path)
    assert error.code == "LT402"
    assert f"label {layout.classes}" in error.message


def test_wrong_class_names(layout, tmp_path):
    write(layout, tmp_path)
    (tmp_path / layout.names).write_text("only\ntwo\n")
    error = problem(layout, tmp_path)
    assert error.code == "LT402"
    assert "2 classes" in error.message


def test_unreadable(layout, tmp_path):
    write(layout, tmp_path)
    file = tmp_path / layout.train[0][0]
    file.unlink()
    file.mkdir()  # permissions would not stop root
    error = problem(layout, tmp_path)
    assert error.code == "LT402"
    assert "cannot be read" in error.message
    error = problem(layout, tmp_path / ("x" * 300))  # no file system can even look for it
    assert error.code == "LT402"
    assert "cannot be read" in error.message
