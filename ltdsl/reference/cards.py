"""Cards: what the declarations say, as Markdown, for `ltdsl explain` and the reference page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ltdsl.advice.rules import RULES
from ltdsl.catalogue import (
    AUGMENTS,
    AVERAGES,
    CALIBRATIONS,
    CLASSIFIERS,
    CONSTRAINTS,
    DATASETS,
    LOSSES,
    MIXERS,
    MODELS,
    OPTIMIZERS,
    POSTHOC,
    SAMPLERS,
    SCHEDULES,
    SHARPNESS,
    TEACHERS,
    Dataset,
    Entry,
    Trick,
)
from ltdsl.catalogue.entry import write
from ltdsl.catalogue.fields import annotation_of, describe, limits
from ltdsl.codes.table import CODES
from ltdsl.diagnostics import Code, severity_of
from ltdsl.recipe import Overrides, Settings

#: What the catalogue holds, by heading.
SECTIONS: dict[str, Mapping[str, type[Entry]]] = {
    "Samplers": SAMPLERS,
    "Mixers": MIXERS,
    "Losses": LOSSES,
    "Classifiers": CLASSIFIERS,
    "Teachers": TEACHERS,
    "Posthoc": POSTHOC,
    "Data sets": DATASETS,
    "Models": MODELS,
    "Optimizers": OPTIMIZERS,
    "Sharpness": SHARPNESS,
    "Constraints": CONSTRAINTS,
    "Averages": AVERAGES,
    "Calibration": CALIBRATIONS,
    "Schedules": SCHEDULES,
    "Augmentations": AUGMENTS,
}


def card(entry: type[Entry]) -> str:
    """One entry: definition, parameters, citation."""
    parts = [f"### `{entry.name}`", " ".join((entry.__doc__ or "").split())]
    if entry.formula:
        parts.append(f"    {entry.formula}")
    if issubclass(entry, Trick) and entry.needs_weights:
        parts.append("Needs trained weights: a stage before it, or `init`.")
    if entry.model_fields:
        parts.append(parameters(entry))
    if issubclass(entry, Dataset):
        protocol = "\n".join(f"    {line}" for line in entry.protocol.strip().splitlines())
        parts.append(f"Protocol:\n\n{protocol}")
    if entry.citation:
        parts.append(f"*{entry.citation}.*")
    return "\n\n".join(parts)


def code_card(name: str, code: Code) -> str:
    """One diagnostic code."""
    return f"### `{name}` {code.title} ({severity_of(name).value})\n\n{code.explanation}"


def published(trick: str) -> str:
    """What was published with a trick, alone and in combination, and the rules about it; empty where nothing was."""
    from ltdsl.evidence.show import figures, mentioning

    rules = [f"* `{rule.code}` {rule.title}" for rule in RULES if trick in rule.about()]
    rows = mentioning(trick)
    parts = []
    if rows:
        parts += ["#### Published top-1 errors (%)", figures(rows, baseline=True)]
    if rules:
        parts += ["#### Known traps", "\n".join(rules)]
    return "\n\n".join(parts)


def compared(code: str) -> str:
    """The published rows that a rule compares; empty where it stands on something else."""
    from ltdsl.evidence.show import figures

    rows = [row for rule in RULES if rule.code == code for row in rule.rows()]
    return f"#### The rows it compares (top-1 error, %)\n\n{figures(rows)}" if rows else ""


def reference() -> str:
    """The whole reference page."""
    parts = [
        "# Reference",
        "Generated from the code by `make docs`: do not edit.",
        "## Settings",
        "Written `name = value`, before all stages. Those without a default take the value of the data set's protocol.",
        parameters(Settings),
        "## Stage settings",
        "Written in a stage's braces.",
        parameters(Overrides),
    ]
    for heading, entries in SECTIONS.items():
        parts += [f"## {heading}", *map(card, entries.values())]
    parts += ["## Diagnostics", *(code_card(name, code) for name, code in CODES.items())]
    return "\n\n".join(parts) + "\n"


def parameters(entry: type[Entry], only: str = "") -> str:
    """The parameters of an entry, or one of them, as a table."""
    rows = [
        (f"`{info.alias or name}`", _takes(info), _default(info), info.description or "")
        for name, info in entry.model_fields.items()
        if only in ("", info.alias or name)
    ]
    return _table(("name", "takes", "default", "meaning"), rows)


def _takes(info: FieldInfo) -> str:
    bounds = limits(info)
    return f"{describe(annotation_of(info))}{', ' if bounds else ''}{bounds}"


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None:
        return ""
    return f"`{write(value)}`"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )
