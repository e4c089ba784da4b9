"""Hovering and definitions: what the word at a place is, and where it leads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls import uris

from ltdsl.catalogue import INDEXES, TRICKS
from ltdsl.lsp.context import Context, Place, context_at
from ltdsl.lsp.fields import base_of, field_card, fields_of
from ltdsl.lsp.stages import stage_card, value_card
from ltdsl.lsp.text import Places
from ltdsl.reference.cards import card
from ltdsl.source import Source, Span
from ltdsl.syntax.scanner import NOTHING, Lexeme, scan
from ltdsl.system.paths import PathError, locate

if TYPE_CHECKING:
    from ltdsl.compiler import Compilation


def hover(
    source: Source,
    position: lsp.Position,
    places: Places,
    compiled: Callable[[], Compilation] | None = None,
) -> lsp.Hover | None:
    """The card of the name at a position; None where it is no known name.

    Args:
        source: The recipe.
        position: The place.
        places: How the editor counts.
        compiled: Compiles the recipe, for what a stage does and what a setting is here.
    """
    offset = places.offset(source, position)
    _, word, after = _at(source.text, offset)
    if word.kind != "name":
        return None
    span = Span(source, word.start, word.end)
    context = context_at(source.text, word.start)
    text = _card(context, span.text, after.kind)
    if compiled is not None:
        text = _with_values(text, context, span.text, after.kind, compiled)
    if not text:
        return None
    content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
    return lsp.Hover(content, places.range(span))


def _with_values(
    text: str, context: Context, word: str, after: str, compiled: Callable[[], Compilation]
) -> str:
    """A card with what the recipe makes of it."""
    if context.place is Place.STATEMENT and after == ":":
        return stage_card(word, compiled())
    if text and context.place is Place.STATEMENT:
        value = value_card(word, compiled())
    elif text and context.place is Place.STAGE_SETTING and context.stages:
        value = value_card(f"{context.stages[-1]}.{word}", compiled())
    else:
        return text
    return f"{text}\n\n{value}".strip()


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
