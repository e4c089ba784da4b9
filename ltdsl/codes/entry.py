"""Writing the tables of codes."""

from __future__ import annotations

from textwrap import dedent

from ltdsl.diagnostics import Code


def entry(title: str, text: str, bad: str = "", good: str = "", *, says: str = "") -> Code:
    """A code as the tables write it.

    Args:
        title: A few words.
        text: What it means, wrapped at will.
        bad: A recipe, or a part of one, with the mistake.
        good: The same without it.
        says: A message as it is printed, with its code and help, where no recipe can show it.
    """
    return Code(title, " ".join(text.split()), _plain(bad), _plain(good), says)


def _plain(example: str) -> str:
    return dedent(example).strip("\n")
