"""predictions/CHECKPOINT-PART.json: what a checkpoint predicts for each image of a part; the arrays are beside it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from ltdsl.runs.model import Count, FileModel, Name, Sometimes, Text
from ltdsl.wording import counted

#: What may be predicted with, and for: the last epoch and the best one, or a checkpoint that was named by its path.
Checkpoint = Literal["last", "best", "checkpoint"]
PartName = Literal["test", "validation"]
CHECKPOINTS: tuple[Checkpoint, ...] = get_args(Checkpoint)
PARTS: tuple[PartName, ...] = get_args(PartName)

#: Bytes of the logits that are kept of a part: those of 16,000 images of 1,000 classes.
LARGEST_LOGITS = 1 << 26

Some = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Predictions(FileModel):
    """What a checkpoint predicts for each image of a part, in the order of the part."""

    checkpoint: Checkpoint = Field(
        description="The weights: `last` or `best`; `checkpoint`, from `ltdsl eval` alone, for those of a path."
    )
    part: PartName = Field(description="The images: `test` or `validation`.")
    epoch: Count | None = Field(
        description="The epoch that the weights are of, from 0; null for a checkpoint that does not say."
    )
    images: Some = Field(description="How many there are: N.")
    classes: Some = Field(description="How many classes there are: C.")
    data_sha256: Name = Field(description="Fingerprint of the images, as in run.json.")
    confidence: Literal["softmax", "sigmoid"] = Field(
        description="What makes confidences of logits."
    )
    posthoc: Text | None = Field(
        description="The posthoc trick that classes and confidences are after, and logits before; null for none."
    )
    logits: bool = Field(description="Whether the arrays have logits.")
    without_logits: Sometimes[Text] = Field(None, description="Why they have none.")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(
        description="Of the file of arrays, which has the same name and ends in `.npz`."
    )

    @property
    def stem(self) -> str:
        """The name of both files, without their endings."""
        return stem(self.checkpoint, self.part)


def stem(checkpoint: Checkpoint, part: PartName) -> str:
    """The name of a pair of files, without their endings."""
    return f"{checkpoint}-{part}"


def no_logits(images: int, classes: int) -> str | None:
    """Why the logits of so many images and classes are not kept; None where they are."""
    size = 4 * images * classes
    if size <= LARGEST_LOGITS:
        return None
    what = f"those of {counted(images, 'image')} and {counted(classes, 'class')}"
    return f"{what} take {size >> 20:,} MiB, more than {LARGEST_LOGITS >> 20}"
