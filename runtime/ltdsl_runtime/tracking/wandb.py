"""Weights & Biases: its own variables say where to (WANDB_PROJECT, WANDB_ENTITY) and how (WANDB_MODE=offline)."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.system.writing import folder
from ltdsl_runtime.tracking.told import scalars

if TYPE_CHECKING:
    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.tracking.told import About


class WandB:
    """A run of Weights & Biases."""

    def __init__(self) -> None:
        os.environ.setdefault("WANDB_SILENT", "true")  # what a run prints is ltdsl's
        self._wandb: Any = import_module("wandb")
        self._run: Any = None

    def begin(self, about: About) -> None:
        """Begin the run, or go on with the one of the same key; what it has at a step already, it keeps."""
        named = os.environ.get("WANDB_DIR")
        if not named:  # the run may be a stranger's, and a link there lead out of it
            folder(Path(about.folder), "wandb")
        self._run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", "ltdsl"),
            id=about.key,
            name=about.name,
            resume="allow",
            config={**about.parameters, **about.tags},
            dir=named or about.folder,
        )

    def epoch(self, epoch: Epoch) -> None:
        """A point of each figure, at the epoch's number."""
        self._run.log(scalars(epoch), step=epoch.epoch)

    def file(self, path: Path) -> None:
        """A file of the run."""
        self._run.save(str(path), base_path=str(Path(path).parent), policy="now")

    def end(self, figures: dict[str, float], finished: bool) -> None:
        """Results, and how it ended."""
        self._run.summary.update(figures)
        self._run.finish(exit_code=0 if finished else 1)
