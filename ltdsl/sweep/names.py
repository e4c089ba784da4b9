"""Names of runs: readable, short, and safe as folder names everywhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from ltdsl.sweep.grid import Choice

#: Longer names are cut; file systems allow 255 bytes, and temporary files need some of them.
MAX_LENGTH = 120

Key = TypeVar("Key", str, Path)

_UNSAFE = re.compile(r"[^A-Za-z0-9._+%=-]+")


def safe(text: str) -> str:
    """Text of letters, digits and ``._+%=-`` only, other characters drawn together to one ``-``."""
    tight = re.sub(r"\s*([+=])\s*", r"\1", text.replace('"', " ").strip())
    return _UNSAFE.sub("-", tight).strip("-.") or "_"


def short_addresses(addresses: Iterable[str]) -> dict[str, str]:
    """Each address by as many of its last names as tell it from the others."""
    return _shortest({address: address.split(".") for address in addresses}, ".")


def short_paths(paths: Iterable[Path]) -> dict[Path, str]:
    """Each recipe by its file name, with as many folders as tell it from the others."""
    parts = {path: [*path.resolve().parts[1:-1], path.stem] for path in paths}
    return {path: safe(name) for path, name in _shortest(parts, "-").items()}


def run_names(choices: Sequence[Choice], digests: Sequence[str]) -> list[str]:
    """A name for each combination, such as ``imbalance=50,seed=1``.

    Recipes are named where there are several, or nothing else to name. A part of the plan's hash is added where names
    would be the same, or were cut.
    """
    addresses = short_addresses({address for choice in choices for address, _ in choice.changes})
    paths = short_paths({choice.recipe for choice in choices})
    whole = []
    for choice in choices:
        recipe = [paths[choice.recipe]] if len(paths) > 1 or not choice.changes else []
        values = [f"{addresses[address]}={safe(value)}" for address, value in choice.changes]
        whole.append(",".join(recipe + values))
    # a file system may not tell A from a
    seen = Counter(name.lower() for name in whole)
    return [
        name
        if seen[name.lower()] == 1 and len(name) <= MAX_LENGTH
        else f"{name[: MAX_LENGTH - 9]}-{digest[:8]}"
        for name, digest in zip(whole, digests, strict=True)
    ]


def _shortest(parts: dict[Key, list[str]], joint: str) -> dict[Key, str]:
    """Each key by the end of its parts, as long as any other key's parts end so too."""
    ends = {}
    for key, own in parts.items():
        others = [other for name, other in parts.items() if name != key]
        length = next(
            (n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)),
            len(own),
        )
        ends[key] = joint.join(own[-length:])
    return ends
