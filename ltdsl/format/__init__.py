"""The formatter: one canonical layout, the same recipe.

A formatted text is parsed again and compared with what was written before anybody gets to see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltdsl.format.layout import body, one_line, separated
from ltdsl.format.pieces import Reader
from ltdsl.format.proof import difference, silenced
from ltdsl.source import Source
from ltdsl.syntax.parser import parse_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.diagnostics import Diagnostic
    from ltdsl.format.pieces import Statement


class UnprovenError(Exception):
    """The formatted text would not be the same recipe: a mistake of the formatter."""


def format_source(source: Source) -> str | list[Diagnostic]:
    """A recipe in its canonical layout.

    Args:
        source: Its text.

    Returns:
        The formatted text; the syntax errors where there are any, since what does not parse has no layout.

    Raises:
        UnprovenError: The result is not what was written.
    """
    tree, problems = parse_file(source)
    if problems:
        return problems
    text = _formatted(source)
    changed = difference(source, tree, text)
    if changed:
        raise UnprovenError(f"formatting would change {changed}")
    return text


def _formatted(source: Source) -> str:
    statements = Reader(source).statements()
    rows = body(statements, "")
    groups = _groups(statements)
    written = [group for group in groups if statements[group[0]].kind != "comment"]
    for group in groups:
        if len(group) > 1 and len(written) == 1:
            _keep_on_one_line(group, statements, rows)
        _keep_silenced(group, statements, rows, source)
    lines = separated(statements, rows)
    return "".join(line + "\n" for line in lines)


def _groups(statements: Sequence[Statement]) -> list[list[int]]:
    """Statements by the lines they stand on together."""
    groups: list[list[int]] = []
    for i, statement in enumerate(statements):
        if statement.joined:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _keep_on_one_line(
    group: list[int], statements: Sequence[Statement], rows: list[list[str]]
) -> None:
    """A recipe that was written on one line stays on one where it fits."""
    text = one_line([statements[i] for i in group])
    if text is not None:
        after = statements[group[-1]].after
        _replace(group, rows, [f"{text}  {after}" if after else text])


def _keep_silenced(
    group: list[int], statements: Sequence[Statement], rows: list[list[str]], source: Source
) -> None:
    """Lines whose comment would silence something else after formatting stay as they are."""
    start, end = statements[group[0]].start, statements[group[-1]].end
    written = source.text[start:end]
    if "ltdsl" not in written:
        return
    new = "\n".join(line for i in group for line in rows[i])
    if silenced(Source("", new)) != silenced(Source("", written)):
        _replace(group, rows, [line.rstrip() for line in written.split("\n")])


def _replace(group: list[int], rows: list[list[str]], lines: list[str]) -> None:
    for i in group:
        rows[i] = []
    rows[group[0]] = lines
