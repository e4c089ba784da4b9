"""What to write instead of a name that is none here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ltdsl.catalogue.glossary import look_up
from ltdsl.catalogue.names import nearest
from ltdsl.diagnostics import Edit
from ltdsl.source import Span


class Suggestion(NamedTuple):
    """What a diagnostic says about an unknown name.

    Attributes:
        label: What the word means, where the field knows it.
        help: What to do.
        edit: A name that could stand there.
    """

    label: str = ""
    help: str = ""
    edit: Edit | None = None


def suggest(
    name: str, place: Span, known: Iterable[str], otherwise: str = "", label: str = ""
) -> Suggestion:
    """What the glossary says about a word, or else the nearest name.

    Args:
        name: What was written.
        place: Where.
        known: Names that could stand there.
        otherwise: The help where nothing is near.
        label: The label where the field does not know the word.
    """
    known = list(known)
    word = look_up(name)
    if word is not None:
        edit = Edit(place, word.name) if word.name in known else None
        return Suggestion(word.what, word.answer, edit)
    close = nearest(name, known)
    if close is not None:
        return Suggestion(label, f"did you mean `{close}`?", Edit(place, close))
    return Suggestion(label, otherwise)
