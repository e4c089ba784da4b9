"""Fixing: which suggested edits are safe to apply, and applying them."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from ltdsl.catalogue.glossary import look_up
from ltdsl.catalogue.names import one_slip
from ltdsl.diagnostics import Severity
from ltdsl.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ltdsl.catalogue import Entry
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

Misspelt names are replaced where they are no word of the field, one slip of the keyboard away from one name only, and
no digit differs: `input_mixpu` is safe, while `resnet33` or `cd_ce` could mean anything. Short words of a method's name
are one letter away from other methods (`bce` and `ce`), so in these nothing is safe. All other edits are for
`--unsafe-fixes`.
"""

HARM = ("LT0", "LT108", "LT110")
"""What replacing a name must not add to, whatever comes to light behind a mended mistake."""

SHORTEST = 5
"""Letters of the shortest word of a method's name in which a slip can be told from another method."""

_NO_STAGE = "LT111"  # a part of other recipes needs none
_IN_PARTS = ("LT0", "LT10", "LT110", "LT113", "LT115")
"""What is looked for where a syntax error may have cost a statement."""

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
    if look_up(written) is not None or re.findall("[0-9]+", written) != re.findall("[0-9]+", name):
        return False
    if name in _methods() and len(_slipped_word(written, name)) < SHORTEST:
        return False
    return {known for known in _vocabulary() | {name} if one_slip(written, known)} == {name}


def _slipped_word(written: str, name: str) -> str:
    """The word of a name that was not written as it is; empty where words were split or joined."""
    words, meant = written.split("_"), name.split("_")
    if len(words) != len(meant):
        return ""
    return next((right for wrong, right in zip(words, meant, strict=True) if wrong != right), "")


def _methods() -> frozenset[str]:
    """The names of tricks, models, data sets and all else that can be called."""
    from ltdsl.catalogue import INDEXES

    return frozenset(name for index in INDEXES.values() for name in index)


def _vocabulary() -> frozenset[str]:
    """Every name that a recipe can use."""
    from ltdsl.catalogue import INDEXES

    return _names(tuple(entry for index in INDEXES.values() for entry in index.values()))


@cache
def _names(entries: tuple[type[Entry], ...]) -> frozenset[str]:
    """Their names and those of their parameters, and all settings."""
    from ltdsl.recipe import Overrides, Settings

    names = {entry.name for entry in entries} | {*Settings.model_fields, *Overrides.model_fields}
    for entry in entries:
        names |= {info.alias or name for name, info in entry.model_fields.items()}
    return frozenset(names)


def fix(
    source: Source,
    compile: Callable[[Source], Compilation],  # noqa: A002 - it is what it does
    wanted: Callable[[Diagnostic], bool],
) -> tuple[Source, list[Diagnostic]]:
    """Apply edits to a recipe, not to the files it uses, where fewer problems remain.

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
    most = most_attempts(source)
    best, number = result, 0
    progress = True
    while progress and attempts < most:
        progress = False
        usable = [
            d
            for d in result.diagnostics
            if d.edit
            and d.edit.span.source is source
            and d.severity is not Severity.ADVICE  # what to train, nobody changes by the way
            and wanted(d)
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
            if _leads_on(after, result, len(attempt) if syntax else 0):
                source, result, progress = edited, after, True
                applied += attempt
                # what lay behind a mended mistake may have to be mended before there are fewer
                if _fewer(result, best):
                    best, number = result, len(applied)
                break
    return best.source, applied[:number]


def most_attempts(source: Source) -> int:
    """How often a text may be compiled to find out what its edits do."""
    return min(MAX_ATTEMPTS, max(4, MAX_CHARACTERS // (len(source.text) + 1)))


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


def mends(
    problem: Diagnostic,
    result: Compilation,
    compile: Callable[[Source], Compilation],  # noqa: A002 - it is what it does
) -> bool:
    """Whether fewer problems remain after a problem's edit alone; of advice, whether it is followed then.

    Args:
        problem: One with an edit in the recipe itself.
        result: The recipe, compiled.
        compile: Compiles it again.
    """
    if problem.edit is None:
        return False
    if problem.severity is Severity.ADVICE:
        return _follows(problem, result, compile(edit(result.source, [problem.edit])))
    return _fewer(compile(edit(result.source, [problem.edit])), result)


def _follows(problem: Diagnostic, before: Compilation, after: Compilation) -> bool:
    """Whether a recipe that follows an advice is one, and is no longer given it."""
    return (
        not after.failed
        and _problems(after, before) <= _problems(before, before)
        and _count(after, (problem.code,)) < _count(before, (problem.code,))
    )


def _leads_on(after: Compilation, before: Compilation, syntax: int) -> bool:
    """Whether edits, of which ``syntax`` are to syntax errors, mended these without breaking the text."""
    if _uncounted(before):
        return True
    counted = ("LT0",) if syntax else HARM
    return _count(after, counted) <= _count(before, counted) - syntax


def _fewer(after: Compilation, before: Compilation) -> bool:
    """Whether fewer problems are left: errors, or as many of them and fewer warnings."""
    return _uncounted(before) or _problems(after, before) < _problems(before, before)


def _problems(result: Compilation, like: Compilation) -> tuple[int, int]:
    """Errors and warnings, of codes that were looked for in another text; advice is given only where neither is."""
    found = [d for d in result.diagnostics if d.code != _NO_STAGE]
    if not like.resolved.whole:
        found = [d for d in found if d.code.startswith(_IN_PARTS)]
    severities = [problem.severity for problem in found]
    return severities.count(Severity.ERROR), severities.count(Severity.WARNING)


def _uncounted(result: Compilation) -> bool:
    """Whether a text has more errors than are reported."""
    return any(problem.code == "LT015" for problem in result.diagnostics)


def _count(result: Compilation, codes: tuple[str, ...]) -> int:
    return sum(d.code.startswith(codes) for d in result.diagnostics)
