"""Hovering and definitions: what the word at a place is, and where it leads."""

from __future__ import annotations

from lsprotocol import types as lsp
from pygls import uris

from ltdsl.catalogue import INDEXES, TRICKS
from ltdsl.lsp.context import Context, Place, context_at
from ltdsl.lsp.fields import base_of, field_card, fields_of
from ltdsl.lsp.text import Places
from ltdsl.reference.cards import card
from ltdsl.source import Source, Span
from ltdsl.syntax.scanner import NOTHING, Lexeme, scan
from ltdsl.system.paths import PathError, locate


def hover(source: Source, position: lsp.Position, places: Places) -> lsp.Hover | None:
    """The card of the name at a position; None where it is no known name."""
    offset = places.offset(source, position)
    _, word, after = _at(source.text, offset)
    if word.kind != "name":
        return None
    span = Span(source, word.start, word.end)
    text = _card(context_at(source.text, word.start), span.text, after.kind)
    if not text:
        return None
    content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
    return lsp.Hover(content, places.range(span))


def definition(source: Source, position: lsp.Position, places: Places) -> lsp.Location | None:
    """The file whose path is at a position, in a `use` statement."""
    offset = places.offset(source, position)
    before, word, after = _at(source.text, offset)
    if word.kind == "name" and after.kind == "string":
        before, word = word, after
    if source.path is None or word.kind != "string":
        return None
    if source.text[before.start : before.end] != "use":
        return None
    here = source.path.parent
    try:
        # wherever it is: going to a file is no use of it
        target = locate(source.text[word.start + 1 : word.end - 1], here, here, allow_outside=True)
        uri = uris.from_fs_path(str(target)) if target.is_file() else None
    except (PathError, OSError):  # OSError: a part that is too long
        return None
    return lsp.Location(uri, places.range(None)) if uri else None


def _at(text: str, offset: int) -> tuple[Lexeme, Lexeme, Lexeme]:
    """The lexeme at an offset with its neighbours; the right one where two meet, unless it is no word."""
    pieces = [NOTHING, *scan(text), NOTHING]
    touching = [i for i, p in enumerate(pieces) if p.start <= offset <= p.end and p is not NOTHING]
    words = [i for i in touching if pieces[i].kind in ("name", "string")]
    if not words:
        return NOTHING, NOTHING, NOTHING
    at = words[-1]
    return pieces[at - 1], pieces[at], pieces[at + 1]


def _card(context: Context, word: str, after: str) -> str:
    """What is known about a word in its place; empty where that is nothing."""
    owner = context.owner
    if context.place is Place.TRICK:
        return card(TRICKS[word]) if word in TRICKS else ""
    if owner is None:
        return ""
    known = fields_of(owner)
    if context.place is Place.VALUE:
        info = known.get(context.key)
        base = base_of(info) if info else None
        if base and word in INDEXES[base]:
            return card(INDEXES[base][word])
        return field_card(context.key, info) if info else ""
    if word in known and after != ":":
        return field_card(word, known[word])
    return ""
