"""What is in the way of reading a run."""

from __future__ import annotations


class UnreadableError(Exception):
    """Something is no run, no plan or no recipe, or of another version; the message is one sentence.

    Attributes:
        hint: What to do about it, where that is known.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
