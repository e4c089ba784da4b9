"""profile.json: where the wall time of a run went."""

from __future__ import annotations

from pydantic import Field

from ltdsl.runs.model import Count, FileModel, Finite, Many, Sometimes

#: The parts of the thread that trains, in the order in which they are shown.
PARTS = {
    "start": "reading data, building the network",
    "compile": "the first step of each graph, which compiles it",
    "features": "features under a frozen body",
    "step": "training steps",
    "evaluate": "evaluation",
    "wait": "waiting for a batch",
    "checkpoint": "checkpoints, and finding numbers that are not finite",
    "records": "metrics, predictions, pictures",
    "other": "what is between them",
}

#: Those of threads that make batches meanwhile.
BESIDE = {
    "decode": "reading and decoding image files",
    "resize": "cutting and resizing images",
    "augment": "augmentation",
    "draw": "an epoch's order, and what its tricks draw",
}


class Lap(FileModel):
    """A piece of the run."""

    epoch: Sometimes[Count] = Field(
        None,
        description="Which epoch, its evaluation and its checkpoints included, from the end of what was before; not "
        "there for what came after the last one.",
    )
    parts: dict[str, Finite] = Field(
        description="Seconds of the thread that trains, by part: "
        + "; ".join(f"`{name}`, {what}" for name, what in PARTS.items())
        + ". They add up to the wall time."
    )
    beside: dict[str, Finite] = Field(
        description="Seconds of threads that make batches meanwhile, all together: "
        + "; ".join(f"`{name}`, {what}" for name, what in BESIDE.items())
        + "."
    )

    @property
    def seconds(self) -> float:
        """Wall time."""
        return sum(self.parts.values())


class Profile(FileModel):
    """Where the wall time went, of the process that was last asked for it."""

    laps: Many[Lap] = Field(description="One for each epoch, and one for the end.")
