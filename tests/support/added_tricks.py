"""A trick of each kind that the catalogue does not have, and a way to have it for a while."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydantic import Field

from ltdsl import catalogue
from ltdsl.catalogue.entry import plain
from ltdsl.catalogue.samplers import powers


class PriorShift(catalogue.Loss):
    """Cross entropy of logits that are raised by the log counts of their class: `logit_adjustment` by another name."""

    name = "prior_shift"
    formula = "−log softmax(z + by · log N)_y, in training only"
    citation = "Nobody: Nothing, 2020"

    by: float = Field(1.0, ge=0, le=10, description="Factor on the log counts; 0 is plain `ce`.")

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...]:
        """by · log N_c."""
        return tuple(self.by * math.log(count) for count in counts)

    def without_counts(self) -> catalogue.Loss:
        """Cross entropy."""
        return plain(catalogue.CrossEntropy)


class InverseRoot(catalogue.PlainSampler):
    """Classes by the inverse square root of their counts."""

    name = "inverse_root"
    formula = "P(c) ∝ 1 / √N_c, with replacement"

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """N_c^(−1/2), summing to 1."""
        del passed
        return powers(counts, -0.5)


class Halves(catalogue.Mixer):
    """Each image is blended with another of its batch, by a share that is the same for all."""

    name = "halves"

    share: float = Field(0.5, gt=0, lt=1, description="Of the own image.")


class FromNothing(catalogue.Classifier):
    """The classifier starts at zero and is trained alone."""

    name = "from_nothing"
    draws_anew = True


class Echo(catalogue.Teacher):
    """Adds a teacher's predictions, as `dive` does without flattening them."""

    name = "echo"

    alpha: float = Field(0.25, ge=0, le=1, description="Share of the teacher in the loss.")


class CountShift(catalogue.Posthoc):
    """Logits are lowered by the log counts of their class."""

    name = "count_shift"

    by: float = Field(1.0, ge=0, le=10, description="Factor on the log counts.")

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...]:
        """by · log N_c."""
        return tuple(self.by * math.log(count) for count in counts)


#: One of each kind.
ADDED: tuple[type[catalogue.Trick], ...] = (
    InverseRoot,
    Halves,
    PriorShift,
    FromNothing,
    Echo,
    CountShift,
)


@contextmanager
def added(*entries: type[catalogue.Entry]) -> Iterator[None]:
    """Entries that are in the catalogue within."""
    for entry in entries:
        catalogue.register(entry)
    try:
        yield
    finally:
        for index in catalogue.INDEXES.values():
            for entry in entries:
                index.pop(entry.name, None)
