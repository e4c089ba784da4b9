"""YAML with the place of each key, read as data: no tags, no aliases."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ltdsl.diagnostics import Diagnostic, report
from ltdsl.source import Source, Span

if TYPE_CHECKING:
    import yaml

T = TypeVar("T")


class Value(NamedTuple):
    """A value and where it stands.

    Attributes:
        value: A number, text, truth value, None, or a tuple of such.
        span: Its place; None for a default that is not written.
    """

    value: Any
    span: Span | None


class Unfit(Exception):  # noqa: N818 - it carries a diagnostic
    """A value has no meaning here, or none at all."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Configuration:
    """Values by dotted names, and which of them were asked for.

    Args:
        source: The text.
        values: Those that are written.
        defaults: Those that count where none is written.
    """

    def __init__(
        self, source: Source, values: Mapping[str, Value], defaults: Mapping[str, Any]
    ) -> None:
        self.source = source
        self._values = values
        self._defaults = defaults
        self._asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Value:
        """A value, or its default."""
        self._asked.add(name)
        return self._values.get(name) or Value(self._defaults.get(name), None)

    def text(self, name: str) -> str:
        """A value that is to be text."""
        return self._of(name, str, "text")

    def flag(self, name: str) -> bool:
        """A value that is to be true or false."""
        return self._of(name, bool, "true or false")

    def whole(self, name: str) -> int:
        """A value that is to be a whole number."""
        return self._of(name, int, "a whole number")

    def number(self, name: str) -> float:
        """A value that is to be a number."""
        found = self.get(name)
        if isinstance(found.value, bool) or not isinstance(found.value, int | float):
            raise self.unfit(name, f"`{name}` is to be a number")
        return float(found.value)

    def items(self, name: str) -> tuple[Any, ...]:
        """A value that is to be a list."""
        return self._of(name, tuple, "a list")

    def _of(self, name: str, kind: type[T], called: str) -> T:
        found = self.get(name)
        wrong = kind is int and isinstance(found.value, bool)
        if wrong or not isinstance(found.value, kind):
            raise self.unfit(name, f"`{name}` is to be {called}")
        return found.value

    def unfit(self, name: str, message: str, help: str = "") -> Unfit:  # noqa: A002
        """That the value of a name cannot be imported."""
        return Unfit(report("LT602", self.get(name).span, message, help=help))

    def unasked(self) -> Iterator[str]:
        """Names that are written and that nobody asked for."""
        yield from (name for name in self._values if name not in self._asked)


def read_yaml(source: Source) -> dict[str, Value]:
    """The values of a YAML text by dotted names.

    Args:
        source: The text, which may be a stranger's.

    Raises:
        Unfit: LT601, it is no YAML, no mapping, or has what a configuration does not need: tags and aliases.
    """
    import yaml

    try:
        node = yaml.compose(source.text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        span = None if mark is None else Span(source, mark.index, mark.index + 1)
        raise Unfit(report("LT601", span, f"this is no YAML: {error.problem}")) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        why = str(error).splitlines()[0] if str(error) else "it is nested too deeply"
        raise Unfit(report("LT601", None, f"{source.name} is no YAML: {why}")) from None
    if not isinstance(node, yaml.MappingNode):
        raise Unfit(report("LT601", None, f"{source.name} has no keys"))
    return dict(_flat(source, node, "", set()))


def _flat(
    source: Source, node: yaml.MappingNode, prefix: str, above: set[int]
) -> Iterator[tuple[str, Value]]:
    import yaml

    seen: set[str] = set()
    for key, value in node.value:
        span = Span(source, key.start_mark.index, key.end_mark.index)
        name = prefix + str(key.value)
        if name in seen:
            raise Unfit(report("LT601", span, f"`{name}` is written twice"))
        seen.add(name)
        if id(value) in above:
            raise Unfit(report("LT601", span, f"`{name}` contains itself"))
        if isinstance(value, yaml.MappingNode):
            above.add(id(value))  # an alias to a node that was seen repeats it: bombs are made so
            yield from _flat(source, value, f"{name}.", above)
        else:
            yield name, Value(_value(value, source), Span(source, span.start, value.end_mark.index))


def _value(node: yaml.Node, source: Source) -> Any:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        # none is nested: aliases in lists of lists would make a few lines endless
        scalars = (item for item in node.value if isinstance(item, yaml.ScalarNode))
        return tuple(_value(item, source) for item in scalars)
    if isinstance(node, yaml.MappingNode):
        return None
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        span = Span(source, node.start_mark.index, node.end_mark.index)
        raise Unfit(report("LT601", span, "this value is none that YAML itself has")) from None
    if isinstance(value, str):
        with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            value = ast.literal_eval(value)  # as yacs reads it: (32, 32), 2e-4
    if isinstance(value, list | tuple):
        return tuple(value)
    # text ends up in a recipe's
    if isinstance(value, str) and not (value.isprintable() and {'"', "\\"}.isdisjoint(value)):
        span = Span(source, node.start_mark.index, node.end_mark.index)
        raise Unfit(report("LT601", span, "this text has characters that no name here has"))
    return value
