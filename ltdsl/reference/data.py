"""What `ltdsl tricks` and `ltdsl explain` say, as plain data for other programs."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticUndefined

from ltdsl.catalogue import TRICKS, Entry, Trick
from ltdsl.catalogue.entry import write
from ltdsl.catalogue.fields import describe, fields_of, limits
from ltdsl.codes.table import CODES
from ltdsl.diagnostics import severity_of
from ltdsl.reference.explained import entries, explained


def tricks_data() -> list[dict[str, Any]]:
    """All tricks, by kind: see :func:`entry_data`."""
    return [entry_data(entry) for entry in TRICKS.values()]


def entry_data(entry: type[Entry]) -> dict[str, Any]:
    """What is declared of a name.

    Returns:
        ``name``, ``kind``, ``summary``; ``formula`` and ``citation``, empty where there is none; ``needs_weights`` of a
        trick; ``parameters``, each with ``name``, ``takes``, ``range``, ``default`` as a recipe writes it (None where
        it has to be given) and ``meaning``.
    """
    more = {"needs_weights": bool(entry.needs_weights)} if issubclass(entry, Trick) else {}
    return {
        "name": entry.name,
        "kind": entry.kind,
        "summary": entry.summary(),
        "formula": entry.formula,
        "citation": entry.citation,
        **more,
        "parameters": [
            {
                "name": name,
                "takes": describe(field.annotation),
                "range": limits(field.info),
                "default": _default(field.info),
                "meaning": field.info.description or "",
            }
            for name, field in fields_of(entry).items()
        ],
    }


def _default(info: Any) -> str | None:
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return None
    return "none" if value is None else write(value)


def explained_data(name: str) -> dict[str, Any]:
    """What is known under a name.

    Returns:
        ``name``; ``about``, what is declared of it (see :func:`entry_data`), of a code ``code``, ``title``,
        ``severity`` and ``explanation``, else None; ``text``, all that `ltdsl explain` shows, as Markdown.
    """
    code, entry = name.strip().upper(), entries().get(name.strip())
    about: dict[str, Any] | None = None
    if code in CODES:
        about = {
            "code": code,
            "title": CODES[code].title,
            "severity": severity_of(code).value,
            "explanation": CODES[code].explanation,
        }
    elif entry is not None:
        about = entry_data(entry)
    return {"name": name, "about": about, "text": explained(name)}
