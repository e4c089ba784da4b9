"""What can be in a report's way."""

from __future__ import annotations


class ReportError(Exception):
    """A report cannot be made.

    Args:
        code: Its code.
        message: One sentence without a full stop.
        hint: What to do about it.
    """

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
