"""The run directory: everything a run was given, and everything it found out."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import shlex
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.system.files import json_text, read_json, write_atomically
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir import lock
from ltdsl_runtime.rundir.facts import STARTED, Line, checked
from ltdsl_runtime.rundir.lock import Lock
from ltdsl_runtime.rundir.places import Places
from ltdsl_runtime.rundir.versions import versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltdsl.plan import Plan

#: What the system calls a disk without space, a quota that is used up, and a file that may not grow.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def must_be_free(path: Path, locked: bool = False) -> None:
    """Refuse a folder for a new run that holds something, but for what one left that was killed before it had begun.

    Args:
        path: The folder, which need not exist.
        locked: This process has locked it. One that another may be at work in is not looked into: that is told first.

    Raises:
        RunError: LT421.
        OSError: It cannot be looked into.
    """
    if not locked and (path / lock.NAME).exists():
        status = read_json(path / "run.json").get("status")
        if status in (None, "running"):
            return
    taken = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    begins = {lock.NAME, "checkpoints", "recipe", "plan.json"}
    left = lock.NAME in taken and all(
        name in begins or name.startswith((".plan.json.", ".run.json.")) for name in taken
    )
    checkpoints = path / "checkpoints"
    if taken and (not left or (checkpoints.is_dir() and any(checkpoints.iterdir()))):
        resumed = (
            f", or go on with what was begun there: ltdsl run --resume {shlex.quote(str(path))}"
        )
        raise RunError(
            "LT421",
            f"{path} holds files already",
            "a run starts in a folder of its own: choose another with --out"
            + (resumed if "run.json" in taken else ""),
        )


class RunDirectory:
    """A folder that belongs to one run, and while it is open to one process.

    Contents:
        recipe/: the recipe and the files it uses, as they were given.
        plan.json: the resolved plan.
        run.json: the plan's hash, command-line changes, versions, device, seed and fingerprints of the data; its
            ``status`` is ``running``, ``finished``, ``interrupted`` or ``failed``. A killed run's says ``running``.
        metrics.jsonl: one JSON object an epoch.
        checkpoints/: last.ckpt and best.ckpt; previous.ckpt, which was last an epoch before; the weights that stages
            with ``cam_bs`` started from.
        evaluation.json: the final figures.
        .lock: held by the process that trains.

    All is written atomically and reaches the disk in such an order that the run can go on from what is there, whenever
    it is killed or the power fails.

    Args:
        path: The folder; made where it is missing.
        resume: Open a run that was begun instead.

    Raises:
        RunError: LT421, it holds something already or cannot be written to; LT422, it holds no run to resume; LT423,
            another process trains in it; LT426, it is damaged.
    """

    def __init__(self, path: Path, resume: bool = False) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        if resume and not (path / "run.json").is_file():
            raise RunError("LT422", f"{path} holds no run that can be resumed", "check the path")
        try:
            if resume:
                self._must_be_closed()
            self._lock = self._open(resume)
        except OSError as error:
            raise RunError(
                "LT421",
                f"cannot write to {path}: {error.strerror or error}",
                "make it writable" if resume else "choose another folder with --out",
            ) from error
        try:
            self._facts: dict[str, Any] = self._begun() if resume else {}
        except BaseException:
            self.close()
            raise

    def _open(self, resume: bool) -> Lock:
        """Lock the folder; a new one must be free, and is left as it was where it is not."""
        if not resume:
            must_be_free(self.path)
            self.path.mkdir(parents=True, exist_ok=True)
        held = Lock(self.path)
        if not resume:
            try:
                must_be_free(self.path, locked=True)
                self._clear()
                self.checkpoints.mkdir(exist_ok=True)
            except BaseException:
                held.release()
                raise
        return held

    def _clear(self) -> None:
        """Remove what was written by a process that was killed before its run had begun."""
        self._tidy()
        (self.path / "plan.json").unlink(missing_ok=True)
        if (self.path / "recipe").exists():
            shutil.rmtree(self.path / "recipe")

    def _must_be_closed(self) -> None:
        """Refuse links that lead out of the folder, through which a stranger's run would write elsewhere."""
        inside = self.checkpoints.iterdir() if self.checkpoints.is_dir() else ()
        for entry in (*self.path.iterdir(), *inside):
            if entry.is_symlink() and not entry.resolve().is_relative_to(self.path.resolve()):
                raise RunError(
                    "LT426",
                    f"{entry} leads out of the run's folder",
                    "replace the link by what it points to",
                )

    def _begun(self) -> dict[str, Any]:
        """What run.json says of a run that can go on."""
        path = self.path / "run.json"
        try:
            facts = checked(json.loads(path.read_bytes()))
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(
                "LT426", f"{path} is unreadable or damaged", "the run cannot go on: begin it anew"
            ) from error
        if facts["status"] == "finished":
            raise RunError("LT422", f"the run in {self.path} is finished", "nothing is left to do")
        self._tidy()
        return facts

    def _tidy(self) -> None:
        """Remove what a killed process was just writing."""
        for left in (*self.path.glob(".*.json*.*"), *self.checkpoints.glob(".*.partial.*")):
            left.unlink(missing_ok=True)

    def close(self) -> None:
        """Let other processes in."""
        self._lock.release()

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plan(self) -> Plan:
        """The plan that the run was begun with.

        Raises:
            RunError: LT426, it is missing, damaged, or of another version; or it was edited.
        """
        from ltdsl.plan import Plan

        path = self.path / "plan.json"
        try:
            plan = Plan.model_validate_json(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            message = f"{path} is missing, damaged, or of another version"
            raise RunError(
                "LT426", message, "resume with the version that began the run"
            ) from error
        # names are no part of what a plan means, but of those of checkpoints
        names = [stage.name for stage in plan.stages]
        if any(not name.isidentifier() for name in names):
            raise RunError("LT426", f"{path} has a stage whose name is a path")
        if plan.digest() != self.fact("plan_sha256") or names != self.fact("stages"):
            raise RunError(
                "LT426",
                f"{path} is not the plan that the run was begun with",
                "undo the change; a changed plan is another run",
            )
        return plan

    @property
    def places(self) -> Places:
        """Where the files are that the run was begun with."""
        return Places(self.path, self._facts)

    def fact(self, name: str) -> Any:
        """An entry of run.json; None where there is none."""
        return self._facts.get(name)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of the epochs from the first on, as many as are whole: the last one may have been cut off."""
        path = self.path / "metrics.jsonl"
        lines: list[dict[str, Any]] = []
        for text in path.read_bytes().splitlines() if path.exists() else ():
            try:
                line = json.loads(text)
                if Line.model_validate(line).epoch != len(lines):
                    break
            except (ValueError, RecursionError):
                break
            lines.append(line)
        return lines

    def keep_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Make these the only lines of metrics.jsonl."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        self._write(self.path / "metrics.jsonl", text)

    def begin(self, plan: Plan, recipe: dict[str, str], **facts: Any) -> None:
        """Record what the run was given.

        Args:
            plan: Written to plan.json.
            recipe: Texts of the recipe and the files it uses, by relative path.
            **facts: Further entries of run.json.
        """
        for name, text in recipe.items():
            target = self.path / "recipe" / name
            with self.writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
            self._write(target, text)
        self._write(self.path / "plan.json", plan.to_json())
        self.note(
            status="running",
            plan_sha256=plan.digest(),
            stages=[stage.name for stage in plan.stages],
            started=time.strftime(STARTED, time.gmtime()),
            versions=versions(),
            platform=platform.platform(),
            seed=plan.seed,
            split_seed=plan.split_seed,
            **facts,
        )

    def note(self, **facts: Any) -> None:
        """Add entries to run.json; None removes one."""
        facts = self._facts | facts
        self._facts = {name: value for name, value in facts.items() if value is not None}
        self.write("run.json", self._facts)

    def write(self, name: str, data: Any) -> None:
        """Write JSON."""
        self._write(self.path / name, json_text(data))

    def record(self, **metrics: Any) -> None:
        """Append a line to metrics.jsonl."""
        path = self.path / "metrics.jsonl"
        with self.writing(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before the checkpoint that stands for it

    def checkpoint(self, name: str) -> Path:
        """The path of a checkpoint."""
        return self.checkpoints / f"{name}.ckpt"

    def _write(self, path: Path, text: str) -> None:
        with self.writing(path):
            write_atomically(path, text, durable=True)

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Say what the system says where a file cannot be written.

        Raises:
            RunError: LT424.
        """
        try:
            yield
        except OSError as error:
            what = "free space" if error.errno in FULL else "make the folder writable again"
            raise RunError(
                "LT424",
                f"cannot write {path}: {error.strerror or error}",
                f"{what}, then go on with: ltdsl run --resume {self.path}",
            ) from error
