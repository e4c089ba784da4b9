"""What `ltdsl run` would refuse before training, for `ltdsl check --data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.cli.output import need

if TYPE_CHECKING:
    from ltdsl.compiler import Compilation
    from ltdsl.diagnostics import Diagnostic


def refused(result: Compilation, data: Path) -> list[Diagnostic]:
    """What neither text nor class counts say: checkpoints that are not there, and a model that a stage cannot use.

    Args:
        result: A recipe, compiled with the counts of its images.
        data: ``--data``.
    """
    from ltdsl.analysis.checkpoints import check_present

    found: list[Diagnostic] = []
    if result.recipe is None:
        return found
    check_present(result.recipe, result.resolved, result.source, found.append)
    maps = any(stage.sampler.needs_weights for stage in result.recipe.stages)
    if maps and result.recipe.settings.model.weighs_maps is None:
        found += unsuitable(result, data)
    return found


def unsuitable(result: Compilation, data: Path) -> list[Diagnostic]:
    """Build the model, and see whether its maps can be used."""
    need("trying the model with `cam_bs`", "train")
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.machine.device import prepare

    from ltdsl.diagnostics import report

    assert result.plan is not None
    path = result.source.path
    try:
        prepare("cpu-plain")  # nothing is trained
        from ltdsl_runtime.training.preconditions import model_must_suit

        model_must_suit(result.plan, data, path.parent if path else Path())
    except RunError as error:
        place = result.resolved.settings["model"].span
        return [report(error.code, place, error.message, help=error.hint or "")]
    return []
