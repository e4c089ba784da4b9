"""`ltdsl schema`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer


class Subject(str, Enum):
    """What `schema` describes."""

    PLAN = "plan"
    RECIPE = "recipe"
    TRICKS = "tricks"


def schema(
    subject: Annotated[
        Subject,
        typer.Argument(
            metavar="plan|recipe|tricks",
            help="plan.json, the output of `plan --emit recipe`, or any trick in them. Default: plan.",
        ),
    ] = Subject.PLAN,
) -> None:
    """Print the JSON Schema of what other programs read."""
    from ltdsl.reference.schema import to_json

    typer.echo(to_json(subject.value), nl=False)
