"""The one exception for what a user can act on: shown as a sentence, without a traceback."""

from __future__ import annotations


class RunError(Exception):
    """A run, or something done with one, cannot start or go on, for a reason that the user can act on.

    Attributes:
        code: Stable code of the problem (family LT4xx: data, machine, installation).
        message: What is wrong, one sentence.
        hint: What to do about it, or None.
    """

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.code}: {self.message}"
        return text if self.hint is None else f"{text}\n  hint: {self.hint}"
