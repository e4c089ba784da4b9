"""Choosing diagnostics by their codes: `--select LT2 --ignore LT204`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.diagnostics import Diagnostic


@dataclass(frozen=True)
class Selection:
    """Codes or beginnings of codes.

    Attributes:
        select: Those to show; empty for all.
        ignore: Those of them to leave out.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def __contains__(self, diagnostic: Diagnostic) -> bool:
        return not self.left_out_by(diagnostic)

    def left_out_by(self, diagnostic: Diagnostic) -> str:
        """``select`` or ``ignore``, whichever leaves it out; nothing where it is shown."""
        if self.select and not diagnostic.code.startswith(self.select):
            return "select"
        return "ignore" if diagnostic.code.startswith(self.ignore) else ""


def selection(select: Sequence[str], ignore: Sequence[str]) -> Selection:
    """A selection from what was typed.

    Raises:
        ValueError: No code begins like this.
    """
    return Selection(_known(select), _known(ignore))


def _known(typed: Sequence[str]) -> tuple[str, ...]:
    if not typed:
        return ()
    from ltdsl.codes.table import CODES

    codes = tuple(code.strip().upper() for each in typed for code in each.split(","))
    for code in codes:
        # LT9, deprecation, has no code yet
        if code != "LT9" and not (code and any(known.startswith(code) for known in CODES)):
            raise ValueError(f"no code begins with `{code}`; codes look like LT201 or LT2")
    return codes
