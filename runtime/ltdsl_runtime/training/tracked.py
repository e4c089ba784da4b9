"""What of a run directory trackers are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltdsl.runs import read_run
from ltdsl.runs.layout import EVALUATION, FACTS, PLAN, RECIPE
from ltdsl.system.writing import lies_in
from ltdsl_runtime.tracking import Tracking, attach
from ltdsl_runtime.tracking.told import About, figures, key_of, parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ltdsl.options import RunOptions
    from ltdsl.plan import Plan
    from ltdsl.runs.facts import Facts
    from ltdsl_runtime.rundir.directory import RunDirectory


def about(plan: Plan, facts: Facts, path: Path) -> About:
    """A run, as trackers are told of it."""
    tags = {"ltdsl.plan_sha256": plan.digest(), "ltdsl.device": facts.device or ""}
    tags |= {f"ltdsl.version.{name}": version for name, version in facts.versions.items()}
    tags |= {f"ltdsl.data.{part}": digest for part, digest in (facts.data_sha256 or {}).items()}
    return About(key_of(plan, facts), path.resolve().name, parameters(plan), tags, str(path))


def begin_tracking(
    plan: Plan, run: RunDirectory, options: RunOptions, warn: Callable[[str], None]
) -> Tracking:
    """Tell the trackers that were asked for that a run begins, or goes on."""
    known = lambda: read_run(run.path).metrics  # noqa: E731 - it is one expression
    return Tracking(options.track, about(plan, run.facts, run.path), known, warn)


def end_tracking(tracking: Tracking, run: RunDirectory, options: RunOptions) -> None:
    """Tell them how it ended, with the files that say so."""
    evaluation = read_run(run.path).evaluation if (run.path / EVALUATION).exists() else None
    results = figures(evaluation) if evaluation else None
    tracking.end(results, _files(run.path, options))


def report_tracked(run: Path, page: Path, options: RunOptions, warn: Callable[[str], None]) -> None:
    """Add a run's report to what trackers have of it."""
    from ltdsl.runs.plan import read_plan

    found = about(read_plan(run), read_run(run).facts, run)
    for name in options.track:
        attach(name, found, page, warn)


def _files(path: Path, options: RunOptions) -> Iterator[Path]:
    named = [path / name for name in (PLAN, FACTS, EVALUATION)]
    named += sorted((path / RECIPE).glob("*.lt"))
    if options.track_checkpoints:
        named += sorted((path / "checkpoints").glob("*.ckpt"))
    # the run may be a stranger's: no link of it gives a tracker what lies elsewhere
    yield from (each for each in named if each.is_file() and lies_in(each, path))
