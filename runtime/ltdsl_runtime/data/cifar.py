"""CIFAR-10 and CIFAR-100 from the authors' binary files (Krizhevsky, 2009).

A record is the label byte (CIFAR-100: coarse, then fine label) and 3,072 bytes: the red, green and
blue planes of 32×32 pixels, row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltdsl.system.opening import MIB, read_file
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.data.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"

# What the published long-tailed results normalise both datasets with. The deviations are the mean
# of the per-image deviations, not those of all pixels (0.247, 0.244, 0.262), and are kept for
# comparability.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2023, 0.1994, 0.2010)

_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Layout:
    """How a published archive is laid out."""

    title: str
    folder: str
    archive: str
    train: tuple[tuple[str, int], ...]  # (file, records)
    test: tuple[tuple[str, int], ...]
    names: str
    classes: int
    label_bytes: int  # the last of them is the label
    pickled: tuple[str, str]  # the Python version's folder and one of its files


CIFAR10 = Layout(
    title="CIFAR-10",
    folder="cifar-10-batches-bin",
    archive="cifar-10-binary.tar.gz",
    train=tuple((f"data_batch_{i}.bin", 10_000) for i in range(1, 6)),
    test=(("test_batch.bin", 10_000),),
    names="batches.meta.txt",
    classes=10,
    label_bytes=1,
    pickled=("cifar-10-batches-py", "data_batch_1"),
)
CIFAR100 = Layout(
    title="CIFAR-100",
    folder="cifar-100-binary",
    archive="cifar-100-binary.tar.gz",
    train=(("train.bin", 50_000),),
    test=(("test.bin", 10_000),),
    names="fine_label_names.txt",
    classes=100,
    label_bytes=2,
    pickled=("cifar-100-python", "train"),
)


def load_cifar10(folder: Path) -> tuple[ImageArrays, ImageArrays]:
    """Return CIFAR-10's (train, test), 50,000 and 10,000 images.

    Args:
        folder: The folder of the binary files, or the one that holds ``cifar-10-batches-bin``.

    Raises:
        DataError: LT401 if something is missing, LT402 if a file is not what was published.
    """
    return load(CIFAR10, folder)


def load_cifar100(folder: Path) -> tuple[ImageArrays, ImageArrays]:
    """Return CIFAR-100's (train, test), 50,000 and 10,000 images, with the fine labels.

    Args:
        folder: The folder of the binary files, or the one that holds ``cifar-100-binary``.

    Raises:
        DataError: LT401 if something is missing, LT402 if a file is not what was published.
    """
    return load(CIFAR100, folder)


def load(layout: Layout, folder: Path) -> tuple[ImageArrays, ImageArrays]:
    """Return (train, test) of any such archive; see :func:`load_cifar10`."""
    try:
        root = _locate(layout, folder)
    except OSError as error:
        raise _unreadable(folder, error) from error
    names = _class_names(layout, root)
    return _part(layout, root, layout.train, names), _part(layout, root, layout.test, names)


def _locate(layout: Layout, folder: Path) -> Path:
    """The folder with the binary files: ``folder`` or its subfolder of the published name."""
    get = f"get {layout.archive} (the binary version) from {PAGE} and unpack it there"
    if not folder.is_dir():
        raise DataError(
            code="LT401",
            message=f"there is no folder {folder} to read {layout.title} from",
            hint=get,
        )
    files = [name for name, _ in (*layout.train, *layout.test)] + [layout.names]
    for root in (folder / layout.folder, folder):
        if any((root / name).exists() for name in files):
            missing = [name for name in files if not (root / name).exists()]
            if missing:
                what = ", ".join(missing)
                raise DataError(
                    code="LT401", message=f"{root} lacks {what} of {layout.title}", hint=get
                )
            return root
    python_folder, python_file = layout.pickled
    if any((root / python_file).is_file() for root in (folder / python_folder, folder)):
        message = f"{folder} holds {layout.title}'s Python version; the binary version is needed"
        raise DataError(code="LT401", message=message, hint=get)
    if (folder / layout.archive).is_file():
        hint = f"unpack it: tar -xzf {layout.archive}"
        raise DataError(
            code="LT401", message=f"{folder / layout.archive} is still packed", hint=hint
        )
    message = f"{folder} has none of {layout.title}'s files, such as {files[0]}"
    raise DataError(code="LT401", message=message, hint=get)


def _class_names(layout: Layout, root: Path) -> tuple[str, ...]:
    lines = _read(root / layout.names).decode("utf-8", "replace").splitlines()
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) != layout.classes:
        message = f"{root / layout.names} names {len(names)} classes instead of {layout.classes}"
        raise DataError(code="LT402", message=message, hint=_again(layout))
    return names


def _part(
    layout: Layout, root: Path, files: tuple[tuple[str, int], ...], names: tuple[str, ...]
) -> ImageArrays:
    """Read some files into one part, one file in memory at a time."""
    total = sum(records for _, records in files)
    images = np.empty((total, 3, 32, 32), np.uint8)
    labels = np.empty(total, np.int32)
    start = 0
    for name, records in files:
        content = _read(root / name)
        expected = records * (layout.label_bytes + _PIXELS)
        if len(content) != expected:
            what = "truncated" if len(content) < expected else "not the published file"
            found = f"expected {expected:,} bytes, found {len(content):,}"
            raise DataError(
                code="LT402", message=f"{root / name} is {what}: {found}", hint=_again(layout)
            )
        table = np.frombuffer(content, np.uint8).reshape(records, -1)
        stop = start + records
        labels[start:stop] = table[:, layout.label_bytes - 1]
        images[start:stop] = table[:, layout.label_bytes :].reshape(-1, 3, 32, 32)
        wrong = labels[start:stop].max(initial=0)
        if wrong >= layout.classes:
            message = f"{root / name} is not {layout.title}: it has label {wrong}"
            hint = f"labels go from 0 to {layout.classes - 1}; {_again(layout)}"
            raise DataError(code="LT402", message=message, hint=hint)
        start = stop
    return ImageArrays(images, labels, names)


def _read(path: Path) -> bytes:
    try:
        return read_file(path, 256 * MIB)  # the largest has 154 MB
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    reason = error.strerror or type(error).__name__
    return DataError(code="LT402", message=f"{path} cannot be read: {reason}")


def _again(layout: Layout) -> str:
    return f"unpack {layout.archive} from {PAGE} again"
