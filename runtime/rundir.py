"""The run directory: everything a run was given, and everything it found out."""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl import __version__
from ltdsl.files import json_text, write_atomically
from runtime.errors import RunError

if TYPE_CHECKING:
    from ltdsl.plan import Plan

#: Packages that have a part in the numbers.
PACKAGES = ("mindspore", "numpy", "mindcv")


class RunDirectory:
    """A folder that belongs to one run.

    Contents:
        recipe/: the recipe and the files it uses, as they were given.
        plan.json: the resolved plan.
        run.json: the plan's hash, command-line changes, versions, device, seed and fingerprints of the data; its
            ``status`` is ``running``, ``finished``, ``interrupted`` or ``failed``.
        metrics.jsonl: one JSON object an epoch.
        checkpoints/: last.ckpt and best.ckpt; the weights that stages with ``cam_bs`` started from.
        evaluation.json: the final figures.

    Args:
        path: The folder; made where it is missing.
        resume: Open a run that was begun instead.

    Raises:
        RunError: LT421, it holds something already or cannot be written to; LT422, it holds no run to resume.
    """

    def __init__(self, path: Path, resume: bool = False) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._facts: dict[str, Any] = self._begun() if resume else {}
        if not resume:
            self._make()

    def _make(self) -> None:
        path = self.path
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise RunError(
                    "LT421",
                    f"{path} holds files already",
                    "a run starts in a folder of its own: choose another with --out",
                )
            self.checkpoints.mkdir()
        except OSError as error:
            raise RunError(
                "LT421",
                f"cannot write to {path}: {error.strerror or error}",
                "choose another folder with --out",
            ) from error

    def _begun(self) -> dict[str, Any]:
        """What run.json says of a run that can go on."""
        try:
            facts = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
            status = facts["status"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                "LT422", f"{self.path} holds no run that can be resumed", "check the path"
            ) from error
        if status == "finished":
            raise RunError("LT422", f"the run in {self.path} is finished", "nothing is left to do")
        return facts

    def plan(self) -> Plan:
        """The plan that the run was begun with.

        Raises:
            RunError: LT422, it is missing, damaged, or of another version.
        """
        from ltdsl.plan import Plan

        try:
            plan = Plan.model_validate_json((self.path / "plan.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            message = f"{self.path / 'plan.json'} is missing, damaged, or of another version"
            raise RunError(
                "LT422", message, "resume with the version that began the run"
            ) from error
        if plan.digest() != self._facts.get("plan_sha256"):
            raise RunError("LT422", f"{self.path / 'plan.json'} is not the plan of this run")
        return plan

    def fact(self, name: str) -> Any:
        """An entry of run.json; None where there is none."""
        return self._facts.get(name)

    def metrics(self, epochs: int) -> list[dict[str, Any]]:
        """The lines of the first epochs; later ones, which no checkpoint stands for, are removed from the file."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [json.loads(line) for line in lines[:epochs]]
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
        return kept

    def begin(self, plan: Plan, recipe: dict[str, str], **facts: Any) -> None:
        """Record what the run was given.

        Args:
            plan: Written to plan.json.
            recipe: Texts of the recipe and the files it uses, by relative path.
            **facts: Further entries of run.json.
        """
        for name, text in recipe.items():
            target = self.path / "recipe" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, text)
        write_atomically(self.path / "plan.json", plan.to_json())
        self.note(
            status="running",
            plan_sha256=plan.digest(),
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            versions=versions(),
            platform=platform.platform(),
            seed=plan.seed,
            split_seed=plan.split_seed,
            **facts,
        )

    def note(self, **facts: Any) -> None:
        """Add entries to run.json."""
        self._facts |= facts
        self.write("run.json", self._facts)

    def write(self, name: str, data: Any) -> None:
        """Write JSON."""
        write_atomically(self.path / name, json_text(data))

    def record(self, **metrics: Any) -> None:
        """Append a line to metrics.jsonl."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")

    def checkpoint(self, name: str) -> Path:
        """The path of a checkpoint."""
        return self.checkpoints / f"{name}.ckpt"


def versions() -> dict[str, str]:
    """Versions of everything that has a part in the numbers."""
    own = {"ltdsl": __version__, "python": platform.python_version()}
    return own | {name: version(name) for name in PACKAGES if find_spec(name)}
