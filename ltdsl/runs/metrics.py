"""metrics.jsonl: a line for each epoch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ltdsl.runs.model import ALWAYS, Always, Count, FileModel, Finite, Name


class Epoch(FileModel):
    """What is known when an epoch ends."""

    epoch: Count = Field(description="Its number, from 0.")
    stage: Name = Field(description="Its stage's name.")
    loss: Always[Finite] = Field(
        None, description="Mean of its batches' losses, without those of skipped steps."
    )
    lr: Always[Finite] = Field(None, description="Its learning rate.")
    top1_error: Always[Finite] = Field(
        None, description="Share of the images of `measured_on` that are misclassified, in percent."
    )
    macro_recall: Always[Finite] = Field(
        None, description="Mean of the accuracies of the classes that have such images, in percent."
    )
    measured_on: Annotated[Name, ALWAYS] = Field("", description="`validation` or `test`.")
    seconds: Always[Finite] = Field(
        None, description="Wall time of its training, evaluation not included."
    )
    skipped: Count = Field(
        0, description="Steps without an update, their gradients not being finite in `fp16`."
    )

    @property
    def is_imbalanced(self) -> bool:
        """True where the mean over classes differs from the mean over images, by the images that it is measured on."""
        error, recall = self.top1_error, self.macro_recall
        return error is not None and recall is not None and abs(100 - error - recall) > 0.005
