"""Where the documentation of a code is: the one place that knows the address of the page of diagnostics."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from urllib.parse import urlsplit

from ltdsl.codes.table import CODES

#: Of the addresses that the package names itself (`project.urls`), that of the page of diagnostics.
LABEL = "Diagnostics"

_SCHEMES = ("https", "http", "file")


@cache
def published() -> str:
    """The address of the page as the installed package names it; empty where it names none."""
    try:
        named = metadata("ltdsl").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    pairs = (each.partition(",") for each in named)
    return next((address.strip() for label, _, address in pairs if label == LABEL), "")


def is_address(text: str) -> bool:
    """Whether a text is an address that an editor can open: http, https, or a file's."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    there = parts.path if parts.scheme == "file" else parts.netloc
    return parts.scheme in _SCHEMES and bool(there) and text.isprintable() and " " not in text


def link(code: str, page: str) -> str:
    """The place of a code on the page of diagnostics; empty where there is no page, or no such code.

    Args:
        code: Such as ``LT201``.
        page: The page's address.
    """
    if not page or code not in CODES:
        return ""
    return f"{page.partition('#')[0]}#{anchor(f'{code} {CODES[code].title}')}"


def anchor(heading: str) -> str:
    """A heading's anchor, on the built site as in a repository's own view of its pages."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
