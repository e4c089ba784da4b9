"""The LT2xx family: tricks that were published not to go together, each with the words or figures that say so."""

from __future__ import annotations

from ltdsl.build import Report
from ltdsl.codes import report
from ltdsl.diagnostics import Label
from ltdsl.recipe import Recipe
from ltdsl.resolve import Resolved


def advise(recipe: Recipe, resolved: Resolved, problems: Report) -> None:
    """Run every rule over a checked recipe."""
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        if stage.sampler.name == "cam_bs" and stage.loss.name == "cs_ce":
            places = {call.name.text: call.span for call in written.tricks}
            problems(
                report(
                    "LT201",
                    places["cs_ce"],
                    "`cs_ce` together with `cam_bs` was published not to help",
                    others=(Label(places["cam_bs"], "both enlarge the influence of the tail"),),
                    note="the authors of Bag of Tricks (AAAI 2021): the combination “cannot further improve "
                    "the accuracy” and may overfit",
                    help=f"use `ce` in `{stage.name}`: `cam_bs` balances the classes already",
                )
            )
