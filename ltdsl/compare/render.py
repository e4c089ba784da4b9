"""A comparison as text and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from ltdsl.compare.compare import Comparison, StageChange
from ltdsl.compare.values import Change
from ltdsl.system.terminal import shown
from ltdsl.wording import counted

_SIGNS = {"add": ("+", "green"), "remove": ("-", "red"), "change": ("~", "yellow")}


def lines(result: Comparison) -> Iterator[Text]:
    """The differences for people, in the form of ``+ ~ -``."""
    if result.settings:
        yield _line("change", "", "settings", bold=True)
        yield from _block(result.settings)
    for stage in result.stages:
        yield _heading(stage)
        yield from _block(stage.changes)
    if result.settings or result.stages:
        yield Text()
    yield Text(summary(result))


def summary(result: Comparison) -> str:
    """One line that counts."""
    if result.same:
        renamed = sum(stage.renamed for stage in result.stages)
        names = f"; {_count(renamed, 'stage')} renamed" if renamed else ""
        return f"same meaning{names}"
    parts = [_count(len(result.settings), "setting")] if result.settings else []
    changed = sum(stage.action == "change" for stage in result.stages)
    if changed:
        parts.append(_count(changed, "stage"))
    words = [f"{' and '.join(parts)} changed"] if parts else []
    for action, verb in (("add", "added"), ("remove", "removed"), ("rename", "renamed")):
        if number := sum(stage.action == action for stage in result.stages):
            words.append(f"{_count(number, 'stage')} {verb}")
    return ", ".join(words)


def as_data(result: Comparison) -> dict[str, Any]:
    """The differences for programs."""
    return {
        "same": result.same,
        "settings": [_data(change) for change in result.settings],
        "stages": [
            {
                "action": stage.action,
                "old": stage.old,
                "new": stage.new,
                "changes": [_data(change) for change in stage.changes],
            }
            for stage in result.stages
        ],
    }


def _data(change: Change) -> dict[str, str | None]:
    return {
        "action": change.action,
        "address": change.address,
        "old": change.old,
        "new": change.new,
    }


def _heading(stage: StageChange) -> Text:
    name = stage.new or stage.old or ""
    if stage.renamed:
        name = f"{stage.old} -> {stage.new}, renamed"
        name += " and changed" if stage.changes else ""
    action = "change" if stage.action == "rename" else stage.action
    return _line(action, "", f"stage {name}", bold=True)


def _block(changes: Sequence[Change]) -> Iterator[Text]:
    width = max((len(shown(change.address)) for change in changes), default=0)
    for change in changes:
        values = [value for value in (change.old, change.new) if value is not None]
        address = shown(change.address).ljust(width)
        yield _line(change.action, "    ", f"{address}  {' -> '.join(values)}")


def _line(action: str, indent: str, text: str, bold: bool = False) -> Text:
    sign, colour = _SIGNS[action]
    line = Text(indent)
    line.append(sign, style=colour)
    line.append(f" {shown(text)}", style="bold" if bold else "")
    return line


def _count(number: int, noun: str) -> str:
    return counted(number, noun)
