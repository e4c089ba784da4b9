"""What a run's files say, checked: a run directory may be unfinished, damaged or a stranger's."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: Longer names are cut: a page shows them a few hundred times.
LONGEST_NAME = 200


def clean(text: str) -> str:
    """Text that can be written and shown: whole characters only, not endlessly long."""
    text = (
        text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _name(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


#: A number, or None where it is missing, infinite or not a number.
Figure = Annotated[float | None, BeforeValidator(_finite)]
Name = Annotated[str, BeforeValidator(_name)]
#: Of images or epochs: what a machine counts.
Count = Annotated[int, Field(ge=0, le=2**53)]


class Lenient(BaseModel):
    """Data whose further entries are of no interest."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


Model = TypeVar("Model", bound=Lenient)


class Epoch(Lenient):
    """A line of metrics.jsonl; error and recall in percent."""

    epoch: Count
    stage: Name
    loss: Figure = None
    lr: Figure = None
    top1_error: Figure = None
    macro_recall: Figure = None
    measured_on: Name = ""
    seconds: Figure = None

    @property
    def is_imbalanced(self) -> bool:
        """True where the mean over classes differs from the mean over images, by the images that it is measured on."""
        error, recall = self.top1_error, self.macro_recall
        return error is not None and recall is not None and abs(100 - error - recall) > 0.005


class GroupFigures(Lenient):
    """One of many, medium and few; accuracy in percent, None for a group without classes."""

    classes: Count
    accuracy: Figure = None


class ClassFigures(Lenient):
    """One class; accuracy in percent."""

    name: Name = Field(alias="class")
    train_images: Count
    test_images: Count
    accuracy: Figure = None


class Bin(Lenient):
    """Images of like confidence; accuracy and mean confidence in percent."""

    above: float
    to: float
    count: Count
    accuracy: Figure = None
    confidence: Figure = None


class Cells(Lenient):
    """A confusion matrix: the cells that are not empty, in columns."""

    label: tuple[Count, ...]
    prediction: tuple[Count, ...]
    count: tuple[Count, ...]


class Figures(Lenient):
    """What one checkpoint does on the test images; in percent."""

    epoch: Count
    top1_error: Figure = None
    macro_recall: Figure = None
    expected_calibration_error: Figure = None
    groups: dict[str, GroupFigures] = {}
    per_class: tuple[ClassFigures, ...] = ()
    confusion: Cells | None = None
    calibration: tuple[Bin, ...] = ()


class Evaluation(Lenient):
    """evaluation.json."""

    best_on: Name | None = None
    best_by: Name | None = None
    test_images: Count | None = None
    last: Figures | None = None
    best: Figures | None = None


class Facts(Lenient):
    """run.json."""

    status: Name = ""
    error: str | None = None
    plan_sha256: Name | None = None
    started: Name | None = None
    platform: Name | None = None
    device: Name | None = None
    seed: int | None = None
    split_seed: int | None = None
    changes: tuple[Name, ...] = ()
    unreadable: tuple[Name, ...] = ()
    warnings: tuple[Name, ...] = ()
    versions: dict[str, Name] = {}
    data_sha256: dict[str, Name] = {}


class PictureRow(Lenient):
    """What happened to one image."""

    name: Name = Field(alias="class")
    change: Name = ""


class Pictures(Lenient):
    """Says what a picture of a stage with `cam_bs` shows; sizes in pixels."""

    stage: Name
    file: str
    width: Annotated[int, Field(gt=0)]
    row_height: Annotated[int, Field(gt=0)]
    columns: tuple[Name, ...]
    rows: tuple[PictureRow, ...]
