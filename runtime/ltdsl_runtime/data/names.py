"""Names of classes and files: what the disk, lists and people call the same thing."""

from __future__ import annotations

import os
import unicodedata


def readable(name: str) -> str:
    r"""A name that can be shown and written: bytes of another encoding than UTF-8 as ``\xe9``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def called(name: str) -> str:
    """A class's name, so that two spellings of the same letters are one: readable, in Unicode's form NFC.

    macOS writes an accent as a sign of its own, after its letter; Linux and Windows write both as one.
    """
    return unicodedata.normalize("NFC", readable(name))


def spellings(name: str) -> tuple[str, ...]:
    """Other ways in which a disk may write a name that looks the same; none for ASCII."""
    if name.isascii():
        return ()
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return tuple(form for form in forms if form != name)
