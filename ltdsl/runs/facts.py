"""run.json: what a run was given, how it stands, and what trained it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from ltdsl.runs.layout import FORMAT
from ltdsl.runs.model import ALWAYS, Always, Count, FileModel, Many, Name, Sometimes, Text
from ltdsl.wording import counted

#: How a time is written, UTC: ``2026-01-31T12:00:00Z``.
TIME = "%Y-%m-%dT%H:%M:%SZ"

#: Longer ones are no paths.
LONGEST_PATH = 4096

#: What the kernels of MindSpore itself are called.
MINDSPORE = "mindspore"

KERNELS = (
    "On a CPU, what computed: `mindspore` for its own kernels, or `native-` and the processor's instructions, such as "
    "`native-avx2`, with `-direct` where Winograd's method was left out. Not there on other devices, nor in runs of "
    "version 0.1, whose device was called `cpu-native` then."
)

COMPILER = (
    "Whose code the native kernels are, such as `gcc 12.2.0`, with the options that `CC` had for it: the sums of "
    "another compiler's code may be rounded otherwise. Not there for other kernels."
)

PROCESSOR = "Processor and threads, where it computed on a CPU."

Status = Literal["running", "finished", "interrupted", "failed"]


def _time(value: Any, info: ValidationInfo) -> str:
    del info
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    time.strptime(value, TIME)
    return value


def _place(value: Any, info: ValidationInfo) -> str:
    del info
    if not isinstance(value, str) or not value or "\0" in value or len(value) > LONGEST_PATH:
        raise PydanticCustomError("path_type", "Input is no path")
    return value


Time = Annotated[str, PlainValidator(_time), WithJsonSchema({"type": "string"})]
#: A path in the characters of the machine that wrote it, which need not be text.
Place = Annotated[str, PlainValidator(_place), WithJsonSchema({"type": "string"})]

#: In float32, which no image comes near to.
Mean = Annotated[float, Field(ge=-1e6, le=1e6)]
Deviation = Annotated[float, Field(ge=1e-12, le=1e6)]
Images = Annotated[int, Field(ge=1, le=2**40)]


class View(FileModel):
    """How an image of any size becomes the network's input."""

    channels: Annotated[int, Field(ge=1, le=4)] = Field(description="1 for grey, 3 for colours.")
    height: Annotated[int, Field(ge=1, le=2**14)] = Field(description="Of the input, in pixels.")
    width: Annotated[int, Field(ge=1, le=2**14)] = Field(description="Of the input, in pixels.")
    ratio: Annotated[float, Field(ge=1, le=16)] = Field(
        description="How much larger the shorter side is made than the part that is cut out of the middle."
    )


class Data(FileModel):
    """What later commands need to know of the data."""

    classes: Annotated[Many[Text], Field(min_length=1)] = Field(
        description="One name a class, by label."
    )
    train_counts: Many[Images] = Field(
        description="Training images of each class, validation taken out."
    )
    mean: Many[Mean] = Field(description="Of each channel's pixels, scaled to 0–1.")
    std: Many[Deviation] = Field(description="Standard deviation, likewise.")
    view: View = Field(description="How an image becomes the network's input.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.train_counts) != len(self.classes):
            raise ValueError("there are not as many counts as classes")
        if not len(self.mean) == len(self.std) == self.view.channels:
            raise ValueError("there are not as many means and deviations as channels")
        return self


class FromCache(FileModel):
    """The first epochs of a run, where another run had trained them: in the cache, or in its directory."""

    epochs: Count = Field(description="How many: those from 0 on.")
    weights: Sometimes[Name] = Field(
        None, description="The entry of the cache that their weights are from."
    )
    records: Sometimes[Name] = Field(
        None, description="The entry that their records and best weights are from."
    )
    run: Sometimes[Place] = Field(
        None, description="The directory of the run, which `--from` named."
    )


class Processor(FileModel):
    """What a run was computed with on a CPU, as far as its numbers may depend on it."""

    name: Sometimes[Name] = Field(None, description="As the system tells it.")
    instructions: Sometimes[Name] = Field(
        None, description="A digest of the names of its instructions, as Linux tells them."
    )
    limit: Sometimes[Name] = Field(
        None,
        description="What `ONEDNN_MAX_CPU_ISA` lets MindSpore's own kernels use of them.",
    )
    threads: Sometimes[int] = Field(
        None, ge=1, description="Threads that computed: sums are taken in an order of theirs."
    )
    cores: Sometimes[int] = Field(None, ge=1, description="Of the machine; they change no number.")

    def unlike(self, before: Processor) -> Iterator[str]:
        """What is other than before, and may give other numbers."""
        if self.name and before.name and self.name != before.name:
            yield f"{self.name} instead of {before.name}"
        elif self.instructions and before.instructions and self.instructions != before.instructions:
            yield "other instructions of the processor"
        if self.limit and before.limit and self.limit != before.limit:
            yield f"instructions up to {self.limit} instead of {before.limit}"
        if self.threads and before.threads and self.threads != before.threads:
            yield f"{counted(self.threads, 'thread')} instead of {before.threads}"


class Continuation(FileModel):
    """A time that a run was gone on with, after it had been broken off."""

    time: Always[Time] = Field(None, description="When, UTC: `2026-01-31T12:00:00Z`.")
    from_epoch: Sometimes[int] = Field(
        None,
        ge=0,
        description="The first epoch that it trained, from 0; not there where it ended before it had found that out.",
    )
    versions: Annotated[dict[str, Name], ALWAYS] = Field(
        {}, description="Of packages that have a part in the numbers."
    )
    platform: Always[Name] = Field(None, description="Operating system and machine.")
    device: Always[Name] = Field(None, description="The device.")
    kernels: Sometimes[Name] = Field(None, description=KERNELS)
    compiler: Sometimes[Name] = Field(None, description=COMPILER)
    processor: Sometimes[Processor] = Field(None, description=PROCESSOR)
    workers: Sometimes[int] = Field(
        None, ge=2, description="Processes that shared the work; not there for one."
    )
    split_classes: Sometimes[bool] = Field(None, description="Whether they split the classes.")


class Facts(FileModel):
    """What a run was given, how it stands, and what trained it. Entries with nothing to say are left out."""

    format: int = Field(
        0,
        ge=0,
        description=f"The form of all files in the folder: {FORMAT}. Runs of version 0.1 have none, which reads as 0.",
    )
    status: Always[Status] = Field(
        None, description="How the run stands; a killed one's says `running`."
    )
    error: Sometimes[Text] = Field(None, description="Why it failed.")
    plan_sha256: Always[Name] = Field(
        None, description="Hash of what the plan means, as `ltdsl plan` tells it."
    )
    stages: Annotated[Many[Text], ALWAYS] = Field((), description="Names of the stages, in order.")
    started: Always[Time] = Field(
        None, description="When the run was begun, UTC: `2026-01-31T12:00:00Z`."
    )
    versions: Annotated[dict[str, Name], ALWAYS] = Field(
        {}, description="Of packages that have a part in the numbers, as the run was begun."
    )
    platform: Always[Name] = Field(
        None, description="Operating system and machine that it was begun on."
    )
    seed: Always[int] = Field(None, description="Of the training.")
    split_seed: Always[int] = Field(None, description="Of the choice of images.")
    changes: Annotated[Many[Name], ALWAYS] = Field(
        (), description="What `--set` and `--seed` changed."
    )
    device: Always[Name] = Field(None, description="The device that it was begun on.")
    kernels: Sometimes[Name] = Field(None, description=KERNELS)
    compiler: Sometimes[Name] = Field(None, description=COMPILER)
    processor: Sometimes[Processor] = Field(None, description=PROCESSOR)
    workers: Sometimes[int] = Field(
        None, ge=2, description="Processes that shared the work as it was begun; not there for one."
    )
    split_classes: Sometimes[bool] = Field(None, description="Whether they split the classes.")
    data_sha256: Annotated[dict[str, Name], ALWAYS] = Field(
        {}, description="Fingerprints of `train`, `validation` (where there is one) and `test`."
    )
    data: Always[Data] = Field(None, description="What later commands need to know of the data.")
    unreadable: Annotated[Many[Name], ALWAYS] = Field(
        (), description="Images that it goes without, as they could not be read."
    )
    recipe_folder: Sometimes[Place] = Field(
        None,
        description="The folder that paths in the recipe are relative to, on the machine that began the run.",
    )
    recipe_folder_from_run: Sometimes[Place] = Field(
        None, description="The same as seen from the run directory."
    )
    data_folder: Sometimes[Place] = Field(None, description="What `--data` named, likewise.")
    data_folder_from_run: Sometimes[Place] = Field(
        None, description="The same as seen from the run directory."
    )
    from_cache: Sometimes[FromCache] = Field(
        None,
        description="The first epochs, where another run had trained them: `ltdsl cache show ENTRY` says which.",
    )
    warnings: Many[Name] = Field((), description="What was lost on the way.")
    continuations: Many[Continuation] = Field(
        (), description="Each time that the run was gone on with, in order."
    )

    def changed(self, **entries: Any) -> Facts:
        """The same with other entries; None removes one.

        Raises:
            TypeError: There is no such entry.
            pydantic.ValidationError: It is not of its type.
        """
        if unknown := entries.keys() - type(self).model_fields.keys():
            raise TypeError(f"run.json has no entry {min(unknown)}")
        data = {**self.as_data(), **entries}
        return Facts.model_validate(
            {name: value for name, value in data.items() if value is not None}
        )

    @property
    def last_leg(self) -> Leg:
        """What it was trained with last, as far as that is known."""
        legs = self.legs()
        return next((leg for leg in reversed(legs) if leg.device), legs[0])

    def legs(self) -> tuple[Leg, ...]:
        """What it was trained with: as it was begun, and each time that it was gone on with."""
        first = Leg(0, self.versions, *_computed_by(self), compiler=self.compiler)
        return first, *(
            Leg(each.from_epoch, each.versions, *_computed_by(each), compiler=each.compiler)
            for each in self.continuations
        )

    def went_on_otherwise(self) -> tuple[tuple[int | None, str], ...]:
        """Where it was gone on with otherwise than before: the first epoch, if known, and what was other then."""
        pairs = pairwise(self.legs())
        return tuple(
            (now.from_epoch, what) for before, now in pairs if (what := now.unlike(before))
        )


def _computed_by(
    of: Facts | Continuation,
) -> tuple[str | None, str | None, Processor | None, int]:
    """Device, kernels, processor and workers.

    In version 0.1 the device's name told the kernels too: `cpu` for MindSpore's, or `cpu-native`.
    """
    if of.kernels is None and of.device in ("cpu", "cpu-native"):
        return "cpu", MINDSPORE if of.device == "cpu" else "native", None, of.workers or 1
    return of.device, of.kernels, of.processor, of.workers or 1


@dataclass(frozen=True)
class Leg:
    """What a part of a run was trained with.

    Attributes:
        from_epoch: Its first epoch; None where that is not known.
        versions: Of packages, by name.
        device: The device.
        kernels: Those of a CPU, as ``run.json`` names them.
        processor: The processor, and how many threads computed; None where that is not known.
        workers: Processes that shared the work.
        compiler: Of the native kernels; None where that is not known.
    """

    from_epoch: int | None
    versions: Mapping[str, str]
    device: str | None
    kernels: str | None = None
    processor: Processor | None = None
    workers: int = 1
    compiler: str | None = None

    def unlike(self, before: Leg) -> str:
        """What is other than before, and may give other numbers; empty where all is the same or not known."""
        names = [*self.versions, *before.versions] if self.versions and before.versions else []
        pairs = {name: (before.versions.get(name), self.versions.get(name)) for name in names}
        said = [
            f"{name} {new} instead of {old or 'none'}" if new else f"no {name} instead of {old}"
            for name, (old, new) in pairs.items()
            if old != new
        ]
        if self.device and before.device and self.device != before.device:
            said.append(f"{self.device} instead of {before.device}")
        if self.kernels and before.kernels and self.kernels != before.kernels:
            said.append(f"{self.kernels} kernels instead of {before.kernels}")
        elif self.compiler and before.compiler and self.compiler != before.compiler:
            said.append(f"kernels compiled by {self.compiler} instead of {before.compiler}")
        if self.workers != before.workers:
            said.append(f"{counted(self.workers, 'worker')} instead of {before.workers}")
        elif self.processor and before.processor:  # each worker has a part of the threads
            said += self.processor.unlike(before.processor)
        return ", ".join(said)
