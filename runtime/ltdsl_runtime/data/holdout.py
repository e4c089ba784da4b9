"""A test part for data that come without one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.part import members_by_class
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from ltdsl.catalogue import HeldOut
    from ltdsl_runtime.data.part import Part

P = TypeVar("P", bound="Part")


def held_out(pool: P, dataset: HeldOut) -> tuple[P, P]:
    """Return (train, test): a share of each class is tested with, at least one image and never all.

    A class's choice depends on its own images alone, by number; each class has a stream of its own.

    Raises:
        DataError: LT403, a class has one image, which cannot serve for both.
    """
    counts = pool.counts()
    if 1 in counts:
        name = pool.class_names[counts.index(1)]
        message = f"class {name} has one image, which cannot be both trained on and tested with"
        raise DataError("LT403", message, "add images, or take the class away")
    tested = np.zeros(len(pool), bool)
    for label, members in enumerate(members_by_class(pool.labels, len(counts))):
        share = math.floor(len(members) * dataset.holdout + 0.5)
        shuffled = generator(dataset.holdout_seed, "holdout", label).permutation(members)
        tested[shuffled[: max(1, min(len(members) - 1, share))]] = True
    return pool.take(np.flatnonzero(~tested)), pool.take(np.flatnonzero(tested))  # type: ignore[return-value]
