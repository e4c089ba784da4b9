"""A run that was trained, opened to be used: what its directory says, checked as a stranger's data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.places import Places

if TYPE_CHECKING:
    from ltdsl.plan import Plan

#: Names of 8,142 classes take a quarter of a megabyte.
MAX_FACTS_BYTES = 32 << 20

#: The checkpoints that every run has names for.
NAMED = ("last", "best")

#: In float32, which no image comes near to.
Mean = Annotated[float, Field(ge=-1e6, le=1e6)]
Deviation = Annotated[float, Field(ge=1e-12, le=1e6)]
Count = Annotated[int, Field(ge=1, le=2**40)]


class ViewFacts(BaseModel):
    """How an image of any size becomes the network's input; see :class:`ltdsl_runtime.data.image.View`."""

    model_config = ConfigDict(frozen=True)

    channels: Annotated[int, Field(ge=1, le=4)]
    height: Annotated[int, Field(ge=1, le=4096)]
    width: Annotated[int, Field(ge=1, le=4096)]
    ratio: Annotated[float, Field(ge=1, le=16)]


class DataFacts(BaseModel):
    """What run.json says of a run's data; see :meth:`ltdsl_runtime.data.LoadedData.describe`.

    Attributes:
        classes: One name a class, by label.
        train_counts: Training images of each class, validation taken out.
        mean, std: Of each channel's pixels, scaled to 0–1.
        view: How an image becomes the network's input.
    """

    model_config = ConfigDict(frozen=True)

    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    train_counts: tuple[Count, ...]
    mean: tuple[Mean, ...]
    std: tuple[Deviation, ...]
    view: ViewFacts

    @model_validator(mode="after")
    def _fits(self) -> DataFacts:
        if len(self.train_counts) != len(self.classes):
            raise ValueError("there are not as many counts as classes")
        if not len(self.mean) == len(self.std) == self.view.channels:
            raise ValueError("there are not as many means and deviations as channels")
        return self


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
    data: DataFacts
    facts: dict[str, Any]

    @property
    def finished(self) -> bool:
        """False where training was broken off or still goes on."""
        return self.facts.get("status") == "finished"

    @property
    def test_fingerprint(self) -> str | None:
        """Of the test images."""
        parts = self.facts.get("data_sha256")
        return parts.get("test") if isinstance(parts, dict) else None

    @property
    def places(self) -> Places:
        """Where the files are that it was begun with."""
        return Places(self.path, self.facts)

    @property
    def left_out(self) -> list[str]:
        """Names of the images that the run goes without, as they could not be read."""
        names = self.facts.get("unreadable")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

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
        path = self.path / "checkpoints" / f"{which}.ckpt"
        if not path.is_file():
            raise RunError("LT413", f"{self.path} has no {which} checkpoint", self._why_not(which))
        return path

    def checkpoints(self) -> list[str]:
        """Which of :data:`NAMED` there are.

        Raises:
            RunError: LT413, there is none.
        """
        self.checkpoint("last")
        return [name for name in NAMED if (self.path / "checkpoints" / f"{name}.ckpt").is_file()]

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
        raise RunError("LT413", f"{path / 'plan.json'} has a stage whose name is a path")
    facts = _facts(path / "run.json")
    if facts.get("plan_sha256") != plan.digest():
        raise RunError(
            "LT413",
            f"{path / 'plan.json'} is not the plan that {path / 'run.json'} was written for",
            "one of them was changed; use the run as it was",
        )
    try:
        data = DataFacts.model_validate(facts.get("data"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(("data", *map(str, first["loc"])))
        raise RunError(
            "LT413",
            f"{path / 'run.json'} does not say what the data were: {where}: {first['msg']}",
            "runs of other versions of ltdsl are used with those",
        ) from error
    if plan.class_counts is not None and len(plan.class_counts) != len(data.classes):
        raise RunError("LT413", f"{path / 'run.json'} has other classes than the run's plan")
    return Trained(path, plan, data, facts)


def _facts(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FACTS_BYTES + 1)
        facts = json.loads(text) if len(text) <= MAX_FACTS_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or "it is no JSON"
        raise RunError("LT413", f"{path} cannot be read: {why}", "name a run directory") from error
    if not isinstance(facts, dict):
        raise RunError("LT413", f"{path} is no description of a run", "name a run directory")
    return facts
