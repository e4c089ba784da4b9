"""What run.json must say of a run that can go on: it may be a stranger's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

Place = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]


class Begun(BaseModel):
    """The entries that are read again, where they are there; see :meth:`runtime.run.run` for their meaning."""

    status: str
    started: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] | None = None
    data_folder: Place | None = None
    data_folder_from_run: Place | None = None
    recipe_folder: Place | None = None
    recipe_folder_from_run: Place | None = None
    unreadable: list[str] | None = None
    warnings: list[str] | None = None


def checked(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a run.json.

    Raises:
        ValueError: An entry that a run goes on by is missing or something else.
    """
    Begun.model_validate(facts)
    return dict(facts)
