"""A run that begins with the state of another: with its epochs where they are the same, else with its weights."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl.cache import STAGE_RECORDS, STAGE_WEIGHTS, CacheError, Store
from ltdsl.plan import Begun
from ltdsl.runs.facts import FromCache
from ltdsl.system.files import write_atomically
from ltdsl.system.opening import open_file
from ltdsl.wording import counted
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.identity import machine_facts, source_digest
from ltdsl_runtime.parallel.follower import Follower
from ltdsl_runtime.training.epochs.files import NOTES, STATE, StageFiles, Taking
from ltdsl_runtime.training.epochs.keys import StageKeys, computed_by, named_files
from ltdsl_runtime.tricks.optimizers import RATE
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.restore import epoch_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltdsl.cache import Entry
    from ltdsl.options import Begins
    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.weights.records import Saved

#: The checkpoint of a run that has the weights of another which it began with.
BEGIN = "begin"


class Beginning:
    """What a run begins with, in the place of initial weights.

    Args:
        begins: The other run, and how many of its epochs.
        plan: The run.
        data: What it is trained on.
        root: Folder that checkpoints named in its recipe are relative to.
        computed: Entries of run.json that say what computes.

    Attributes:
        plan: The run, which knows what it begins with unless it is as if it had trained that itself.
        said: What to tell of it, in a sentence.

    Raises:
        RunError: LT411, a checkpoint is damaged; LT426, the other run is; LT429, nobody has kept its state.
    """

    def __init__(
        self,
        begins: Begins,
        plan: Plan,
        data: LoadedData,
        root: Path,
        computed: Mapping[str, Any],
    ) -> None:
        self._data = data
        self._epochs = epochs = begins.epochs
        self._run = Follower(begins.run)
        self._theirs = self._run.plan()
        #: Entries of the cache: in use as long as this is, and so not removed meanwhile.
        self._weights, self._records = self._kept()
        state, last = self._state(), self._run.checkpoint("last")
        differing = self._differing(plan, root, computed)
        at_end = state == last and len(self._run.metrics()) == epochs and self._knows_its_best()
        whole = at_end or (self._weights is not None and self._records is not None)
        self._at_end, self._exact = at_end, whole and not differing
        where = f"{begins.run} after epoch {epochs - 1}"
        if self._exact:
            self.plan = plan
            self.said = f"goes on from {where}, exactly as if it had trained these epochs itself"
            return
        if not differing and not whole:
            differing = ["its optimizer or its records are not kept there"]
        saved = checkpoints.load(state, sealed=True)
        self._state_read = state
        begun = Begun(
            plan_sha256=self._theirs.digest(), epochs=epochs, weights_sha256=weights_digest(saved)
        )
        self.plan = plan.model_copy(update={"begins": begun})
        self.said = (
            f"starts from the weights of {where}, as from `init`, and trains all of its own "
            f"{counted(plan.epochs, 'epoch')}: it differs in {', '.join(differing)}"
        )

    def _state(self) -> Path:
        """The checkpoint of the other run's last epoch."""
        names = ["last", "previous", "best", *(f"{s.name}-best" for s in self._theirs.stages)]
        there = []
        for path in (self._run.checkpoint(name) for name in names):
            if path.exists():
                epoch = epoch_of(checkpoints.load(path, sealed=True, keep=_numbers), path)
                if epoch == self._epochs - 1:
                    return path
                there.append(epoch)
        return self._weights.folder / STATE if self._weights else self._missing(there)

    def _kept(self) -> tuple[Entry | None, Entry | None]:
        """What the cache has of the other run after these epochs: weights, and records."""
        machine, facts = machine_facts(), self._run.facts
        if machine is None or facts.data is None:
            return None, None
        by = computed_by(facts, {**machine, "source": source_digest()})
        try:
            root = self._run.places.recipe(self._theirs, None, checkpoints=True)
            files, store = named_files(self._theirs, root), Store.of_user()
        except (RunError, OSError, CacheError):
            return None, None
        keys = StageKeys(self._theirs, facts.data_sha256, facts.data.classes, files, by)
        weights = store.lookup(STAGE_WEIGHTS, keys.weights(self._epochs))
        return weights, store.lookup(STAGE_RECORDS, keys.records(self._epochs))

    def _missing(self, there: list[int]) -> Path:
        known = ", ".join(str(epoch) for epoch in sorted(set(there)))
        raise RunError(
            "LT429",
            f"nobody has kept the state of {self._run.path} after epoch {self._epochs - 1}",
            f"its own checkpoints are of the epochs {known or 'none'}; the cache keeps those at the ends of stages, "
            "after epochs that --cache-at names, and with --cache-evaluated after each that is evaluated",
        )

    def _differing(self, plan: Plan, root: Path, computed: Mapping[str, Any]) -> list[str]:
        """What keeps the epochs from being those that the run would train itself."""
        facts, epochs = self._run.facts, self._epochs
        if epochs > plan.epochs:
            return ["its length"]
        if facts.data is None or facts.went_on_otherwise():
            return ["what trained them"]
        try:
            theirs_from = self._run.places.recipe(self._theirs, None, checkpoints=True)
            their_files = named_files(self._theirs, theirs_from)
            files = named_files(plan, root)
        except (RunError, OSError):
            return ["checkpoints that a recipe names"]
        data, names = self._data, self._data.train.class_names
        theirs = StageKeys(
            self._theirs, facts.data_sha256, facts.data.classes, their_files, computed_by(facts, {})
        ).records(epochs)
        known = facts.changed(**computed)
        ours = StageKeys(plan, data.fingerprint, names, files, computed_by(known, {})).records(
            epochs
        )
        parts = {
            "data": "its images",
            "evaluation": "how it evaluates",
            "computed_by": "what trains it",
        }
        found = [said for name, said in parts.items() if theirs[name] != ours[name]]
        mine, other = ours["plan"], theirs["plan"]
        return found + sorted(
            f"`{name}`" for name in mine.keys() | other.keys() if mine.get(name) != other.get(name)
        )

    def _knows_its_best(self) -> bool:
        """Whether the best weights are of these epochs: an interruption may have come before their record."""
        names = ["best", *(f"{stage.name}-best" for stage in self._theirs.stages)]
        paths = [path for name in names if (path := self._run.checkpoint(name)).exists()]
        loaded = [(checkpoints.load(path, sealed=True, keep=_numbers), path) for path in paths]
        return all(epoch_of(saved, path) < self._epochs for saved, path in loaded)

    def hand_over(self, run: RunDirectory) -> None:
        """Write what the run begins with into its directory, which has begun.

        Raises:
            RunError: LT411, a checkpoint is damaged; LT424, the directory cannot be written to.
        """
        if not self._exact:
            path = run.checkpoint(BEGIN)
            with open_file(self._state_read) as file, run.writing(path):
                write_atomically(path, file.read(), durable=True)
            return
        taking, where = Taking(self.plan, self._data, run), str(self._run.path.resolve())
        if not self._at_end and self._weights and self._records:
            weights, records = self._weights, self._records
            taken = FromCache(
                epochs=self._epochs,
                weights=weights.record.key,
                records=records.record.key,
                run=where,
            )
            run.note(from_cache=taken.as_data())
            taking.take(self._epochs, weights.folder, records.folder)
            return
        run.note(from_cache=FromCache(epochs=self._epochs, run=where).as_data())
        files = StageFiles(self._theirs, self._run)
        with tempfile.TemporaryDirectory(prefix="ltdsl-") as folder:
            there = Path(folder) / "weights", Path(folder) / "records"
            for each, copy in zip(there, (files.copy_weights, files.copy_records), strict=True):
                each.mkdir()
                copy(each, self._epochs)
            taking.take(self._epochs, *there)


def weights_digest(saved: Saved) -> str:
    """SHA-256, in hex, of all arrays of a checkpoint but its notes, by name."""
    digest = hashlib.sha256()
    for name, value in sorted(saved.items()):
        if isinstance(value, np.ndarray) and not (name in NOTES or name.startswith(RATE)):
            digest.update(f"{name} {value.dtype} {value.shape}\0".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def must_be_begun_with(plan: Plan, path: Path) -> None:
    """Refuse weights that are not those which a run began with.

    Raises:
        RunError: LT411.
    """
    if plan.begins and weights_digest(checkpoints.load(path)) != plan.begins.weights_sha256:
        message = f"{path} does not hold the weights that the run began with"
        raise RunError("LT411", message, "begin the run anew")


def _numbers(name: str, value: Any) -> Any:
    del name
    return value if value.size == 1 else None
