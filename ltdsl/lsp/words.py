"""Completion of the field's words, with what is written here instead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol import types as lsp

from ltdsl.catalogue import INDEXES, TRICKS
from ltdsl.catalogue.glossary import GLOSSARY, Word
from ltdsl.lsp.context import Context, Place
from ltdsl.lsp.fields import base_of, fields_of
from ltdsl.recipe import Settings

_STAGE = re.compile(r"stage[0-9]: ([^;]*)")


def words(context: Context, typed: str) -> Iterator[lsp.CompletionItem]:
    """Words of the field that begin as what is typed, for where no name does.

    Args:
        context: What can stand at the cursor.
        typed: The word so far.
    """
    for name, word in GLOSSARY.items():
        if name.startswith(typed) and (text := _here(context, word)):
            yield lsp.CompletionItem(
                name,
                kind=lsp.CompletionItemKind.Text,
                detail=f"{word.what}: {text}",
                insert_text=text,
            )


def _here(context: Context, word: Word) -> str:
    """What to put at a place for a word; empty where nothing of it stands there."""
    line = word.write or word.use
    if context.place is Place.TRICK:
        stage = _STAGE.fullmatch(line)
        return stage[1] if stage else word.name if word.name in TRICKS else ""
    if context.place is Place.STATEMENT and not context.stages:
        if word.name in Settings.model_fields:
            return f"{word.name} = "
        return line if line.partition(" ")[0] in Settings.model_fields else ""
    if context.owner is None:
        return ""
    fields = fields_of(context.owner)
    if context.place is Place.VALUE and context.key in fields:
        base = base_of(fields[context.key])
        if base is not None and word.name in INDEXES[base]:
            return word.name
        return (
            line.removeprefix(f"{context.key} = ") if line.startswith(f"{context.key} = ") else ""
        )
    parameter = word.address.rpartition(".")[2]
    is_parameter = context.place is Place.PARAMETER and parameter in fields
    return f"{parameter} = " if is_parameter else ""
