"""sweep.json: the runs of a sweep, and how each ended."""

from __future__ import annotations

from pydantic import Field

from ltdsl.runs.layout import SWEEP_FORMAT
from ltdsl.runs.model import FileModel, Many, Sometimes, Text

#: Figures of evaluation.json that the table has, in percent.
FIGURES = ("top1_error", "macro_recall", "many", "medium", "few", "expected_calibration_error")

_NAMES = ", ".join(f"`{name}`" for name in FIGURES)


class Record(FileModel):
    """What is known of a run."""

    name: Text = Field(description="Its folder, within that of the sweep.")
    recipe: Text = Field(description="The recipe's path, as it was given.")
    changes: dict[str, Text] = Field(description="What was set, the seed included.")
    plan_sha256: Text = Field(description="Hash of its plan.")
    status: Text = Field(description="`new`, `running`, `interrupted`, `failed` or `finished`.")
    error: Text = Field(description="Why it failed; empty where it did not.")
    best_on: Text | None = Field(
        description="As in evaluation.json; null where it is not finished too."
    )
    best_by: Text | None = Field(None, description="As in evaluation.json, likewise.")
    about_groups: Sometimes[Text] = Field(
        None,
        description="What many, medium and few are where they are not what they are called.",
    )
    last: dict[str, float | None] = Field(
        description=f"Of the last epoch, in percent: {_NAMES}; empty before the run is finished."
    )
    best: dict[str, float | None] = Field(
        description="Of the best epoch, likewise; empty where none was chosen."
    )


class SweepTable(FileModel):
    """The runs of a sweep, those of earlier commands in the same folder last."""

    format: int = Field(
        0,
        ge=0,
        description=f"The form of this file: {SWEEP_FORMAT}. Version 0.1 wrote none, which reads as 0.",
    )
    ltdsl: Text = Field(description="The version that wrote it.")
    runs: Many[Record] = Field(description="Each run.")
