"""A run that was trained, opened to be used: what its directory says, checked as a stranger's data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.layout import CHECKPOINTS, FACTS, PLAN
from ltdsl.runs.reading import Run, must_be_known
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.places import Places

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.runs.evaluation import Figures
    from ltdsl.runs.facts import Data, Facts

#: The checkpoints that every run has names for.
NAMED = ("last", "best")


@dataclass(frozen=True)
class Trained:
    """A run directory, to be read only.

    Attributes:
        path: The folder.
        plan: What it was trained by.
        data: What it was trained on.
        facts: All of run.json.
    """

    path: Path
    plan: Plan
    data: Data
    facts: Facts

    @property
    def finished(self) -> bool:
        """False where training was broken off or still goes on."""
        return self.facts.status == "finished"

    @property
    def test_fingerprint(self) -> str | None:
        """Of the test images."""
        return self.facts.data_sha256.get("test")

    @property
    def places(self) -> Places:
        """Where the files are that it was begun with."""
        return Places(self.path, self.facts)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the images that the run goes without, as they could not be read."""
        return self.facts.unreadable

    @property
    def preferred(self) -> str:
        """``best`` where the run has chosen one, else ``last``."""
        return self.checkpoints()[-1]

    def checkpoint(self, which: str) -> Path:
        """The file of ``last``, ``best``, or of any other checkpoint by its path.

        Raises:
            RunError: LT413, the run has no such checkpoint; LT411, there is no such file.
        """
        if which not in NAMED:
            path = Path(which)
            if not path.is_file():
                raise RunError("LT411", f"there is no checkpoint {path}", "last, best, or a path")
            return path
        path = self.path / CHECKPOINTS / f"{which}.ckpt"
        if not path.is_file():
            raise RunError("LT413", f"{self.path} has no {which} checkpoint", self._why_not(which))
        return path

    def checkpoints(self) -> list[str]:
        """Which of :data:`NAMED` there are.

        Raises:
            RunError: LT413, there is none.
        """
        self.checkpoint("last")
        return [name for name in NAMED if (self.path / CHECKPOINTS / f"{name}.ckpt").is_file()]

    def figures(self, which: str) -> Figures | None:
        """What was measured of one of :data:`NAMED` as the run ended; None where nothing was."""
        evaluation = Run(self.path, exact=True).evaluation
        found: Figures | None = getattr(evaluation, which, None) if which in NAMED else None
        return found

    def _why_not(self, which: str) -> str:
        if which == "best" and self.plan.best_on is None:
            return "nothing chose a best epoch: the recipe holds no validation part out"
        return "it has not come to the end of an epoch"


def open_run(path: Path, plan: Plan) -> Trained:
    """Open a run directory.

    Args:
        path: The folder.
        plan: What its plan.json holds.

    Raises:
        RunError: LT413, its run.json is missing, damaged or of another version, or does not belong to the plan.
    """
    if any(Path(stage.name).name != stage.name for stage in plan.stages):
        raise RunError("LT413", f"{path / PLAN} has a stage whose name is a path")
    run = Run(path, exact=True)
    facts = run.facts
    try:
        must_be_known(facts, path)
    except UnreadableError as error:
        raise RunError("LT413", str(error), error.hint) from error
    if facts.plan_sha256 != plan.digest():
        said = run.gaps_of(FACTS)
        if facts.plan_sha256 is None and said:
            raise RunError("LT413", f"{path}: {said[0].removesuffix('.')}", "name a run directory")
        raise RunError(
            "LT413",
            f"{path / PLAN} is not the plan that {path / FACTS} was written for",
            "one of them was changed; use the run as it was",
        )
    if facts.data is None:
        why = "".join(f": {gap.removesuffix('.')}" for gap in run.gaps_of(FACTS) if "`data" in gap)
        raise RunError(
            "LT413",
            f"{path / FACTS} does not say what the data were{why}",
            "runs of other versions of ltdsl are used with those",
        )
    if plan.class_counts is not None and len(plan.class_counts) != len(facts.data.classes):
        raise RunError("LT413", f"{path / FACTS} has other classes than the run's plan")
    return Trained(path, plan, facts.data, facts)
