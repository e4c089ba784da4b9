"""From text to the syntax tree."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ltdsl import syntax
from ltdsl.diagnostics import Diagnostic, Severity, report
from ltdsl.source import Source, Span
from ltdsl.syntax.lalr import StartRule, TooDeepError, UnexpectedError
from ltdsl.syntax.scanner import count
from ltdsl.syntax.tree import Place, build
from ltdsl.system.opening import RECIPE, TooLargeError, UnfitError, read_file, read_named

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.syntax.recovery.recover import Recovery

MAX_BYTES = RECIPE
"""Larger files are refused."""

MAX_LINE = 1 << 16
"""Files with longer lines are refused: matching a word of a million characters takes much memory."""

MAX_PIECES = 10_000
"""Files of more words, marks, comments and lines are refused: each takes some time and memory."""


def read_source(
    path: Path, name: str | None = None, *, any_kind: bool = False
) -> Source | Diagnostic:
    """Reads a recipe file.

    Args:
        path: Where it is.
        name: What to call it in messages; the path as given unless told otherwise.
        any_kind: Take pipes and devices too, which may never end to be silent.

    Returns:
        The source with newlines normalised and without a byte-order mark, or why there is none.
    """
    name = str(path) if name is None else name
    try:
        data = read_named(path, MAX_BYTES) if any_kind else read_file(path, MAX_BYTES)
    except TooLargeError:
        return _too_large(name)
    except UnfitError:
        return report("LT007", None, f"`{name}` is no regular file")
    except FileNotFoundError:
        return report("LT007", None, f"there is no file `{name}`")
    except IsADirectoryError:
        return report("LT007", None, f"`{name}` is a folder, not a recipe file")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = getattr(error, "strerror", None) or str(error)
        return report("LT007", None, f"`{name}` cannot be read: {why}")
    return source_from_bytes(data, name, path)


def source_from_bytes(data: bytes, name: str, path: Path | None = None) -> Source | Diagnostic:
    """The source that the bytes of a file are, or why they are none; see :func:`read_source`."""
    if len(data) > MAX_BYTES:
        return _too_large(name)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return report("LT009", None, f"`{name}` is in UTF-16", help="save it as UTF-8")
    if b"\0" in data:
        return report("LT009", None, f"`{name}` is a binary file, not a recipe")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"`{name}` is not text in UTF-8: see line {line}"
        return report("LT009", None, message, help="save it as UTF-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MAX_LINE and max(map(len, text.split("\n"))) > MAX_LINE:
        message = f"`{name}` has a line of more than {MAX_LINE:,} characters"
        return report("LT008", None, message)
    if count(text, MAX_PIECES) > MAX_PIECES:
        message = (
            f"`{name}` has more than {MAX_PIECES:,} words, marks and lines, too many for a recipe"
        )
        return report("LT008", None, message)
    return Source(name, text, path)


def _too_large(name: str) -> Diagnostic:
    return report("LT008", None, f"`{name}` is larger than 1 MiB, too large for a recipe")


def parse_file(source: Source) -> tuple[syntax.File, list[Diagnostic]]:
    """Parses a recipe file.

    Args:
        source: Its text.

    Returns:
        All statements that are well formed, and all syntax errors by position.
    """
    try:
        statements, problems = build(source.text, "file", _places(source))
    except (UnexpectedError, TooDeepError) as error:
        recovery = _recovery(source)
        statements = recovery.file(error)
        problems = recovery.problems
    whole = Span(source, 0, len(source.text))
    return syntax.File(whole, tuple(statements)), _by_position(problems)


def parse_value(source: Source) -> tuple[syntax.Value | None, list[Diagnostic]]:
    """Parses command-line text as a value; None where it is none."""
    value, problems = _parse_piece(source, "value")
    return value, problems


def parse_chain(source: Source) -> tuple[tuple[syntax.Call, ...] | None, list[Diagnostic]]:
    """Parses command-line text as tricks joined by ``+``; None where it is not."""
    chain, problems = _parse_piece(source, "chain")
    return chain, problems


def parse_start(source: Source) -> tuple[syntax.Start | None, list[Diagnostic]]:
    """Parses command-line text as what follows an ``@``; None where it cannot."""
    start, problems = _parse_piece(source, "start")
    return start, problems


def _parse_piece(source: Source, rule: StartRule) -> tuple[Any, list[Diagnostic]]:
    try:
        node, problems = build(source.text.rstrip(), rule, _places(source))
    except (UnexpectedError, TooDeepError) as error:
        recovery = _recovery(source, whole=False)
        recovery.piece(error)
        return None, _by_position(recovery.problems)
    fatal = any(problem.severity is Severity.ERROR for problem in problems)
    return None if fatal else node, _by_position(problems)


def _recovery(source: Source, whole: bool = True) -> Recovery:
    from ltdsl.syntax.recovery.recover import (
        Recovery,  # most texts have no errors, so they need not wait for it
    )

    return Recovery(source, whole)


def _places(source: Source) -> Place:
    return partial(Span, source)


def _by_position(problems: list[Diagnostic]) -> list[Diagnostic]:
    last = float("inf")
    return sorted(problems, key=lambda p: (p.span.start, p.span.end) if p.span else (last, last))
