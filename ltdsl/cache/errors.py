"""What goes wrong with a cache."""

from __future__ import annotations

from functools import cache

from ltdsl.system.terminal import say

CODE = "LT480"


class CacheError(Exception):
    """The cache, or a part of it, cannot be used.

    Attributes:
        code: Stable code of the problem.
        message: One sentence without a full stop.
        hint: What to do about it.
    """

    code = CODE

    def __init__(self, message: str, hint: str = "name another folder with LTDSL_CACHE") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DamagedError(Exception):
    """An entry is not what its record says, or others could have changed it; its text says which."""


@cache
def warn(message: str, hint: str | None = None) -> None:
    """Say on standard error what goes on otherwise, once."""
    say(f"warning[{CODE}]: {message}", err=True)
    if hint:
        say(f"  = help: {hint}", err=True)
