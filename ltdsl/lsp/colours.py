"""Semantic tokens: what each word is, as far as it is known; unknown names stay without colour."""

from __future__ import annotations

from lsprotocol import types as lsp

from ltdsl.lsp.nodes import pieces
from ltdsl.lsp.text import Places
from ltdsl.source import Source
from ltdsl.syntax.scanner import comments

_Type = lsp.SemanticTokenTypes

_TYPES = {
    "keyword": _Type.Keyword,
    "setting": _Type.Property,
    "stage": _Type.Event,
    "trick": _Type.Function,
    "entry": _Type.Type,
    "parameter": _Type.Parameter,
    "choice": _Type.EnumMember,
    "number": _Type.Number,
    "string": _Type.String,
    "comment": _Type.Comment,
}

LEGEND = lsp.SemanticTokensLegend([kind.value for kind in _TYPES.values()], [])
"""The protocol's own types, which every theme has a colour for."""


def colours(source: Source, places: Places) -> lsp.SemanticTokens:
    """All tokens as the protocol packs them: line and column from the token before, length, type, no modifiers."""
    found = [(p.span.start, p.span.end, p.kind) for p in pieces(source)]
    found += [(span.start, span.end, "comment") for span in comments(source)]
    found.sort()
    numbers = {kind: number for number, kind in enumerate(_TYPES)}
    data: list[int] = []
    line, reached = 0, 0  # of the token before: its line, and where it begins
    for start, end, kind in found:
        at, in_line = source.position(start)
        same = at - 1 == line
        begins = reached if same else start - in_line + 1
        units = places.units(source.text[begins:start])
        data += [
            at - 1 - line,
            units,
            places.units(source.text[start:end]),
            numbers[kind],
            0,
        ]
        line, reached = at - 1, start
    return lsp.SemanticTokens(data=data)
