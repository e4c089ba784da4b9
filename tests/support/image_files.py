"""Writes embedded digits as image files, so that data sets in files are tried on real images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ltdsl_runtime.data import digits
from PIL import Image

#: Sharp enough that a digit stays readable after JPEG.
QUALITY = 95


def write_digits(folder: Path, counts: Sequence[int], test: bool = False) -> list[tuple[Path, int]]:
    """Write ``counts[c]`` digits c to ``folder/digit_c``, PNG and JPEG in turn.

    Returns:
        The files with their labels, in the order of names.
    """
    part = digits.load()[test]
    written: list[tuple[Path, int]] = []
    seen = [0] * len(counts)
    for image, label in zip(part.images, part.labels, strict=True):
        if label >= len(counts) or seen[label] >= counts[label]:
            continue
        suffix = "png" if seen[label] % 2 else "jpg"
        path = folder / f"digit_{label}" / f"{seen[label]:03d}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"quality": QUALITY} if suffix == "jpg" else {}
        Image.fromarray(image[0]).save(path, **options)
        written.append((path, int(label)))
        seen[label] += 1
    assert seen == list(counts)
    return sorted(written)
