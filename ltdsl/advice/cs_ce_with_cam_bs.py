"""LT201."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Quotation
from ltdsl.advice.rule import Finding, Rule
from ltdsl.diagnostics import Edit, Label

if TYPE_CHECKING:
    from ltdsl.advice.case import Case

_WORDS = Quotation(
    "the combination “cannot further improve the accuracy” and may overfit",
    "the authors of Bag of Tricks (AAAI 2021)",
)


class CsCeWithCamBs(Rule):
    """A cost-sensitive loss together with CAM-based balanced sampling.

    Both enlarge the influence of the tail: `cam_bs` draws tail images more often, and `cs_ce` weighs each of them
    more. The authors of Bag of Tricks (AAAI 2021) write that the combination “cannot further improve the accuracy”
    and may overfit (issue 3 of the reference repository, quoting the paper).
    """

    code = "LT201"
    title = "cs_ce with cam_bs"
    grounds = (Quotation,)
    tricks = ("cs_ce", "cam_bs")
    bad = "stage2: cam_bs + cs_ce @ epoch 160"
    good = "stage2: cam_bs @ epoch 160"

    def find(self, case: Case) -> Iterator[Finding]:
        """Both tricks in one stage."""
        for stage in case.stages:
            if stage.has("cs_ce", "cam_bs"):
                yield Finding(
                    stage.place("cs_ce"),
                    "`cs_ce` together with `cam_bs` was published not to help",
                    (_WORDS,),
                    f"use `ce` in `{stage.name}`: `cam_bs` balances the classes already",
                    others=(
                        Label(stage.place("cam_bs"), "both enlarge the influence of the tail"),
                    ),
                    edit=Edit(stage.place("cs_ce"), "ce"),
                )
