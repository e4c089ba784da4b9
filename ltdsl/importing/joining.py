"""Trainings that start from others' weights, as the stages of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.diagnostics import report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.diagnostics import Diagnostic
    from ltdsl.importing.training import Training


def chain_of(
    last: Training, others: Sequence[Training], problems: list[Diagnostic]
) -> list[Training]:
    """The trainings that lead to one, the first that draws its weights before all.

    Args:
        last: The one whose recipe is wanted.
        others: Those that there are.
        problems: What could not be decided is added.
    """
    chain = [last]
    while (start := chain[0].start) is not None:
        found = [each for each in others if each.run == start.run and not each.makes]
        if not found:
            problems.append(
                report(
                    "LT604",
                    None,
                    f"{chain[0].source.name} starts from {start.path}, and no configuration here makes that",
                    help="import the configuration that makes it together with this one",
                )
            )
            break
        before = min(found, key=lambda each: (bool(each.posthoc), _distance(each, last)))
        if len({_trained(each) for each in found}) > 1:
            problems.append(
                report(
                    "LT604",
                    None,
                    f"{len(found)} configurations write to {start.run}, and train differently: "
                    f"{before.source.name} is taken",
                    help="import one of them together with this one",
                )
            )
        if before in chain:
            problems.append(
                report("LT602", None, f"{last.source.name} starts from what itself leads to")
            )
            break
        chain.insert(0, before)
    return chain


def _trained(each: Training) -> tuple[object, ...]:
    return (
        tuple(sorted(each.settings.items())),
        each.epochs,
        each.optimizer,
        each.schedule,
        each.milestones,
        each.rest,
        each.parts,
    )


def _distance(each: Training, other: Training) -> int:
    """Folders between two files."""
    mine, theirs = Path(each.source.name).parent.parts, Path(other.source.name).parent.parts
    common = 0
    for first, second in zip(mine, theirs, strict=False):
        if first != second:
            break
        common += 1
    return len(mine) + len(theirs) - 2 * common


def maps_of(training: Training, others: Sequence[Training], problems: list[Diagnostic]) -> str:
    """Arguments of `cam_bs` from the configuration that makes a training's images; empty for none.

    Args:
        training: One that uses such images.
        others: Those that there are.
        problems: What could not be found is added.
    """
    makers = [each for each in others if each.makes and each.makes == training.uses]
    if not makers:
        problems.append(
            report(
                "LT604",
                None,
                f"{training.source.name} uses images that no configuration here makes: {training.uses}",
                help="import the configuration that makes them together with this one, for its threshold",
            )
        )
        return ""
    return makers[0].maps
