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
    SWEEP = "sweep"


def schema(
    subject: Annotated[
        Subject,
        typer.Argument(
            metavar="plan|recipe|tricks|run|metrics|evaluation|predictions|pictures|sweep",
            help="plan.json, the output of `plan --emit recipe`, any trick in them, or another file of a run or a "
            "sweep: run.json, a line of metrics.jsonl, evaluation.json, predictions/CHECKPOINT-PART.json, "
            "cam/STAGE.json, sweep.json. Default: plan.",
        ),
    ] = Subject.PLAN,
) -> None:
    """Print the JSON Schema of what other programs read."""
    from ltdsl.reference.schema import to_json

    print_json_text(to_json(subject.value))
