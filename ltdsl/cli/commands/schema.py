"""`ltdsl schema`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ltdsl.cli.output import print_json_text


class Subject(str, Enum):
    """What `schema` describes."""

    PLAN = "plan"
    RECIPE = "recipe"
    TRICKS = "tricks"
    RUN = "run"
    METRICS = "metrics"
    EVALUATION = "evaluation"
    PREDICTIONS = "predictions"
    PICTURES = "pictures"
    PROFILE = "profile"
    SWEEP = "sweep"
    SEARCH = "search"


def schema(
    subject: Annotated[
        Subject,
        typer.Argument(
            metavar="SUBJECT",
            help="plan (plan.json, the default), recipe (the output of `plan --emit recipe`), tricks (any trick in "
            "them), or another file of a run or a sweep: run, metrics (a line of it), evaluation, predictions, "
            "pictures, profile, sweep.",
        ),
    ] = Subject.PLAN,
) -> None:
    """Print the JSON Schema of what other programs read."""
    from ltdsl.reference.schema import to_json

    print_json_text(to_json(subject.value))
