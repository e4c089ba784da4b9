"""Completion: the names that can stand at the cursor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lsprotocol import types as lsp

from ltdsl.catalogue import INDEXES, TRICKS, Entry
from ltdsl.catalogue.tricks import KINDS
from ltdsl.lsp.context import Context, Place, context_at
from ltdsl.lsp.fields import base_of, choices, field_card, fields_of, is_list
from ltdsl.lsp.files import recipes_below
from ltdsl.lsp.text import Places
from ltdsl.lsp.words import words
from ltdsl.recipe import Settings
from ltdsl.reference.cards import card
from ltdsl.source import Source

TRIGGERS = (":", "=", "+", "(", "[", "{", ",", "@", '"', " ")
"""Characters after which an editor asks by itself."""

_REST_OF_WORD = re.compile(r"[\w-]*")
_REST_OF_PATH = re.compile(r'[^"\n]*')

_Kind = lsp.CompletionItemKind


def complete(source: Source, position: lsp.Position, places: Places) -> list[lsp.CompletionItem]:
    """What can be written at a position, the likeliest first."""
    offset = places.offset(source, position)
    context = context_at(source.text, offset)
    in_path = context.place is Place.PATH
    items = list(_paths(source.path) if in_path else _names(source.text, context))
    typed = source.text[context.start : offset]
    if typed and not any(item.label.startswith(typed) for item in items):
        items += words(context, typed)
    start = context.start + 1 if in_path else context.start
    # a word is replaced whole; where none is begun, nothing is
    rest = (_REST_OF_PATH if in_path else _REST_OF_WORD).match(source.text, offset)
    end = rest.end() if rest and (in_path or start < offset) else offset
    following = source.text[end : end + 80].lstrip(" \t")[:1]
    span = lsp.Range(places.position(source, start), places.position(source, end))
    result = []
    for rank, item in enumerate(items):
        text = item.insert_text or item.label
        if following and text.rstrip()[-1:] == following:
            text = text.rstrip()[:-1].rstrip()  # the `=`, `:` or quote is there already
        item.insert_text = None
        item.text_edit = lsp.TextEdit(span, text)
        item.sort_text = f"{rank:04d}"
        result.append(item)
    return result


def _names(text: str, context: Context) -> Iterable[lsp.CompletionItem]:
    """Items of every place but a path."""
    owner = context.owner
    if context.place is Place.TRICK:
        return _tricks(context.written)
    if context.place is Place.UNIT:
        return [_item("epoch", _Kind.Keyword, "unit", insert="epoch ")]
    if context.place is Place.STATEMENT:
        return _statements(text, context)
    if owner is None:
        return []
    if context.place is Place.VALUE:
        return _values(owner, context.key, context.listed)
    if context.place in (Place.PARAMETER, Place.STAGE_SETTING):
        return _fields(owner, context.written)
    return []


def _item(
    label: str, kind: lsp.CompletionItemKind, detail: str, insert: str = "", documentation: str = ""
) -> lsp.CompletionItem:
    markdown = lsp.MarkupContent(lsp.MarkupKind.Markdown, documentation) if documentation else None
    return lsp.CompletionItem(
        label, kind=kind, detail=detail, insert_text=insert or label, documentation=markdown
    )


def _entry(entry: type[Entry], insert: str = "") -> lsp.CompletionItem:
    return _item(entry.name, _Kind.Function, entry.kind, insert, card(entry))


def _statements(text: str, context: Context) -> Iterator[lsp.CompletionItem]:
    if not context.stages:
        yield from _fields(Settings, context.written)
    number = len(context.stages) + 1
    while re.search(rf"\bstage{number}[ \t]*:", text):
        number += 1
    yield _item(f"stage{number}", _Kind.Event, "stage", insert=f"stage{number}: ")
    if not context.stages and not context.written:
        yield _item("use", _Kind.Keyword, "settings of another file", insert='use "')


def _tricks(written: tuple[str, ...]) -> Iterator[lsp.CompletionItem]:
    """The tricks that are not there, those of a kind that is still free first."""
    taken = {TRICKS[name].kind for name in written if name in TRICKS}
    order = {kind.kind: place for place, kind in enumerate(KINDS)}
    entries = [entry for name, entry in TRICKS.items() if name not in written]
    entries.sort(key=lambda entry: (entry.kind in taken, order[entry.kind]))
    yield from map(_entry, entries)


def _fields(owner: type[Entry], written: tuple[str, ...]) -> Iterator[lsp.CompletionItem]:
    kind = _Kind.Property if owner.kind.endswith("setting") else _Kind.Field
    for name, info in fields_of(owner).items():
        if name not in written:
            yield _item(name, kind, owner.kind, f"{name} = ", field_card(name, info))


def _values(owner: type[Entry], key: str, listed: bool) -> Iterator[lsp.CompletionItem]:
    info = fields_of(owner).get(key)
    if info is None:
        return
    base, many = base_of(info), is_list(info)
    if listed and not many:
        return
    if base:
        for name, entry in INDEXES[base].items():
            yield _entry(entry, name if listed or not many else f"[{name}]")
    for choice in choices(info):
        yield _item(choice, _Kind.EnumMember, key)


def _paths(recipe: Path | None) -> Iterator[lsp.CompletionItem]:
    """The other .lt files in the recipe's folder and below."""
    if recipe is None:
        return
    for path in recipes_below(recipe.parent):
        if path != recipe:
            written = path.relative_to(recipe.parent).as_posix()
            yield _item(written, _Kind.File, "recipe file", insert=f'{written}"')
