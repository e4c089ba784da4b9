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

from ltdsl.runs import layout
from ltdsl.runs.arrays import write_predictions
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.facts import TIME, Continuation, Facts
from ltdsl.runs.files import content, data, why
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.plan import read_plan
from ltdsl.runs.reading import Run, must_be_known
from ltdsl.system import opening
from ltdsl.system.files import json_text
from ltdsl.system.writing import append_to, lies_in, write_in
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.lock import Lock
from ltdsl_runtime.rundir.places import Places
from ltdsl_runtime.rundir.versions import versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltdsl.plan import Plan
    from ltdsl.runs.arrays import Observed
    from ltdsl.runs.evaluation import Evaluation
    from ltdsl.runs.model import FileModel
    from ltdsl.runs.pictures import Pictures
    from ltdsl.runs.profile import Profile

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
    if not locked and (path / layout.LOCK).exists() and Run(path).facts.status in (None, "running"):
        return
    taken = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    half = (f".{layout.PLAN}.", f".{layout.FACTS}.")
    left = layout.LOCK in taken and all(
        name in layout.BEFORE_IT_BEGAN or name.startswith(half) for name in taken
    )
    checkpoints = path / layout.CHECKPOINTS
    if taken and (not left or (checkpoints.is_dir() and any(checkpoints.iterdir()))):
        resumed = (
            f", or go on with what was begun there: ltdsl run --resume {shlex.quote(str(path))}"
        )
        raise RunError(
            "LT421",
            f"{path} holds files already",
            "a run starts in a folder of its own: choose another with --out"
            + (resumed if layout.FACTS in taken else ""),
        )


def must_be_possible_to_make(path: Path) -> None:
    """Refuse a folder that a new run could not make or write to; nothing is made.

    Args:
        path: The folder, which need not exist.

    Raises:
        RunError: LT421.
    """
    try:
        must_be_free(path)
        with contextlib.suppress(FileNotFoundError):
            path.lstat()  # names that are too long, files in place of folders
        there = next(each for each in (path, *path.absolute().parents) if os.path.lexists(each))
        code = 0 if os.access(there, os.W_OK | os.X_OK) else errno.EACCES
        code = code if there.is_dir() else errno.ENOTDIR
        if code:
            raise OSError(code, os.strerror(code))
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError, resume: bool = False) -> RunError:
    return RunError(
        "LT421",
        f"cannot write to {path}: {error.strerror or error}",
        "make it writable" if resume else "choose another folder with --out",
    )


class RunDirectory:
    """A folder that belongs to one run, and while it is open to one process: all that it holds is written here.

    What is in it: :mod:`ltdsl.runs`, of whose models files are made, and ``checkpoints/``: last.ckpt and best.ckpt;
    previous.ckpt, which was last an epoch before; the weights that stages with ``cam_bs`` started from.

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
        self.checkpoints = path / layout.CHECKPOINTS
        if resume and not (path / layout.FACTS).is_file():
            raise RunError("LT422", f"{path} holds no run that can be resumed", "check the path")
        try:
            if resume:
                self._must_be_closed()
            self._lock = self._open(resume)
        except OSError as error:
            raise _cannot_write(path, error, resume) from error
        try:
            self._facts = self._begun() if resume else None
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
        (self.path / layout.PLAN).unlink(missing_ok=True)
        if (self.path / layout.RECIPE).exists():
            shutil.rmtree(self.path / layout.RECIPE)

    def _must_be_closed(self) -> None:
        """Refuse links that lead out of the folder, through which a stranger's run would write elsewhere."""
        inside = self.checkpoints.iterdir() if self.checkpoints.is_dir() else ()
        for entry in (*self.path.iterdir(), *inside):
            if entry.is_symlink() and not lies_in(entry, self.path):
                raise RunError(
                    "LT426",
                    f"{entry} leads out of the run's folder",
                    "replace the link by what it points to",
                )

    def _begun(self) -> Facts:
        """What run.json says of a run that can go on: all of it, or the run does not."""
        path = self.path / layout.FACTS
        try:
            facts = Facts.model_validate(data(path, opening.RUN_FACTS))
            must_be_known(facts, self.path)
        except (OSError, ValueError, RecursionError) as error:
            message = f"{path} is unreadable or damaged: {why(error)}"
            raise RunError("LT426", message, "the run cannot go on: begin it anew") from error
        except UnreadableError as error:
            raise RunError("LT426", str(error), error.hint) from error
        if facts.status == "finished":
            page = (self.path / layout.REPORT).exists()
            left = "nothing is left to do" if page else f"its page: ltdsl report {self.path}"
            raise RunError("LT422", f"the run in {self.path} is finished", left)
        self._tidy()
        return facts

    def _tidy(self) -> None:
        """Remove what a killed process was just writing."""
        pictures = self.path / layout.PICTURES
        for folder, names in (
            (self.path, ".*.json*.*"),
            (self.checkpoints, ".*.partial.*"),
            (pictures, ".*.json.*"),
            (pictures, ".*.png.*"),
            (self.path / layout.PREDICTIONS, ".*-*.*.*"),
        ):
            for left in folder.glob(names):
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
        path = self.path / layout.PLAN
        try:
            plan = read_plan(self.path)
        except UnreadableError as error:
            hint = "resume with the version that began the run"
            raise RunError("LT426", str(error), hint) from error
        # names are no part of what a plan means, but of those of checkpoints
        names = [stage.name for stage in plan.stages]
        if any(not name.isidentifier() for name in names):
            raise RunError("LT426", f"{path} has a stage whose name is a path")
        if plan.digest() != self.facts.plan_sha256 or tuple(names) != self.facts.stages:
            raise RunError(
                "LT426",
                f"{path} is not the plan that the run was begun with",
                "undo the change; a changed plan is another run",
            )
        return plan

    @property
    def places(self) -> Places:
        """Where the files are that the run was begun with."""
        return Places(self.path, self.facts)

    @property
    def facts(self) -> Facts:
        """What run.json says of the run, which has begun."""
        assert self._facts is not None
        return self._facts

    def metrics(self) -> list[Epoch]:
        """The epochs from the first on, as many as have whole lines: the last one may have been cut off.

        Raises:
            RunError: LT426, the file cannot be read.
        """
        path = self.path / layout.METRICS
        try:
            found = content(path, opening.FIGURES) if path.exists() else b""
        except OSError as error:
            message = f"{path} cannot be read: {why(error)}"
            raise RunError("LT426", message, "put a file there, or none") from error
        epochs: list[Epoch] = []
        for line in found.splitlines():
            try:
                epoch = Epoch.model_validate(json.loads(line))
            except (ValueError, RecursionError):
                break
            if epoch.epoch != len(epochs):
                break
            epochs.append(epoch)
        return epochs

    def go_on_after(self, epochs: list[Epoch]) -> None:
        """Make these the only lines of metrics.jsonl, and record that the run goes on after them."""
        self._write(layout.METRICS, "".join(map(_line, epochs)))
        legs = [leg.as_data() for leg in self.facts.continuations]
        if legs and "from_epoch" not in legs[-1]:
            legs[-1]["from_epoch"] = len(epochs)
            self.note(continuations=legs)

    def begin(self, plan: Plan, recipe: dict[str, str], **facts: Any) -> None:
        """Record what the run was given.

        Args:
            plan: Written to plan.json.
            recipe: Texts of the recipe and the files it uses, by relative path.
            **facts: Further entries of run.json.
        """
        for name, source in recipe.items():
            self._write(f"{layout.RECIPE}/{name}", source)
        self._write(layout.PLAN, plan.to_json())
        self._facts = Facts(
            format=layout.FORMAT,
            status="running",
            plan_sha256=plan.digest(),
            stages=tuple(stage.name for stage in plan.stages),
            started=_now(),
            versions=versions(),
            platform=platform.platform(),
            seed=plan.seed,
            split_seed=plan.split_seed,
            **_known(facts),
        )
        self.note()

    def go_on(self, **facts: Any) -> str:
        """Record that the run goes on.

        Args:
            **facts: Entries of a :class:`ltdsl.runs.facts.Continuation`: the device and the workers.

        Returns:
            What is other than before and may give other numbers; empty where nothing is.
        """
        leg = Continuation(
            time=_now(), versions=versions(), platform=platform.platform(), **_known(facts)
        )
        legs = [each.as_data() for each in (*self.facts.continuations, leg)]
        self.note(format=layout.FORMAT, status="running", error=None, continuations=legs)
        *_, before, now = self.facts.legs()
        return now.unlike(before)

    def note(self, **entries: Any) -> None:
        """Change entries of run.json; None removes one."""
        self._facts = self.facts.changed(**entries)
        self._write_model(layout.FACTS, self.facts)

    def evaluated(self, evaluation: Evaluation) -> None:
        """Write the final figures."""
        self._write_model(layout.EVALUATION, evaluation)

    def profiled(self, profile: Profile) -> None:
        """Write where the time went, as far as it has gone."""
        self._write_model(layout.PROFILE, profile)

    def predicted(self, observed: Observed, **facts: Any) -> None:
        """Write what a checkpoint predicts for each image of a part.

        Args:
            observed: The arrays.
            **facts: What :func:`ltdsl.runs.arrays.write_predictions` needs to know of them.
        """
        with self.writing(self.path / layout.PREDICTIONS):
            write_predictions(self.path, layout.PREDICTIONS, observed, durable=True, **facts)

    def picture(self, about: Pictures, image: bytes) -> None:
        """Write a picture of a stage with `cam_bs`, and what it shows."""
        with self.writing(self.path / layout.PICTURES):
            write_picture(self.path, about, image, layout.PICTURES)

    def record(self, epoch: Epoch) -> None:
        """Append a line to metrics.jsonl."""
        name = layout.METRICS
        with self.writing(self.path / name), append_to(self.path, name) as file:
            line = _line(epoch).encode()
            while line:  # a disk that is getting full may take a part of it
                line = line[file.write(line) :]
            os.fsync(file.fileno())  # before the checkpoint that stands for it

    def checkpoint(self, name: str) -> Path:
        """The path of a checkpoint."""
        return self.checkpoints / f"{name}.ckpt"

    def _write_model(self, name: str, model: FileModel) -> None:
        self._write(name, json_text(model.as_data()))

    def _write(self, name: str, text: str) -> None:
        with self.writing(self.path / name):
            write_in(self.path, name, text, durable=True)

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Say what the system says where a file cannot be written.

        Raises:
            RunError: LT424.
        """
        try:
            self.path.stat()  # whoever removed the run does not want it again
            yield
        except OSError as error:
            what = "free space" if error.errno in FULL else "make the folder writable again"
            raise RunError(
                "LT424",
                f"cannot write {path}: {error.strerror or error}",
                f"{what}, then go on with: ltdsl run --resume {self.path}",
            ) from error


def write_picture(root: Path, about: Pictures, image: bytes, below: str = "") -> None:
    """Write a picture and, in a file beside it, what it shows.

    Args:
        root: A folder, made where it is missing; no link in it leads what is written out of it.
        about: What the picture shows.
        image: The bytes of its file.
        below: The folder in it that takes them; ``root`` itself where it is empty.

    Raises:
        OSError: The folder cannot be written to.
    """
    prefix = f"{below}/" if below else ""
    write_in(root, prefix + about.file, image)
    write_in(root, f"{prefix}{about.stage}.json", json_text(about.as_data()))


def _line(epoch: Epoch) -> str:
    return json.dumps(epoch.as_data()) + "\n"


def _known(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if value is not None}


def _now() -> str:
    return time.strftime(TIME, time.gmtime())
