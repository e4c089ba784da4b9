"""Where the files that a recipe names may be: in the recipe's folder or below it, whatever links and `..` lead to."""

from __future__ import annotations

import os
from pathlib import Path

ALLOW = "--allow-outside"
"""The option that lifts the rule."""


MAX_LENGTH = 1000
"""Characters of a path."""


class PathError(ValueError):
    """A path leads nowhere, or out of the recipe's folder.

    Attributes:
        message: One sentence without a full stop.
        hint: What to do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def locate(written: str, base: Path, root: Path, allow_outside: bool = False) -> Path:
    """The file that a recipe names, with all links followed; it need not exist.

    Args:
        written: The path as it is written.
        base: The folder that it is relative to.
        root: The recipe's folder.
        allow_outside: Whether it may lie anywhere.

    Raises:
        PathError: It lies outside ``root``, or links lead in a circle.
    """
    if len(written) > MAX_LENGTH:
        raise PathError(f"a path of {len(written):,} characters is too long", "name a file")
    try:
        target, top = (base / written).resolve(), root.resolve()
    except (OSError, RuntimeError):  # Python before 3.13 raises RuntimeError for a loop
        message = f"`{written}` cannot be followed: its links lead in a circle"
        raise PathError(message, "point the link at a file") from None
    except ValueError:  # a NUL, or half of a surrogate pair
        raise PathError(f"`{written}` is no path", "name a file") from None
    if allow_outside or (not Path(written).is_absolute() and target.is_relative_to(top)):
        return target
    straight = Path(os.path.normpath(base.resolve() / written))
    message = f"`{written}` lies outside the recipe's folder"
    raise PathError(
        f"{message}, where a link leads" if straight.is_relative_to(top) else message,
        f"name a file in the recipe's folder or below it by a relative path, or allow this one with {ALLOW}",
    )
