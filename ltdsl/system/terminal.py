"""Printing: what anybody wrote into a name, a file or a message is shown, and does nothing.

Terminals are steered by control characters, what they show is reordered by others, and CI services take lines that
begin with ``::`` or hold ``##[`` for commands. Here is the one way out for text: :func:`say` prints a line, and while
:func:`guarding` is on, whatever else writes to standard streams, libraries included, passes the same rule. Tables and
colours go through :class:`ltdsl.display.console.Console`, JSON through :func:`json_shown`, which keeps what it means.

Every script of the world stays readable: what joins or marks letters is left alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

#: Control characters but the tab; line ends of Unicode; what embeds, overrides or isolates a direction, not the marks
#: that Arabic and Hebrew need; what is invisible and joins nothing; halves of surrogate pairs, which stand for bytes
#: of file names that are no text.
_STEERS = re.compile(
    "[\0-\x08\n-\x1f\x7f-\x9f\xad\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)

#: Commands of GitHub's and Azure's runners: the first at the start of a line, the second anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:)|##(?=\[|vso\[)")


def shown(text: object) -> str:
    r"""Text as one line that can be printed: ``\x1b`` stands for ESC, ``\n`` for the end of a line."""
    line = str(text)
    if not (line.isascii() and line.isprintable()):
        line = _STEERS.sub(lambda found: ascii(found[0])[1:-1], line)
    return _COMMAND.sub(_no_command, line) if "::" in line or "##" in line else line


def shown_lines(text: str) -> str:
    """The same of a text of ours whose lines are meant."""
    return "\n".join(map(shown, text.split("\n"))) if "\n" in text else shown(text)


def _no_command(found: re.Match[str]) -> str:
    return r"#\x23" if found[0] == "##" else rf"{found[1]}\x3a"


def json_shown(text: str) -> str:
    """JSON that means the same, with what steers a terminal as JSON's own escapes: it stands in strings alone."""
    return _JSON_STEERS.sub(lambda found: _json_escape(found[0]), text)


#: Line ends stand between JSON's values too.
_JSON_STEERS = re.compile(_STEERS.pattern.replace("\n-", "\x0b-"))


def _json_escape(char: str) -> str:
    halves = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[at]:02x}{halves[at + 1]:02x}" for at in range(0, len(halves), 2))


@dataclass
class Verbosity:
    """How much is said beside what a command is there for.

    Attributes:
        quiet: Neither progress nor summaries.
        verbose: What was read and from where, besides.
        told: What was said once, and is not to be said again.
    """

    quiet: bool = False
    verbose: bool = False
    told: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """As before a command line is read."""
        self.quiet = self.verbose = False
        self.told.clear()


#: What the command line of this process asks for.
verbosity = Verbosity()


def coloured(stream: TextIO) -> bool:
    """Whether what is written to a stream is to have colours.

    ``NO_COLOR`` comes before ``FORCE_COLOR``, and that before what the stream is; an empty value is none.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def note(line: object) -> None:
    """Print a line on standard error for those who asked to be told more."""
    if verbosity.verbose:
        say(line, err=True)


def note_once(line: str) -> None:
    """Print a line as :func:`note` does, if nobody has said the same: several parts of a command find it out."""
    if verbosity.verbose:
        say_once(line)


def say_once(line: str) -> None:
    """Print a line on standard error that was not said there before."""
    if line not in verbosity.told:
        verbosity.told.add(line)
        say(line, err=True)


def summarize(line: object, err: bool = False) -> None:
    """Print a line that sums up or tells how things go on, unless nothing but results was asked for."""
    if not verbosity.quiet:
        say(line, err)


def say(line: object = "", err: bool = False) -> None:
    """Print a line."""
    stream = sys.stderr if err else sys.stdout
    print(shown(line), file=stream, flush=True)


def say_lines(text: str, err: bool = False) -> None:
    """Print a text whose lines are meant."""
    for line in text.split("\n"):
        say(line, err)


def data(text: str, err: bool = False) -> None:
    """Print what is no text but data in a form of its own, such as JSON, as it is."""
    stream = raw(sys.stderr if err else sys.stdout)
    stream.write(text)
    stream.flush()


class _Guarded:
    """A stream that shows what is written to it, and is like the one behind it otherwise."""

    def __init__(self, stream: TextIO) -> None:
        self.behind = stream

    def write(self, text: str) -> int:
        self.behind.write(shown_lines(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


def raw(stream: TextIO) -> TextIO:
    """The stream behind a guarded one."""
    return stream.behind if isinstance(stream, _Guarded) else stream


@contextlib.contextmanager
def guarding() -> Iterator[None]:
    """Let everything that is written to standard streams be shown as :func:`shown` says."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_Guarded(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
