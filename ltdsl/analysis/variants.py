"""Posthoc tricks that are tried on what a run has kept: a call in which an argument may be a list of values."""

from __future__ import annotations

from itertools import product

from ltdsl.analysis.values import build, find
from ltdsl.catalogue import Posthoc
from ltdsl.diagnostics import Diagnostic
from ltdsl.source import Source
from ltdsl.syntax import Call, List
from ltdsl.syntax.parser import parse_value

#: More than these are no table that anybody reads.
MOST = 200


def posthoc_variants(text: str) -> tuple[list[Posthoc], list[str]]:
    """Each posthoc trick that ``tau_norm(tau = [0, 0.5, 1])`` stands for, in order.

    Returns:
        The tricks, and what is wrong with the text; one of the two is empty.
    """
    problems: list[Diagnostic] = []
    node, found = parse_value(Source("--set posthoc", text))
    problems += found
    if not isinstance(node, Call):
        return [], [each.message for each in problems] or [
            "a posthoc trick is a name, such as `tau_norm(tau = 0.7)`"
        ]
    entry = find(node, Posthoc, problems.append)
    if entry is None:
        return [], [each.message for each in problems]
    choices = [
        [argument._replace(value=value) for value in argument.value.items]
        if isinstance(argument.value, List)
        else [argument]
        for argument in node.arguments
    ]
    chosen = list(product(*choices))
    if not 0 < len(chosen) <= MOST:
        return [], [f"these are {len(chosen):,} posthoc tricks, and a table has 1 to {MOST}"]
    built = [build(entry, arguments, node.span, problems.append) for arguments in chosen]
    if problems:
        return [], [each.message for each in problems]
    return [each for each in built if each is not None], []
