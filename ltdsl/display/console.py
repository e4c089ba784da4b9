"""A console for tables, bars and colours that shows what strangers wrote, and does nothing of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any, Literal, TextIO

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ltdsl.system.terminal import coloured, json_shown, raw, say, shown, shown_lines

#: Columns of what is no terminal: nobody's lines are cut.
_WIDE = 100_000


def _colours(stream: TextIO) -> Literal["auto", "standard", "256", "truecolor"] | None:
    if not coloured(stream):
        return None
    if stream.isatty():
        return "auto"
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        return "truecolor"
    return "256" if os.environ.get("TERM", "").endswith("256color") else "standard"


#: Longer words are broken where a table is wider than the console.
_WORD = 64


def _keep_words(table: Table, width: int) -> None:
    """Give each column room for its longest word: names are copied, and half of one is none."""
    for column in table.columns:
        if column.no_wrap or column.width is not None or column.max_width is not None:
            continue
        words = [
            cell_len(word)
            for cell in (column.header, *column.cells)
            if isinstance(cell, str | Text)
            for word in str(cell).split()
        ]
        longest = min(max(words, default=0), max(_WORD, width // 2))
        column.min_width = max(column.min_width or 0, longest)
        column.overflow = "fold"


class Console(RichConsole):
    """Rich's console; of plain strings, brackets are no markup, and each is one line.

    What is no terminal gets lines as long as they are, unless the variable COLUMNS says how long they may be, and no
    moving bars, even where it gets colours.

    Args:
        err: Print to standard error.
        mute: Show nothing at all, no warnings either; ``quiet`` leaves these.
        **options: Rich's.
    """

    def __init__(self, err: bool = False, mute: bool = False, **options: Any) -> None:
        # the guard of the streams would take this console's own colours for a stranger's
        stream = raw(sys.stderr if err else sys.stdout)
        ours: dict[str, Any] = {"file": stream, "force_terminal": stream.isatty()}
        ours["color_system"] = _colours(stream)
        if not stream.isatty() and not os.environ.get("COLUMNS"):
            ours["width"] = _WIDE
        super().__init__(
            **ours | options | ({"quiet": True} if mute else {}),
            markup=False,
            highlight=False,
            emoji=False,
        )
        self.mute = mute

    @property
    def text_width(self) -> int:
        """Columns for what fills them, such as plots and bars."""
        return self.width if self.width < _WIDE else 100

    def warn(self, text: object, hint: str | None = None) -> None:
        """Print a warning on standard error.

        Args:
            text: A line.
            hint: What to do about it.
        """
        if not self.mute:
            say(text, err=True)
            if hint:
                say(f"  = help: {hint}", err=True)

    def print(self, *objects: Any, crop: bool = False, **options: Any) -> None:
        """Print; lines that are too long run over rather than lose their ends."""
        super().print(*objects, crop=crop, **options)

    def event(self, name: str, **facts: Any) -> None:
        """Tell a program what has happened; people are told by other means."""

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
        if isinstance(renderable, Table):
            options = options or self.options
            _keep_words(renderable, options.max_width)
            # where words find no room, lines run over: rich would leave out the columns that come last
            least = Measurement.get(self, options.update(max_width=_WIDE), renderable).minimum
            options = options.update(max_width=max(options.max_width, least))
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown_lines(segment.text), segment.style)


class EventConsole(Console):
    """A console on standard error, with events as JSON on standard output: an object a line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(err=True, **options)
        self._events = raw(sys.stdout)  # whatever takes its place while a bar moves

    def event(self, name: str, **facts: Any) -> None:
        """Print an event: its name, and what it is about."""
        text = json.dumps({"event": name, **facts}, ensure_ascii=False)
        self._events.write(json_shown(text) + "\n")
        self._events.flush()
