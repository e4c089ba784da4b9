"""cam/STAGE.json: what the picture beside it shows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ltdsl.runs.model import FileModel, Many, Name, Text

Pixels = Annotated[int, Field(gt=0)]


class PictureRow(FileModel):
    """What happened to one image."""

    name: Name = Field(alias="class", description="Its class.")
    change: Name = Field("", description="What happened to its foreground.")


class Pictures(FileModel):
    """What a picture of a stage with `cam_bs` shows."""

    stage: Name = Field(description="The stage's name.")
    file: Text = Field(description="The picture, in the same folder.")
    width: Pixels = Field(description="Of the picture, in pixels.")
    row_height: Pixels = Field(description="Of a row, in pixels.")
    columns: Many[Name] = Field(description="What is in each column.")
    rows: Many[PictureRow] = Field(description="What is in each row.")
