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
from ltdsl.files import write_atomically
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

    Raises:
        RunError: LT421, it holds something already or cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._facts: dict[str, Any] = {}
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
        write_atomically(self.path / name, json.dumps(data, indent=2) + "\n")

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
