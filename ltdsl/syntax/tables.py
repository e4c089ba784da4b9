"""The parser's tables: what Lark makes of the grammar, kept beside this module's bytecode.

Lark reads the grammar and computes its states; that and its import take as long as a whole check without them. The
result is a function of the grammar alone, so it is kept with the grammar's text in it, which a reader compares. It is
JSON: whatever stands there, reading it runs nothing.
"""

from __future__ import annotations

import contextlib
import json
import sys
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple

from ltdsl.system.files import write_atomically

STARTS = ("file", "value", "chain", "start")

#: Raised when the same grammar is to be kept in another form.
_FORM = 2


class Rule(NamedTuple):
    """One way to write a rule of the grammar.

    Attributes:
        name: The rule's. One that begins with ``_`` is no node: its pieces stand in the node around it.
        size: How many symbols it has.
        kept: Of those that a node keeps, the place, whether it is replaced by its pieces, and how many optional ones
            were left out before it.
        missing: How many optional ones were left out at its end.
        words: The terminals among those that are kept.
    """

    name: str
    size: int
    kept: list[tuple[int, bool, int]]
    missing: int
    words: list[str]


class Tables(NamedTuple):
    """An LALR parser.

    Attributes:
        states: In each state, what a symbol leads to: another state, or, below 0, ``~i`` for reducing by rule ``i``.
        first: The state that each rule to start from begins in.
        last: The one that it ends in.
        rules: See there.
        terminals: Their regular expressions, by name.
        ignored: The terminals that mean nothing.
    """

    states: list[dict[str, int]]
    first: dict[str, int]
    last: dict[str, int]
    rules: list[Rule]
    terminals: dict[str, str]
    ignored: list[str]


def grammar_path() -> Path:
    """Where the grammar is: within the package when installed, else in the checkout."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "grammar" / "recipe.lark"
    return installed if installed.is_file() else here.parent / "grammar" / "recipe.lark"


@cache
def tables() -> Tables:
    """The tables of the grammar as it is: those kept, or else made anew and kept where that is possible."""
    grammar = grammar_path().read_text(encoding="utf-8")
    path = Path(cache_from_source(__file__)).with_name("recipe.lark.json")
    keeping = not sys.dont_write_bytecode
    if keeping:
        with contextlib.suppress(OSError, ValueError):
            if found := kept(path.read_text(encoding="utf-8"), grammar):
                return found
    text = json.dumps({"form": _FORM, "grammar": grammar, "tables": make(grammar)._asdict()})
    if keeping:
        with contextlib.suppress(OSError):  # an installation that is not the user's
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, text)
    found = kept(text, grammar)
    assert found is not None
    return found


def kept(text: str, grammar: str) -> Tables | None:
    """The tables that a text keeps; None where they are of another grammar, or it is damaged."""
    try:
        data = json.loads(text)
        if (data["form"], data["grammar"]) != (_FORM, grammar):
            return None
        found = Tables(**data["tables"])
        return found._replace(rules=[Rule(*rule) for rule in found.rules])
    except (ValueError, TypeError, KeyError):
        return None


def make(grammar: str) -> Tables:
    """Let Lark compute the tables of a grammar, of which each start rule has a node of its name."""
    from lark import Lark
    from lark.parsers.lalr_analysis import Shift

    lark = Lark(grammar, parser="lalr", lexer="basic", start=list(STARTS))
    table = lark.parser.parser._parse_table
    number = {rule: i for i, rule in enumerate(lark.rules)}
    rules = [_rule(rule) for rule in lark.rules]

    def step(action: Any, to: Any) -> int:
        if action is Shift:
            return int(to)
        if to not in number:  # that ends it all, which reaching the last state has done before
            number[to] = len(rules)
            rules.append(Rule(to.origin.name, len(to.expansion), [], 0, []))
        return ~number[to]

    places = {state: i for i, state in enumerate(table.states)}
    assert list(places) == list(range(len(places)))
    return Tables(
        [{symbol: step(*what) for symbol, what in table.states[state].items()} for state in places],
        table.start_states,
        table.end_states,
        rules,
        {terminal.name: terminal.pattern.to_regexp() for terminal in lark.terminals},
        lark.ignore_tokens,
    )


def _rule(rule: Any) -> Rule:
    """A rule of Lark's, with what its options say of the node."""
    options = rule.options
    assert not any((rule.alias, options.expand1, options.keep_all_tokens)), rule
    # one True for each optional symbol that was left out, in order, and one False for each that is there
    there = [not empty for empty in options.empty_indices] or [True] * len(rule.expansion)
    found: list[tuple[int, bool, int]] = []
    missing, place = 0, 0
    for is_there in there:
        if not is_there:
            missing += 1
            continue
        symbol = rule.expansion[place]
        if not (symbol.is_term and symbol.filter_out):
            found.append((place, not symbol.is_term and symbol.name.startswith("_"), missing))
            missing = 0
        place += 1
    words = [rule.expansion[place].name for place, _, _ in found if rule.expansion[place].is_term]
    return Rule(rule.origin.name, len(rule.expansion), found, missing, words)
