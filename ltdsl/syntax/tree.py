"""From pieces of a text to the syntax tree, checking what single tokens look like."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from ltdsl import syntax
from ltdsl.diagnostics import Diagnostic, Edit, report
from ltdsl.source import Span
from ltdsl.syntax.lalr import StartRule, Token, parse
from ltdsl.syntax.scanner import shown

Number: TypeAlias = syntax.Integer | syntax.Float | syntax.Percent
Place: TypeAlias = Callable[[int, int], Span]
_T = TypeVar("_T")

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(%?)")
_NO_NUMBERS = {"inf", "infinity", "nan"}
_MAX_DIGITS = 18  # what fits 64 bits; also far below the length that int() refuses
MAX_NAME = 64

INCLUDES = ("use", "include", "import", "from")
"""Words that people try for including a file; the first is right."""

RESERVED = ("let", "ltdsl")
"""Words that cannot begin a statement yet."""


def snake_case(name: str) -> str:
    """The lower_snake_case spelling of a name; empty where nothing of it can be kept."""
    name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    name = re.sub(r"([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])", r"\1\3_\2", name)
    name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return name if NAME.fullmatch(name) else ""


class TreeBuilder:
    """Builds syntax nodes; what a diagnostic leaves without a value is left out of the tree.

    Its methods are named after the grammar's rules, and called from the leaves up.

    A misspelt name goes on under its suggested spelling, so that later checks can still look it up.

    Attributes:
        problems: What was found, in no particular order.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.problems: list[Diagnostic] = []

    def build(self, text: str, start: StartRule) -> Any:
        """What a text stands for; see :func:`build`."""
        nodes: dict[str, Callable[[list[Any]], Any]] = {
            "file": self.file,
            "stage": self.stage,
            "setting": self.setting,
            "use": self.use,
            "block": self.block,
            "start": self.start,
            "chain": self.chain,
            "call": self.call,
            "argument": self.argument,
            "sequence": self.sequence,
            "value": self.value,
        }
        return parse(text, start, nodes, {"NUMBER": self.number, "STRING": self.string})

    # Pieces

    def _span(self, first: Token | syntax.Node, last: Token | syntax.Node | None = None) -> Span:
        last = last or first
        start = self._token(first) if isinstance(first, Token) else first.span
        end = self._token(last) if isinstance(last, Token) else last.span
        return start.to(end)

    def _token(self, token: Token) -> Span:
        return self._place(token.start_pos, token.end_pos)

    def _problem(self, code: str, span: Span, message: str, **more: Any) -> None:
        self.problems.append(report(code, span, message, **more))

    def _identifier(self, token: Token) -> syntax.Identifier:
        span, text = self._token(token), token.text
        if len(text) > MAX_NAME:
            label = f"over {MAX_NAME} characters"
            self._problem("LT005", span, f"the name `{shown(text)}` is too long", label=label)
            return syntax.Identifier(span, text[:MAX_NAME])
        if not NAME.fullmatch(text):
            fixed = snake_case(text)
            self._problem(
                "LT005",
                span,
                f"`{shown(text)}` is not in lower_snake_case",
                help=f"write `{shown(fixed)}`" if fixed else "use a-z, 0-9 and single underscores",
                edit=Edit(span, fixed) if fixed else None,
            )
            text = fixed or text
        return syntax.Identifier(span, text)

    def number(self, token: Token) -> Number | None:
        """An integer, a float or a percentage."""
        span, text = self._token(token), token.text
        match = _NUMBER.fullmatch(text)
        if match is None:
            self._bad_number(span, text)
            return None
        fraction, exponent, percent = match.groups()
        if not (fraction or exponent or percent):
            if len(text.lstrip("-")) > _MAX_DIGITS:
                self._problem("LT004", span, "this integer is too large", label="over 18 digits")
                return None
            return syntax.Integer(span, int(text))
        value = float(text.rstrip("%"))
        if not math.isfinite(value):
            self._problem("LT004", span, f"`{shown(text)}` is too large for a number")
            return None
        return syntax.Percent(span, value) if percent else syntax.Float(span, value)

    def _bad_number(self, span: Span, text: str) -> None:
        fixed = text.replace("_", "")
        fixed = re.sub(r"^(-?)0+(?=[0-9])", r"\1", fixed)
        fixed = re.sub(r"^(-?)\.", r"\g<1>0.", fixed)
        fixed = re.sub(r"\.(?=[eE%]|$)", ".0", fixed)
        ok = _NUMBER.fullmatch(fixed)
        self._problem(
            "LT004",
            span,
            f"`{shown(text)}` is not a number",
            help=f"write `{shown(fixed)}`"
            if ok
            else "numbers look like `420`, `0.1`, `1e-4`, `80%`",
            edit=Edit(span, fixed) if ok else None,
        )

    def string(self, token: Token) -> syntax.String | None:
        """A string with its escapes resolved."""
        span, text = self._token(token), token.text
        body, position = [], 1
        while position < len(text) and text[position] != '"':
            if text[position] == "\\":
                position += 1
                letter = text[position : position + 1]
                if letter and letter not in '"\\':
                    self._bad_escape(token.start_pos + position - 1, letter, span)
                    return None
            body.append(text[position : position + 1])
            position += 1
        if position >= len(text):
            self.problems.append(unclosed_string(span))
            return None
        return syntax.String(span, "".join(body))

    def _bad_escape(self, start: int, letter: str, string: Span) -> None:
        doubled = re.sub(r'\\(["\\]?)', lambda m: m[0] if m[1] else "\\\\", string.text)
        self._problem(
            "LT003",
            self._place(start, start + 2),
            f"unknown escape `\\{shown(letter)}` in a string",
            help='only `\\"` and `\\\\` exist; write `\\\\` for a backslash, and `/` in paths',
            edit=Edit(string, doubled),
        )

    # Values

    def sequence(self, children: list[Any]) -> syntax.List:
        """``[a, b]``."""
        items = tuple(self._value(c) for c in children[1:-1] if c is not None)
        return syntax.List(
            self._span(children[0], children[-1]), tuple(i for i in items if i is not None)
        )

    def argument(self, children: list[Any]) -> syntax.Argument | None:
        """``key = value``."""
        name, value = self._identifier(children[0]), self._value(children[1])
        return None if value is None else syntax.Argument(self._span(name, value), name, value)

    def call(self, children: list[Any]) -> syntax.Call:
        """``name`` or ``name(key = value)``."""
        children = [c for c in children if c is not None]
        name = self._identifier(children[0])
        arguments = tuple(c for c in children if isinstance(c, syntax.Argument))
        return syntax.Call(self._span(name, children[-1]), name, arguments)

    def _value(self, node: Any) -> syntax.Value | None:
        """A value where a value can stand: there, a few bare names are something else."""
        if isinstance(node, syntax.Call) and node.span == node.name.span:
            if node.name.text in ("true", "false"):
                return syntax.Boolean(node.span, node.name.text == "true")
            if node.span.text.lower() in _NO_NUMBERS:
                # Written as the wrong kind of name or not, it is a number that does not exist here.
                self.problems = [p for p in self.problems if p.span != node.span]
                self._problem("LT004", node.span, f"`{node.span.text}` is not a number here")
                return None
        result: syntax.Value | None = node
        return result

    def value(self, children: list[Any]) -> syntax.Value | None:
        """A value alone."""
        return self._value(children[0])

    def chain(self, children: list[Any]) -> tuple[syntax.Call, ...]:
        """``trick + trick``."""
        return tuple(children)

    # Statements

    def _head(self, token: Token) -> syntax.Identifier | None:
        if token.text in RESERVED:
            self._problem(
                "LT010",
                self._token(token),
                f"`{token.text}` cannot begin a statement: it is reserved for later",
                help="choose another name",
            )
            return None
        return self._identifier(token)

    def setting(self, children: list[Any]) -> syntax.Setting | None:
        """``name = value``."""
        name, value = self._head(children[0]), self._value(children[1])
        if name is None or value is None:
            return None
        return syntax.Setting(self._span(name, value), name, value)

    def use(self, children: list[Any]) -> syntax.Use | None:
        """``use "path"``; the grammar takes any name for ``use``."""
        word, path = children
        if word.text != "use":
            span = self._token(word)
            if word.text in RESERVED:
                self._head(word)
            elif word.text.lower() in INCLUDES:
                self._problem(
                    "LT014",
                    span,
                    f"`{shown(word.text)}` does not include a file, `use` does",
                    help='write `use "path"`',
                    edit=Edit(span, "use"),
                )
            else:
                self._problem(
                    "LT001",
                    span,
                    f"expected `=` or `:` after `{shown(word.text)}`",
                    help=f"a setting is written `{shown(word.text)} = value`",
                )
            return None
        return None if path is None else syntax.Use(self._span(word, path), path)

    def start(self, children: list[Any]) -> syntax.Start | None:
        """``epoch 160`` or ``80%``, without the ``@``."""
        unit = None if children[0] is None else self._identifier(children[0])
        number: Number | None = children[1]
        if number is None:
            return None
        return syntax.Start(self._span(unit or number, number), unit, number)

    def block(self, children: list[Any]) -> tuple[syntax.Setting, ...]:
        """The inside of ``{ }``."""
        return tuple(c for c in children if c is not None)

    def stage(self, children: list[Any]) -> syntax.Stage | None:
        """``name: chain @ start { block }``."""
        word, tricks, at, start, overrides, brace = children
        name = self._head(word)
        if start is not None:
            start = syntax.Start(self._span(at, start), start.unit, start.value)
        if name is None:
            return None
        span = self._span(name, brace or start or tricks[-1])
        return syntax.Stage(span, name, tricks, start, overrides or ())

    def file(self, children: list[Any]) -> list[syntax.Statement]:
        """The statements of a file or of a piece of one."""
        return [c for c in children if c is not None]


def unclosed_string(span: Span) -> Diagnostic:
    """The report on a string that its line ends before it does."""
    return report(
        "LT003",
        span,
        "this string is never closed",
        label='no `"` before the end of the line',
        help='end the string with `"` on the line it begins on',
    )


def build(text: str, start: StartRule, place: Place) -> tuple[Any, list[Diagnostic]]:
    """What a text stands for, and what is wrong with its tokens.

    Args:
        text: The text.
        start: The rule of the grammar that it follows.
        place: From offsets in the text to a span.

    Returns:
        The node (the statements for a file, the calls for a chain) and the problems.

    Raises:
        UnexpectedError, TooDeepError: It does not follow the rule.
    """
    builder = TreeBuilder(place)
    return builder.build(text, start), builder.problems
