"""Where each resolved value was written, in words, by address."""

from __future__ import annotations

from collections.abc import Iterable

from ltdsl.analysis.resolve import Resolved
from ltdsl.recipe import Overrides, Settings
from ltdsl.source import Span
from ltdsl.syntax import Argument, Call


def origin(span: Span) -> str:
    """``protocol of cifar10_lt``, ``--set`` or ``recipe.lt:3``."""
    if span.source.kind == "file":
        return f"{span.source.name}:{span.line}"
    return span.source.name


def origins(resolved: Resolved) -> dict[str, str]:
    """The origin of every value by address; ``default`` for those nobody wrote."""
    found = dict.fromkeys(Settings.model_fields, "default")
    found |= _of(resolved.settings.values(), "")
    for stage in resolved.stages:
        name = stage.name.text
        found[f"{name}.at"] = origin(stage.start.span) if stage.start else "default"
        for trick in stage.tricks:
            found[f"{name}.{trick.name.text}"] = origin(trick.name.span)
            found |= _of(trick.arguments, f"{name}.{trick.name.text}.")
        own = [stage.overrides[key] for key in Overrides.model_fields if key in stage.overrides]
        found |= _of(own, f"{name}.")
    return found


def _of(arguments: Iterable[Argument], prefix: str) -> dict[str, str]:
    found = {}
    for argument in arguments:
        address = f"{prefix}{argument.name.text}"
        if isinstance(argument.value, Call):
            found[address] = origin(argument.value.name.span)
            found |= _of(argument.value.arguments, f"{address}.")
        else:
            found[address] = origin(argument.value.span)
    return found
