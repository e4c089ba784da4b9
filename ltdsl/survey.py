"""What the files of a data set say before anything is trained: class counts, and what their owner should know."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Note(NamedTuple):
    """Something about a data set that stands in no run's way.

    Attributes:
        code: One of the LT4xx family.
        message: What was found, and where: one sentence without a full stop.
        hint: What to do about it; empty where nothing has to be done.
        level: ``warning``; ``advice`` for what is as it should be and worth knowing; ``info`` for what only
            `ltdsl data inspect` tells.
    """

    code: str
    message: str
    hint: str = ""
    level: Literal["warning", "advice", "info"] = "warning"


class Surveyed(NamedTuple):
    """What a look at the files found.

    Attributes:
        counts: Training images of each class, before a validation part is taken from them.
        notes: What else there is to say.
        drawn: Whether a validation part is taken from them; else the data bring one.
    """

    counts: tuple[int, ...]
    notes: tuple[Note, ...] = ()
    drawn: bool = True
