"""The LT2xx family: what was published about a recipe's arrangement, or follows from its class counts.

One file a rule or a family of rules; a rule's docstring is its documentation, and each stands on a
:mod:`basis <ltdsl.advice.basis>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltdsl.analysis.resolve import Resolved
    from ltdsl.diagnostics import Report
    from ltdsl.recipe import Recipe


def advise(
    recipe: Recipe, resolved: Resolved, counts: tuple[int, ...] | None, problems: Report
) -> None:
    """Run every rule over a checked recipe.

    Args:
        recipe: The recipe.
        resolved: Where its values were written.
        counts: Training images of each class; rules that need them are silent where they are None.
        problems: Receives what the rules find.
    """
    # the table of codes is made of the rules, so this package cannot load it while it is loaded
    from ltdsl.advice.case import Case
    from ltdsl.advice.rules import RULES
    from ltdsl.diagnostics import report

    case = Case(recipe, resolved, counts)
    said = set()
    for rule in RULES:
        if rule.needs_counts and counts is None:
            continue
        for found in rule.find(case):
            if rule.yields and found.span in said:
                continue
            said.add(found.span)
            problems(
                report(
                    rule.code,
                    found.span,
                    found.message,
                    label=found.label,
                    others=found.others,
                    help=found.help,
                    note="\n".join(str(basis) for basis in found.basis),
                    edit=found.edit,
                )
            )
