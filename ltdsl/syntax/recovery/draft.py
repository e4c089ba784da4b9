"""A statement's text while it is being mended, so that parsing can go on behind a mistake."""

from __future__ import annotations

from ltdsl.diagnostics import Diagnostic, Edit, Label
from ltdsl.source import Source, Span


class Draft:
    """A part of a source to which edits are applied; positions lead back to the source.

    Attributes:
        source: The text with the edits, as a source of its own.
    """

    def __init__(self, original: Source, start: int, end: int) -> None:
        self.source = Source(original.name, original.text[start:end])
        self._original = original
        self._origins = list(range(start, end + 1))

    def place(self, start: int, end: int) -> Span:
        """Where in the original a range of the draft is."""
        return Span(self._original, self._origins[start], self._origins[end])

    def apply(self, edit: Edit) -> None:
        """Changes the draft; the edit's span counts within it."""
        start, end, text = edit.span.start, edit.span.end, self.source.text
        self.source = Source(self.source.name, text[:start] + edit.replacement + text[end:])
        self._origins[start:end] = [self._origins[start]] * len(edit.replacement)

    def moved(self, diagnostic: Diagnostic) -> Diagnostic:
        """A diagnostic about the draft as one about the original."""
        span, edit = diagnostic.span, diagnostic.edit
        return diagnostic._replace(
            span=span and self._moved(span),
            others=tuple(Label(self._moved(o.span), o.text) for o in diagnostic.others),
            edit=edit and Edit(self._moved(edit.span), edit.replacement),
        )

    def _moved(self, span: Span) -> Span:
        return self.place(span.start, span.end)
