"""What a formatter must not change: the syntax tree, the comments, and what comments silence."""

from __future__ import annotations

import re
from typing import Any

from ltdsl import syntax
from ltdsl.source import Source
from ltdsl.syntax.parser import MAX_BYTES, parse_file
from ltdsl.syntax.scanner import comments, scan

_SILENCES = re.compile(r"#\s*ltdsl\s*:")


def difference(before: Source, tree: syntax.File, after: str) -> str:
    """What a formatted text changes that it must not; empty where it is the same recipe."""
    source = Source(before.name, after)
    again, problems = parse_file(source)
    if problems or bare(again) != bare(tree):
        return "the syntax tree"
    if _texts(source) != _texts(before):
        return "a comment"
    if silenced(source) != silenced(before):
        return "what a comment silences"
    if len(after.encode()) > MAX_BYTES:
        return "the size, to more than 1 MiB"
    return ""


def bare(node: Any) -> Any:
    """A tree without its places."""
    if isinstance(node, syntax.Node):
        parts = [getattr(node, name) for name in node._fields if name != "span"]
        return type(node).__name__, *map(bare, parts)
    if isinstance(node, tuple):
        return tuple(map(bare, node))
    return repr(node)


def _texts(source: Source) -> list[str]:
    return [comment.text.rstrip() for comment in comments(source)]


def silenced(source: Source) -> list[list[str]]:
    """The words on the line of each comment that is for the compiler: it acts on these."""
    ours = [each for each in comments(source) if _SILENCES.match(each.text)]
    if not ours:
        return []
    lines: dict[int, list[str]] = {each.line: [] for each in ours}
    for piece in scan(source.text):
        if piece.kind in ("name", "number", "string"):
            line = source.position(piece.start)[0]
            if line in lines:
                lines[line].append(source.text[piece.start : piece.end])
    return list(lines.values())
