"""The columns in which a batch travels from its source to a graph: their names, and their order.

A training batch is images and labels; second images and their labels, where somebody draws one for each; and what the
stage's tricks have drawn: the sampler's, the mixer's, the loss's. An evaluation batch is :data:`EVALUATION`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Column = TypeVar("Column")

IMAGE, LABEL = "image", "label"

#: Mask: 1 for an image, 0 for what fills up the last batch.
EVALUATION = (IMAGE, LABEL, "mask")

#: The second image of each pair: another one of the training part, which the sampler or the mixer asks for.
PARTNER = ("partner_image", "partner_label")

#: What the columns' names begin with that a stage's sampler, mixer and loss draw, in this order. The first one of a
#: mixer whose pairs are within the batch is a permutation of it.
WARP, MIX, LOSS = "warp", "mix", "loss"


def numbered(prefix: str, columns: Iterable[Column]) -> dict[str, Column]:
    """Columns by their names, in order: ``mix0``, ``mix1`` and so on."""
    return {f"{prefix}{number}": column for number, column in enumerate(columns)}


def training_columns(has_partner: bool, drawn: Iterable[str]) -> tuple[str, ...]:
    """All columns of a training batch, given the names of those that tricks draw."""
    return (IMAGE, LABEL, *(PARTNER if has_partner else ()), *drawn)


class Places(NamedTuple):
    """Where a training batch has which of its columns after image and label.

    Attributes:
        has_partner: Whether it has those of second images; they come first.
        warp: Where the sampler's begin.
        mix: Where the mixer's begin, and the sampler's end.
        loss: Where the loss's begin, and the mixer's end.
    """

    has_partner: bool
    warp: int
    mix: int
    loss: int

    @classmethod
    def of(cls, columns: Sequence[str]) -> Places:
        """The places in what :func:`training_columns` gave, of columns with names of :func:`numbered`."""
        has_partner = PARTNER[0] in columns
        warp = len(PARTNER) if has_partner else 0
        mix = warp + sum(name.startswith(WARP) for name in columns)
        return cls(has_partner, warp, mix, mix + sum(name.startswith(MIX) for name in columns))
