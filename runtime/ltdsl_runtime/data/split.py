"""Which images are kept: the long-tailed subset, its validation part, and a fingerprint of both."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ltdsl.longtail import validation_counts
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.part import members_by_class
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from collections.abc import Sequence


class Split(NamedTuple):
    """Ascending int64 indices into the pool the split was made from; disjoint."""

    train: np.ndarray
    validation: np.ndarray


def long_tailed_split(
    labels: np.ndarray, counts: Sequence[int], validation: float, split_seed: int
) -> Split:
    """Choose ``counts[c]`` images of every class c, and hold some out for validation.

    Each class is shuffled by its own generator, from (split_seed, c): its first N_c images are
    kept, and the last V_c of those (:func:`ltdsl.longtail.validation_counts`) are the validation
    part. So:

    - a class's choice does not depend on other classes or their counts;
    - splits are nested: with the same seed a stronger imbalance keeps a subset of a weaker one's
      images, and its training part (validation taken out) is a subset of the other's training part.

    Args:
        labels: Class of each image of the pool, int ``[N]``.
        counts: Images to keep of each class, ``[C]``, before validation is taken out.
        validation: Share of the kept images to hold out, in [0, 1).
        split_seed: Seed of the choice; independent of the run's seed.

    Raises:
        DataError: LT403 if a class has fewer images than ``counts`` asks for.
    """
    train, held_out = [], []
    members_of = members_by_class(labels, len(counts))
    parts = zip(counts, validation_counts(counts, validation), members_of, strict=True)
    for label, (kept, held, members) in enumerate(parts):
        if len(members) < kept:
            message = f"class {label} has {len(members)} images, fewer than the {kept} planned"
            raise DataError(
                code="LT403", message=message, hint="use the published files, or less imbalance"
            )
        shuffled = generator(split_seed, "split", label).permutation(members)
        train.append(shuffled[: kept - held])
        held_out.append(shuffled[kept - held : kept])
    return Split(
        np.sort(np.concatenate(train)).astype(np.int64),
        np.sort(np.concatenate(held_out)).astype(np.int64),
    )


def fingerprint(labels: np.ndarray, images: np.ndarray) -> str:
    """Return the SHA-256 (64 hex digits) of images and labels themselves.

    Hashed are, one after the other: the shape N, C, H, W (little-endian int64), the images' bytes
    in C order, the labels (little-endian int32). Equal
    fingerprints therefore mean equal data in equal order, whatever files it came from and on any
    platform.

    Args:
        labels: int ``[N]``.
        images: uint8 ``[N, C, H, W]``.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"images must be uint8, not {images.dtype}")
    digest = hashlib.sha256(np.array([len(labels), *images.shape[1:]], dtype="<i8").tobytes())
    for start in range(0, len(images), 4096):  # no second copy of a large dataset
        digest.update(np.ascontiguousarray(images[start : start + 4096]))
    digest.update(labels.astype("<i4").tobytes())
    return digest.hexdigest()
