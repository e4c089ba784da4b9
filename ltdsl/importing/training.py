"""What a configuration trains, in the language's own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from ltdsl.diagnostics import Diagnostic
from ltdsl.source import Source


class Left(NamedTuple):
    """A key that has no place in a recipe.

    Attributes:
        key: As it is written, such as ``TRAIN.NUM_WORKERS``.
        reason: Why, as a clause that can be grouped.
    """

    key: str
    reason: str


class Start(NamedTuple):
    """Weights that a training starts from.

    Attributes:
        run: The folder of the run that made them, as the configuration names it.
        epoch: Completed epochs; None for the best ones.
        path: The file, as the configuration names it.
    """

    run: PurePosixPath
    epoch: int | None
    path: str


class Part(NamedTuple):
    """A stretch of epochs with the same tricks.

    Attributes:
        start: Epochs completed before it, of its own training.
        tricks: Calls, as a recipe writes them.
    """

    start: int
    tricks: tuple[str, ...]


@dataclass
class Training:
    """One configuration: a run of its own.

    Attributes:
        source: Its text.
        run: The folder that it writes to, and that others name it by.
        settings: Values by setting, as a recipe writes them: those of the data, the model and the batch.
        epochs: Of this training alone.
        optimizer: As a recipe writes it.
        schedule: Its name.
        milestones: Of its own epochs.
        rest: The schedule's other arguments, as a recipe writes them.
        parts: Its tricks, in time.
        posthoc: What acts in evaluation; empty for nothing.
        start: What it starts from; None where it draws its weights.
        makes: Where it puts images made by activation maps, if that is all it does; empty otherwise.
        uses: Where it takes such images from; empty where it takes none.
        maps: Arguments of `cam_bs` that such a training says.
        best_on_test: Whether the best weights are chosen by the test images.
        left: Keys without a place in a recipe.
        problems: What is wrong, or has no counterpart.
    """

    source: Source
    run: PurePosixPath
    settings: dict[str, str] = field(default_factory=dict)
    epochs: int = 0
    optimizer: str = ""
    schedule: str = ""
    milestones: tuple[int, ...] = ()
    rest: str = ""
    parts: tuple[Part, ...] = ()
    posthoc: str = ""
    start: Start | None = None
    makes: str = ""
    uses: str = ""
    maps: str = ""
    best_on_test: bool = True
    left: list[Left] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
