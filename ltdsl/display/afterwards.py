"""Tables of what kept logits say under other posthoc tricks and test priors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

_GROUPS = ("many", "medium", "few")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} %"


def posthoc_table(found: Mapping[str, Any]) -> Table:
    """A row for each trick: the figures of the validation part that choose, then those of the test part."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    chooses = found["chosen"] is not None
    table.add_column(f"{found['checkpoint']} epoch", no_wrap=True)
    if chooses:
        table.caption = (
            "* highest macro recall on the validation part; the other columns are the test part's"
        )
        table.caption_justify = "left"
    heads = ["validation"] * chooses
    for name in (*heads, "macro recall", "top-1 error", *_GROUPS):
        table.add_column(name, justify="right")
    for number, row in enumerate(found["rows"]):
        test = row["test"]
        mark = " *" if number == found["chosen"] else ""
        cells = [_percent(row["validation"]["macro_recall"])] if chooses else []
        cells += [_percent(test["macro_recall"]), _percent(test["top1_error"])]
        cells += [_percent(test["groups"][name]) for name in _GROUPS]
        table.add_row((row["posthoc"] or "none") + mark, *cells)
    return table


def prior_table(found: Mapping[str, Any]) -> Table:
    """How right the model is under a test prior, as it is and corrected."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(f"{found['checkpoint']} epoch, under this test prior")
    table.add_column("right", justify="right")
    right = found["right"]
    table.add_row("as it is", _percent(right["as_it_is"]))
    table.add_row("corrected by the prior", _percent(right["known"]))
    table.add_row("corrected by its estimate from the images", _percent(right["estimated"]))
    table.add_row("estimate's distance from the prior", _percent(100 * found["distance"]))
    return table
