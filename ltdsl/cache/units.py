"""Sizes and ages as people write them."""

from __future__ import annotations

import re

_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BYTES |= {f"{unit}i": 1024**power for power, unit in enumerate("kmgt", start=1)}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_NAMES = {"d": "day", "h": "hour", "m": "minute"}


def parse_size(text: str) -> int:
    """Bytes of a size such as ``10 GB``, ``500M`` or ``2GiB``.

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([kmgt]?i?)b?", text.strip().lower())
    if not found or found[2] not in _BYTES:
        raise ValueError(f"`{text}` is no size: write it like 10GB or 500MB")
    return int(float(found[1]) * _BYTES[found[2]])


def parse_age(text: str) -> float:
    """Seconds of an age such as ``30d``, ``12h`` or ``2w``.

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([smhdw])", text.strip().lower())
    if not found:
        raise ValueError(f"`{text}` is no age: write it like 30d, 12h or 2w")
    return float(found[1]) * _SECONDS[found[2]]


def ago(seconds: float) -> str:
    """An age in words: ``3 days ago``."""
    for unit, name in _NAMES.items():
        count = int(seconds // _SECONDS[unit])
        if count > 0:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
