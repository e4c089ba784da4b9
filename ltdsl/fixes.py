"""Fixing: which suggested edits are safe to apply, and applying them."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from ltdsl.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ltdsl.compiler import Compilation
    from ltdsl.diagnostics import Diagnostic, Edit

SAFE = {
    "LT101": "a setting's name",
    "LT102": "a trick's name",
    "LT103": "a parameter's name",
    "LT104": "a name out of a fixed set",
    "LT9": "a deprecated name: what replaces it is known",
}
"""Codes, or their beginnings, whose edits `--fix` applies, and what they replace.

Misspelt names are replaced where they are one slip of the keyboard away from one name only, and no digit differs:
`input_mixpu` is safe, while `resnet33` or `cd_ce` could mean anything. All other edits are for `--unsafe-fixes`.
"""

HARM = ("LT0", "LT108", "LT110")
"""What replacing a name must not add to; what else comes to light behind a mended mistake was there before."""

MAX_ATTEMPTS = 60
MAX_CHARACTERS = 120_000
"""Bounds on compilations and on what they read together, so that fixing ends soon whatever the text is."""


def is_safe(diagnostic: Diagnostic) -> bool:
    """Whether an edit can be applied without looking at it."""
    if diagnostic.edit is None or not diagnostic.code.startswith(tuple(SAFE)):
        return False
    if diagnostic.code.startswith("LT9"):
        return True
    written, name = diagnostic.edit.span.text, diagnostic.edit.replacement
    if re.findall("[0-9]+", written) != re.findall("[0-9]+", name):
        return False
    return {known for known in _vocabulary() | {name} if one_slip(written, known)} == {name}


@cache
def _vocabulary() -> frozenset[str]:
    """Every name that a recipe can use."""
    from ltdsl.catalogue import INDEXES
    from ltdsl.recipe import Overrides, Settings

    entries = [entry for index in INDEXES.values() for entry in index.values()]
    names = {entry.name for entry in entries} | {*Settings.model_fields, *Overrides.model_fields}
    for entry in entries:
        names |= {info.alias or name for name, info in entry.model_fields.items()}
    return frozenset(names)


def one_slip(a: str, b: str) -> bool:
    """Whether texts differ by one letter that is missing, too many, another, or swapped with its neighbour."""
    if len(a) > len(b):
        a, b = b, a
    if a == b or len(b) - len(a) > 1:
        return False
    first = next(
        (i for i, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), len(a)
    )
    rest_a, rest_b = a[first:], b[first:]
    if len(a) < len(b):
        return rest_a == rest_b[1:]
    swapped = rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]
    return swapped or rest_a[1:] == rest_b[1:]


def fix(
    source: Source,
    compile: Callable[[Source], Compilation],  # noqa: A002 - it is what it does
    wanted: Callable[[Diagnostic], bool],
) -> tuple[Source, list[Diagnostic]]:
    """Apply edits to a recipe, not to the files it uses, for as long as they mend something.

    Args:
        source: The recipe.
        compile: Compiles it, with the same options each time.
        wanted: Which diagnostics' edits to apply.

    Returns:
        The recipe after it, and the diagnostics whose edits were applied.
    """
    applied: list[Diagnostic] = []
    result = compile(source)
    attempts = 0
    most = min(MAX_ATTEMPTS, max(4, MAX_CHARACTERS // (len(source.text) + 1)))
    progress = True
    while progress and attempts < most:
        progress = False
        usable = [
            d for d in result.diagnostics if d.edit and d.edit.span.source is source and wanted(d)
        ]
        # syntax first; all together, or where that does harm, the first that does not
        syntax = [d for d in usable if d.code.startswith("LT0")]
        batch = apart(syntax or usable)
        for attempt in [batch] if len(batch) < 2 else [batch, *([d] for d in batch)]:
            edited = edit(source, [d.edit for d in attempt if d.edit])
            if edited.text == source.text or attempts >= most:
                break
            attempts += 1
            after = compile(edited)
            if _mends(after, result, len(attempt) if syntax else 0):
                source, result, progress = edited, after, True
                applied += attempt
                break
    return source, applied


def apart(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics whose edits do not touch each other, by position; of those that do, the first."""
    chosen: list[Diagnostic] = []
    end = -1
    edits = [(d.edit.span.start, d.edit.span.end, d) for d in diagnostics if d.edit]
    for start, stop, diagnostic in sorted(edits, key=lambda each: each[:2]):
        if start > end:
            chosen.append(diagnostic)
            end = stop
    return chosen


def edit(source: Source, edits: Sequence[Edit]) -> Source:
    """A source with edits applied, which are in order and apart."""
    pieces: list[str] = []
    position = 0
    for each in edits:
        pieces += [source.text[position : each.span.start], each.replacement]
        position = each.span.end
    return replace(source, text="".join([*pieces, source.text[position:]]))


def _mends(after: Compilation, before: Compilation, syntax: int) -> bool:
    """Whether edits, of which ``syntax`` are to syntax errors, did what they were to do."""
    if any(d.code == "LT015" for d in before.diagnostics):
        return True  # not all were counted
    counted = ("LT0",) if syntax else HARM
    return _count(after, counted) <= _count(before, counted) - syntax


def _count(result: Compilation, codes: tuple[str, ...]) -> int:
    return sum(d.code.startswith(codes) for d in result.diagnostics)
