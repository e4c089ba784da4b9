"""The outline of a recipe: its settings and stages."""

from __future__ import annotations

from lsprotocol import types as lsp

from ltdsl.lsp.text import Places
from ltdsl.source import Source
from ltdsl.syntax import Node, Setting, Stage, Statement, Use
from ltdsl.syntax.parser import parse_file

_MAX_DETAIL = 60


def outline(source: Source, places: Places) -> list[lsp.DocumentSymbol]:
    """Every statement that is well formed, in order."""
    tree, _ = parse_file(source)
    return [_symbol(statement, places) for statement in tree.statements]


def _symbol(statement: Statement, places: Places) -> lsp.DocumentSymbol:
    name: Node
    children: list[lsp.DocumentSymbol] = []
    if isinstance(statement, Use):
        name, title, kind = statement.path, f"use {statement.path.span.text}", lsp.SymbolKind.File
        detail = ""
    elif isinstance(statement, Setting):
        name, title, kind = statement.name, statement.name.text, lsp.SymbolKind.Property
        detail = statement.value.span.text
    else:
        name, title, kind = statement.name, statement.name.text, lsp.SymbolKind.Event
        detail = _chain(statement)
        children = [_symbol(own, places) for own in statement.overrides]
    detail = " ".join(detail.split())
    return lsp.DocumentSymbol(
        name=title,
        kind=kind,
        range=places.range(statement.span),
        selection_range=places.range(name.span),
        detail=detail if len(detail) <= _MAX_DETAIL else detail[: _MAX_DETAIL - 1] + "…",
        children=children,
    )


def _chain(stage: Stage) -> str:
    names = " + ".join(trick.name.text for trick in stage.tricks)
    return f"{names} {stage.start.span.text}" if stage.start else names
