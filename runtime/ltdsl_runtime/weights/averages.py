"""Checkpoints that hold averaged weights beside the trained ones: which of them are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltdsl_runtime.weights.records import Saved

#: What stands before a parameter's name for its average.
PREFIX = "average."

#: How many steps an average is of; no weight is called so.
STEPS = f"{PREFIX}steps"


def are_averaged(saved: Saved) -> bool:
    """Whether a checkpoint holds averaged weights, which are then those that were evaluated."""
    return STEPS in saved


def as_used(saved: Saved) -> Saved:
    """A checkpoint's content with the averaged weights, where it holds any, under the names of the trained ones."""
    if not are_averaged(saved):
        return saved
    averages = {
        name.removeprefix(PREFIX): value
        for name, value in saved.items()
        if name.startswith(PREFIX) and name != STEPS
    }
    return as_trained(saved) | averages


def as_trained(saved: Saved) -> Saved:
    """A checkpoint's content without averaged weights."""
    return {name: value for name, value in saved.items() if not name.startswith(PREFIX)}


def weights_told(averaged: bool) -> dict[str, str]:
    """What results say of the weights that they are of: nothing where they are the trained ones."""
    return {"weights": "averaged"} if averaged else {}
