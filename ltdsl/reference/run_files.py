"""The page of a run's files, from the models that write and read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ltdsl.reference.schema import Subject, schema
from ltdsl.runs import layout
from ltdsl.runs.predictions import LARGEST_LOGITS

#: What each file holds: its name, the schema of it, and what more there is to say.
FILES: Mapping[str, tuple[Subject, str]] = {
    layout.FACTS: ("run", ""),
    layout.METRICS: ("metrics", "A line, which is one JSON object, for each epoch."),
    layout.EVALUATION: ("evaluation", "`ltdsl eval --format json` prints the same."),
    f"{layout.PREDICTIONS}/CHECKPOINT-PART.json": (
        "predictions",
        "`last-test.json`, `best-validation.json` and so on: of the last epoch and, where one was chosen, of the best, "
        "on the test part and, where there is one, on the validation part. The `.npz` beside each has the arrays "
        "`label`, int32 [N], the true classes; `prediction`, int32 [N]; `confidence`, float32 [N], the probability of "
        "the predicted class, in 0–1; and `logits`, float32 [N, C], where they take no more than "
        f"{LARGEST_LOGITS >> 20} MiB. "
        "`ltdsl.runs.arrays.read_predictions` reads and checks both files; `ltdsl eval --predictions` writes them for "
        "a run that has none.",
    ),
    f"{layout.PICTURES}/STAGE.json": ("pictures", "A file beside each picture."),
    layout.PROFILE: (
        "profile",
        "Of a run with `ltdsl run --profile`, and of the process that was last given it.",
    ),
    layout.SWEEP: ("sweep", "In the folder of a sweep."),
    layout.SEARCH: ("search", "Beside it, in that of a search."),
}

_INTRODUCTION = f"""Generated from the code by `make docs`: do not edit.

What programs may rely on in a run directory: every file that `ltdsl run` writes, field by field. [runs.md](runs.md)
says what else is in the folder. `{layout.PLAN}` is described by its own [schema](schema/plan.schema.json), and so is
each file below; `ltdsl schema NAME` prints them. In Python, `ltdsl.runs.read_run` reads a run leniently: what is
missing or damaged is None, and `gaps` says why.

    from ltdsl.runs import read_run

    run = read_run("runs/first")
    run.facts.status, run.plan.epochs, run.metrics[-1].loss, run.evaluation.last.top1_error, run.gaps

`format` in `{layout.FACTS}`, now {layout.FORMAT}, is the form of all files in the folder: one program fills it, so that
a number in each file could only contradict it. It is raised when files of before can no longer be read as they are; a
field that is added may be missing. Runs of version 0.1 have no `format`, and are read as they are. Whoever reads these
files should leave alone what they do not know. Shares are in percent, epochs count from 0, and times are UTC."""

_NAMES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
}


def page() -> str:
    """The whole page."""
    parts = ["# Files of a run", _INTRODUCTION]
    for name, (subject, more) in FILES.items():
        whole = schema(subject)
        parts += [f"## `{name}`", " ".join(filter(None, (whole["description"], more)))]
        parts += [f"[Schema](schema/{subject}.schema.json)."]
        parts += _tables(whole, whole.get("$defs", {}))
    return "\n\n".join(parts) + "\n"


def _tables(model: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[str]:
    """A table for a model, and one for each model in it."""
    rows = [
        f"| `{name}` | {_kind(field)} | {'always' if name in model.get('required', ()) else ''} "
        f"| {field.get('description', '')} |"
        for name, field in model["properties"].items()
    ]
    yield "\n".join(("| field | holds | there | meaning |", "|---|---|---|---|", *rows))
    for name, part in parts.items():
        yield f"### {name}"
        yield part["description"]
        yield from _tables(part, {})


def _kind(field: Mapping[str, Any]) -> str:
    """What a field holds, in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    if "anyOf" in field:
        kinds = [_kind(choice) for choice in field["anyOf"] if choice != {"type": "null"}]
        return f"{' or '.join(kinds)}, or null"
    if field["type"] == "array":
        return f"list: {_kind(field['items'])}"
    if field["type"] == "object":
        return f"by name: {_kind(field['additionalProperties'])}"
    return _NAMES[field["type"]]
