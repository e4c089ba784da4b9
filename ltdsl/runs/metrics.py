"""metrics.jsonl: a line for each epoch."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, ValidationInfo, model_validator
from typing_extensions import Self

from ltdsl.runs.model import (
    SOMETIMES,
    Always,
    Count,
    FileModel,
    Finite,
    Lenient,
    Many,
    Name,
    Sometimes,
)

#: What an evaluation leaves, all of it or nothing.
_FIGURES = ("top1_error", "macro_recall", "measured_on")


class Epoch(FileModel):
    """What is known when an epoch ends."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {
                name: [other for other in _FIGURES if other != name] for name in _FIGURES
            }
        }
    )

    epoch: Count = Field(description="Its number, from 0.")
    stage: Name = Field(description="Its stage's name.")
    loss: Always[Finite] = Field(
        None, description="Mean of its batches' losses, without those of skipped steps."
    )
    lr: Always[Finite] = Field(None, description="Its learning rate.")
    top1_error: Sometimes[Finite] = Field(
        None,
        description="Share of the images of `measured_on` that are misclassified, in percent; not there where the "
        "epoch was not evaluated (`evaluate_every`).",
    )
    macro_recall: Sometimes[Finite] = Field(
        None,
        description="Mean of the accuracies of the classes that have such images, in percent; likewise.",
    )
    measured_on: Annotated[Name, SOMETIMES] = Field(
        "", description="`validation` or `test`; likewise."
    )
    seconds: Always[Finite] = Field(
        None, description="Wall time of its training, evaluation not included."
    )
    skipped: Count = Field(
        0, description="Steps without an update, their gradients not being finite in `fp16`."
    )

    levels: Sometimes[Many[Count]] = Field(
        None,
        description="How strongly each class was augmented, by label, where an augmentation follows classes.",
    )
    ends: Sometimes[Name] = Field(
        None,
        description="`early_stopping` in the last line of a run that ended before its last epoch.",
    )

    @model_validator(mode="after")
    def _is_evaluated_or_not(self, info: ValidationInfo) -> Self:
        given = self.top1_error is not None, self.macro_recall is not None, bool(self.measured_on)
        if not isinstance(info.context, Lenient) and len(set(given)) > 1:
            raise ValueError("an epoch has all figures of its evaluation, or none")
        return self

    @property
    def is_evaluated(self) -> bool:
        """Whether the network was evaluated after it."""
        return self.top1_error is not None

    def as_trained(self) -> Epoch:
        """The same without what its evaluation said."""
        told = {*_FIGURES, "ends"}
        return Epoch.model_validate({k: v for k, v in self.as_data().items() if k not in told})

    @property
    def is_imbalanced(self) -> bool:
        """True where the mean over classes differs from the mean over images, by the images that it is measured on."""
        error, recall = self.top1_error, self.macro_recall
        return error is not None and recall is not None and abs(100 - error - recall) > 0.005
