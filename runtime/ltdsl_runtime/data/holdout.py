"""A test part for data that come without one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.part import members_by_class
from ltdsl_runtime.data.reading import classes_of
from ltdsl_runtime.data.split import Draw, draw_whole
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from ltdsl.catalogue import HeldOut
    from ltdsl_runtime.data.part import Part

P = TypeVar("P", bound="Part")


def held_out(pool: P, dataset: HeldOut) -> tuple[P, P, tuple[DataError, ...]]:
    """Return (train, test, problems): a share of each class is tested with, at least one image and never all.

    A class's choice depends on its own images alone, by number; each class has a stream of its own. Images of one file
    or group stay together, and then a class's choice depends on those that share one with it too.

    A class that cannot be in both parts is trained on, and is a problem (LT403).
    """
    counts = pool.counts()
    draws = []
    for label, members in enumerate(members_by_class(pool.labels, len(counts))):
        share = math.floor(len(members) * dataset.holdout + 0.5)
        shuffled = generator(dataset.holdout_seed, "holdout", label).permutation(members)
        draws.append(
            Draw(shuffled, max(1, min(len(members) - 1, share)) if len(members) > 1 else 0)
        )
    tested = draw_whole(draws, pool.units, len(pool))
    train, test = pool.take(np.flatnonzero(~tested)), pool.take(np.flatnonzero(tested))
    return train, test, tuple(_problems(pool, train, test))


def _problems(pool: Part, train: Part, test: Part) -> list[DataError]:
    counts, trained, tested = pool.counts(), train.counts(), test.counts()
    names = pool.class_names
    single = [names[c] for c, count in enumerate(counts) if count == 1]
    found = []
    if single:
        have = "have one image each" if len(single) > 1 else "has one image"
        message = f"{classes_of(single)} {have}, which cannot be both trained on and tested with"
        hint = "add images, take the class away, or bring a test part of your own"
        found.append(DataError("LT403", message, hint))
    split = [names[c] for c, n in enumerate(counts) if n > 1 and not (trained[c] and tested[c])]
    if split:
        message = (
            f"the images of {classes_of(split)} cannot be divided: they are of one file or group"
        )
        hint = "add images of other groups, or bring a test part of your own"
        found.append(DataError("LT403", message, hint))
    return found
