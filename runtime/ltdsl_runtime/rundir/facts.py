"""What run.json must say of a run that can go on: it may be a stranger's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ltdsl.system.files import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How the time is written at which a run was begun, UTC: ``2026-01-31T12:00:00Z``.
STARTED = "%Y-%m-%dT%H:%M:%SZ"

Place = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]


Finite = Annotated[float, Field(allow_inf_nan=False)]


def _time(text: str) -> str:
    time.strptime(text, STARTED)
    return text


class Begun(BaseModel):
    """The entries that are read again, where they are there; their meaning: :func:`ltdsl_runtime.training.run.run`."""

    status: str
    started: Annotated[str, AfterValidator(_time)] | None = None
    data_folder: Place | None = None
    data_folder_from_run: Place | None = None
    recipe_folder: Place | None = None
    recipe_folder_from_run: Place | None = None
    unreadable: list[str] | None = None
    warnings: list[str] | None = None


class Line(BaseModel):
    """What goes on being read of a line of metrics.jsonl; see :class:`ltdsl_runtime.training.progress.EpochRecord`."""

    model_config = ConfigDict(strict=True)  # what is read is used as it stands: "5" is no number

    epoch: int
    loss: Finite
    lr: Finite
    top1_error: Finite
    macro_recall: Finite
    measured_on: str
    seconds: Finite


def checked(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a run.json.

    Raises:
        ValueError: An entry that a run goes on by is missing or something else.
    """
    Begun.model_validate(facts)
    json_text(facts)  # what is read may be nested too deeply to be written
    return dict(facts)
