"""Links: the files that a recipe names, those that are there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lsprotocol import types as lsp
from pygls import uris

from ltdsl.lsp.nodes import pieces
from ltdsl.lsp.text import Places
from ltdsl.source import Source, Span
from ltdsl.system.paths import PathError, locate

_MAX_LOOKS = 300
"""Strings that are looked up: each asks the disk."""


def links(
    source: Source, places: Places, allow_outside: bool = False
) -> Iterator[lsp.DocumentLink]:
    """Used recipes, weights and files of data, within the recipe's folder unless it is said otherwise."""
    if source.path is None:
        return
    here = source.path.parent
    for piece in islice((p for p in pieces(source) if p.kind == "string"), _MAX_LOOKS):
        try:
            target = locate(piece.text, here, here, allow_outside)
            uri = uris.from_fs_path(str(target)) if target.is_file() else None
        except (PathError, OSError, ValueError):  # OSError: a part that is too long
            continue
        if uri:
            inside = Span(source, piece.span.start + 1, piece.span.end - 1)
            yield lsp.DocumentLink(places.range(inside), target=uri)
