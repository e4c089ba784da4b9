"""Which images are kept: the long-tailed subset, its validation part, and a fingerprint of both."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ltdsl.longtail import validation_counts
from ltdsl.wording import counted
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.part import members_by_class
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ltdsl.catalogue.datasets import Choice


class Draw(NamedTuple):
    """How a class's images are drawn: from the front of an order of them, as many as are wanted."""

    order: NDArray[np.int64]
    wanted: int


def draw_whole(
    draws: Sequence[Draw], units: NDArray[np.int32] | None, images: int
) -> NDArray[np.bool_]:
    """Draw images of each class so that those of one unit are drawn together or not at all.

    Where each image is a unit of its own, a class's first ``wanted`` images are drawn. Elsewhere classes are gone
    through from the smallest, units in the order of their first images; one is drawn if that brings the class nearer to
    what is wanted. A class that wants images gets one unit at least and never all. What a class before has decided
    stands.

    Args:
        draws: Of each class.
        units: Which unit each image of the pool belongs to; None where each is one of its own.
        images: Size of the pool.

    Returns:
        bool ``[images]``.
    """
    drawn = np.zeros(images, bool)
    if units is None:
        for draw in draws:
            drawn[draw.order[: draw.wanted]] = True
        return drawn
    decided: dict[int, bool] = {}
    for draw in sorted(draws, key=lambda draw: len(draw.order)):
        sizes: dict[int, int] = {}  # in the order of first images
        for unit in units[draw.order].tolist():
            sizes[unit] = sizes.get(unit, 0) + 1
        known = {decided[unit] for unit in sizes if unit in decided}
        taken = sum(size for unit, size in sizes.items() if decided.get(unit))
        still = [unit for unit in sizes if unit not in decided]
        wanted = draw.wanted - taken if draw.wanted else 0
        chosen = _nearest([sizes[unit] for unit in still], wanted, keep_one=False not in known)
        decided.update(zip(still, chosen, strict=True))
    everything = np.concatenate([draw.order for draw in draws])
    drawn[everything] = [decided[unit] for unit in units[everything].tolist()]
    return drawn


def _nearest(sizes: Sequence[int], wanted: int, keep_one: bool) -> list[bool]:
    """Which sizes to take, in order, to come near to a sum; one must be left where ``keep_one`` says so."""
    left, chosen = wanted, []
    for size in sizes:
        chosen.append(size < 2 * left)
        left -= size * chosen[-1]
    if keep_one and chosen and all(chosen):
        chosen[-1] = False
    if wanted > 0 and not any(chosen) and len(sizes) > keep_one:
        chosen[sizes.index(min(sizes))] = True
    return chosen


class Split(NamedTuple):
    """Ascending int64 indices into the pool the split was made from; disjoint."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]


def long_tailed_split(
    labels: NDArray[np.int32],
    counts: Sequence[int],
    validation: float,
    split_seed: int,
    units: NDArray[np.int32] | None = None,
    choice: Choice = "nested",
) -> Split:
    """Choose ``counts[c]`` images of every class c, and hold some out for validation.

    By default each class is shuffled by its own generator, from (split_seed, c): its first N_c images are
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
        units: Images that stay together, see :func:`draw_whole`: V_c is then only come near to.
        choice: ``cao`` for the images of LDAM-DRW; splits are not nested then, as one generator shuffles all classes.

    Raises:
        DataError: LT403 if a class has fewer images than ``counts`` asks for.
    """
    kept_of, draws = [], []
    members_of = members_by_class(labels, len(counts))
    parts = zip(counts, validation_counts(counts, validation), members_of, strict=True)
    shuffles = _shuffles(members_of, split_seed, choice)
    for label, (kept, held, members) in enumerate(parts):
        if len(members) < kept:
            message = (
                f"class {label} has {counted(len(members), 'image')}, fewer than the {kept} planned"
            )
            raise DataError(
                code="LT403", message=message, hint="use the published files, or less imbalance"
            )
        shuffled = next(shuffles)[:kept]
        kept_of.append(shuffled)
        draws.append(Draw(shuffled[::-1], held))
    held_out = draw_whole(draws, units, len(labels))
    kept_ones = np.sort(np.concatenate(kept_of)).astype(np.int64)
    return Split(kept_ones[~held_out[kept_ones]], kept_ones[held_out[kept_ones]])


def _shuffles(
    members_of: Sequence[NDArray[np.int64]], split_seed: int, choice: Choice
) -> Iterator[NDArray[np.int64]]:
    """The images of each class in the order in which they are kept."""
    if choice == "cao":
        # as in imbalance_cifar.py of github.com/kaidic/LDAM-DRW: np.random.seed, then np.random.shuffle class by class
        legacy = np.random.RandomState(split_seed)  # whose stream is the published one
        for members in members_of:
            shuffled = members.astype(np.int64)
            legacy.shuffle(shuffled)
            yield shuffled
        return
    for label, members in enumerate(members_of):
        yield generator(split_seed, "split", label).permutation(members)


def fingerprint(labels: NDArray[np.int32], images: NDArray[np.uint8]) -> str:
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
        digest.update(np.ascontiguousarray(images[start : start + 4096]).data)
    digest.update(labels.astype("<i4").tobytes())
    return digest.hexdigest()
