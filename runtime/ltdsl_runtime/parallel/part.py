"""Which classes a worker has, where they are split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeVar

    import numpy as np
    from numpy.typing import NDArray

    Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True)
class ClassPart:
    """The classes of one worker: [first, end) of C. Parts differ by at most one class.

    Attributes:
        classes: C.
        rank: Of the worker.
        workers: How many share the classes.
    """

    classes: int
    rank: int
    workers: int

    @property
    def first(self) -> int:
        """The first class."""
        return self.classes * self.rank // self.workers

    @property
    def end(self) -> int:
        """The class after the last."""
        return self.classes * (self.rank + 1) // self.workers

    def __len__(self) -> int:
        return self.end - self.first

    def all(self) -> list[ClassPart]:
        """The parts of all workers, by rank."""
        return [ClassPart(self.classes, rank, self.workers) for rank in range(self.workers)]

    def of(self, values: NDArray[Kind], axis: int = 0) -> NDArray[Kind]:
        """The part of an array that has an axis of classes, a view of it."""
        own: NDArray[Kind] = values[(slice(None),) * axis + (slice(self.first, self.end),)]
        return own
