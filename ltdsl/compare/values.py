"""Differences between two values: entries of the catalogue by parameter, everything else as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ltdsl.catalogue import Entry
from ltdsl.catalogue.entry import write


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        address: What differs, as ``--set`` calls it where it can be set: ``dataset.imbalance``, ``cs_ce.gamma``.
        old, new: Both values in the language's notation; None where there is none.
    """

    address: str
    old: str | None
    new: str | None

    @property
    def action(self) -> Literal["add", "remove", "change"]:
        """What happened on the way from old to new."""
        return "add" if self.old is None else "remove" if self.new is None else "change"


def differences(address: str, old: Any, new: Any, inner: str | None = None) -> Iterator[Change]:
    """Every difference between two values.

    Args:
        address: What they are called.
        old: One value; None is none.
        new: The other.
        inner: What their parameters are addressed under, where that is another name.
    """
    if old == new:
        return
    if isinstance(old, Entry) and isinstance(new, Entry) and type(old) is type(new):
        prefix = address if inner is None else inner
        for field, info in type(old).model_fields.items():
            below = f"{prefix}.{info.alias or field}"
            yield from differences(below, getattr(old, field), getattr(new, field))
        return
    texts = _text(old), _text(new)
    if texts[0] == texts[1]:  # they differ in digits that nobody writes
        texts = _exact(old), _exact(new)
    yield Change(address, *texts)


def _text(value: Any) -> str | None:
    return None if value is None else write(value)


def _exact(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_exact, value))}]"
    if isinstance(value, Entry):
        return json.dumps(value.model_dump(mode="json", by_alias=True))
    return repr(value)
