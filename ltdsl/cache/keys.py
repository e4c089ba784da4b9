"""An entry's name: the SHA-256 of the facts that it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

#: Names and plain values: text, numbers, booleans, None, and lists and mappings of them.
Facts: TypeAlias = Mapping[str, Any]


def key_of(kind: str, version: int, facts: Facts) -> str:
    """64 hexadecimal digits, the same for the same facts in whatever order.

    Raises:
        TypeError: Facts that JSON does not hold, or would change: names that are no text.
        ValueError: A number that is not finite, or text that is no Unicode.
    """
    _plain(facts)
    whole = {"kind": kind, "version": version, "facts": facts}
    text = json.dumps(
        whole, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> None:
    """Refuse what JSON would take for something else: 1 as a name is "1" there."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str):
                raise TypeError(f"{name!r} is no name of a fact")
            _plain(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _plain(part)
