"""Numbers of things in sentences."""

from __future__ import annotations

_VERBS = {"is": "are", "has": "have", "was": "were", "does": "do"}


def counted(number: int, noun: str, verb: str = "") -> str:
    """``1 image is``, ``1,204 images are``: so many of something.

    Args:
        number: How many.
        noun: What one of them is called.
        verb: What follows where it is one.
    """
    text = f"{number:,} {noun if number == 1 else plural(noun)}"
    if not verb:
        return text
    return f"{text} {verb if number == 1 else _VERBS.get(verb) or verb.removesuffix('s')}"


def plural(noun: str) -> str:
    """What several are called: ``classes``, ``entries``, ``images``."""
    if noun.endswith(("s", "x", "tch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
