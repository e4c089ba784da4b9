"""A console for tables, bars and colours that shows what strangers wrote, and does nothing of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ltdsl.system.terminal import raw, shown, shown_lines


class Console(RichConsole):
    """Rich's console; of plain strings, brackets are no markup, and each is one line.

    Args:
        err: Print to standard error.
        **options: Rich's.
    """

    def __init__(self, err: bool = False, **options: Any) -> None:
        # the guard of the streams would take this console's own colours for a stranger's
        ours = {"file": raw(sys.stderr if err else sys.stdout)}
        super().__init__(**ours | options, markup=False, highlight=False, emoji=False)

    def say(self, text: object) -> None:
        """Print a line that stays one however narrow the console is."""
        self.print(str(text), soft_wrap=True)

    def render_str(self, text: str, **styles: Any) -> Text:
        """A string, by itself or in a table, as one line."""
        return super().render_str(shown(text), **styles)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Whatever is printed, in pieces of text and of the console's own controls."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown_lines(segment.text), segment.style)
