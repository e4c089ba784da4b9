"""The folder of a sweep: its run directories, and the table of them as files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ltdsl import __version__
from ltdsl.runs.figures import Evaluation, Facts, Figures, Model
from ltdsl.sweep.grid import SEED
from ltdsl.sweep.table import Row, Table
from ltdsl.system.files import read_json, write_atomically

#: Figures of evaluation.json that the table has, in percent.
FIGURES = ("top1_error", "macro_recall", "many", "medium", "few", "expected_calibration_error")

#: The folder in it with what each run printed.
LOGS = "logs"


class Record(BaseModel):
    """What is known of a run.

    Attributes:
        name: Its folder, within that of the sweep.
        recipe: The recipe's path, as it was given.
        changes: What was set, the seed included.
        plan_sha256: The plan's hash.
        status: ``new``, ``running``, ``interrupted``, ``failed`` or ``finished``.
        error: Why it failed; empty where it did not.
        best_on, best_by: Images and figure that chose the best epoch; None where nothing did.
        last, best: :data:`FIGURES` of the last and the best epoch; empty where there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    recipe: str
    changes: dict[str, str]
    plan_sha256: str
    status: str
    error: str
    best_on: str | None
    best_by: str | None = None
    last: dict[str, float | None]
    best: dict[str, float | None]


class SweepFolder:
    """A sweep's folder.

    Contents:
        one folder a run: an ordinary run directory.
        logs/: what each run printed.
        sweep.json, sweep.csv: the table, with the runs of earlier commands in the same folder.

    Args:
        path: The folder; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(self, table: Table) -> dict[Row, Path]:
        """The run directory of each row: the one that has its plan already, or a free name."""
        there: dict[str, list[tuple[str, Path]]] = {}
        for facts, folder in self._begun():
            from_ = str(facts.get("recipe_folder", ""))
            there.setdefault(facts["plan_sha256"], []).append((from_, folder))
        places = {}
        for row in table.rows:
            same = (path for from_, path in there.get(row.digest, ()) if _same_files(row, from_))
            places[row] = next(same, None) or self._free(row)
        return places

    def _begun(self) -> Iterable[tuple[dict[str, Any], Path]]:
        folders = sorted(self.path.iterdir()) if self.path.is_dir() else []
        for folder in folders:
            facts = read_json(folder / "run.json")
            if isinstance(facts.get("plan_sha256"), str):
                yield facts, folder

    def _free(self, row: Row) -> Path:
        """A folder of this name that is not there yet: what is there is of another plan, or no run."""
        marked = f"{row.name}-{row.digest[:8]}"
        names = chain([row.name, marked], (f"{marked}-{number}" for number in count(2)))
        return next(path for path in (self.path / name for name in names) if _is_free(path))

    def record(self, row: Row, folder: Path, error: str = "") -> Record:
        """What is known of a run, from its directory.

        Args:
            row: The run.
            folder: Its directory, which need not exist.
            error: Why it failed, where the directory may not say so.
        """
        facts = _as_far_as_whole(folder / "run.json", Facts)
        figures = _as_far_as_whole(folder / "evaluation.json", Evaluation)
        status = facts.status or "new"
        if status == "finished" and figures.last is None:
            status = "interrupted"
        done = status == "finished"
        return Record(
            name=folder.name,
            recipe=str(row.choice.recipe),
            changes=dict(row.choice.changes),
            plan_sha256=row.digest,
            status="failed" if error else status,
            error=error or ("" if done else facts.error or ""),
            best_on=figures.best_on if done else None,
            best_by=figures.best_by if done else None,
            last=_figures(figures.last) if done else {},
            best=_figures(figures.best) if done else {},
        )

    def write(self, records: Sequence[Record]) -> None:
        """Write the table, with what earlier commands left in it.

        Raises:
            OSError: The folder cannot be written to.
        """
        runs = [*records, *self._earlier({record.name for record in records})]
        data = {"ltdsl": __version__, "runs": [run.model_dump() for run in runs]}
        text = json.dumps(data, indent=2, ensure_ascii=False)
        write_atomically(self.path / "sweep.json", text + "\n")
        write_atomically(self.path / "sweep.csv", _csv(runs))

    def _earlier(self, names: set[str]) -> Iterable[Record]:
        """Runs of the table as it is that are none of these, and still there."""
        runs = read_json(self.path / "sweep.json").get("runs")
        for run in runs if isinstance(runs, list) else []:
            try:
                record = Record.model_validate(run)
            except ValidationError:  # of another version, or edited
                continue
            if record.name not in names and (self.path / record.name / "run.json").is_file():
                yield record


def _same_files(row: Row, folder: str) -> bool:
    """True where paths relative to a folder are those of a row; a folder that is gone has been moved."""
    return row.reads_from is None or folder == str(row.reads_from) or not Path(folder).is_dir()


def _is_free(path: Path) -> bool:
    """True where nothing is, or only what a run left that was killed before it had begun."""
    if not path.is_dir():
        return not path.exists()
    left = {entry.name for entry in path.iterdir()}
    weights = path / "checkpoints"
    return not left or (
        ".lock" in left
        and left <= {".lock", "checkpoints", "recipe", "plan.json"}
        and not (weights.is_dir() and any(weights.iterdir()))
    )


def _as_far_as_whole(path: Path, model: type[Model]) -> Model:
    """What a file of a run says; nothing where it is missing or damaged."""
    try:
        return model.model_validate(read_json(path))
    except ValidationError:
        return model()


def _figures(scores: Figures | None) -> dict[str, float | None]:
    if scores is None:
        return {}
    accuracies = {name: group.accuracy for name, group in scores.groups.items()}
    return {name: getattr(scores, name, accuracies.get(name)) for name in FIGURES}


def _csv(runs: Sequence[Record]) -> str:
    addresses = dict.fromkeys(address for run in runs for address in run.changes)
    ordered = [address for address in addresses if address != SEED]
    ordered += [SEED] if SEED in addresses else []
    plain = ("name", "recipe", "status", "error", "best_on", "best_by")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        [*plain, *ordered, *FIGURES, *(f"best_{name}" for name in FIGURES), "plan_sha256"]
    )
    for run in runs:
        facts = [getattr(run, name) for name in plain]
        values = [run.changes.get(address) for address in ordered]
        figures = [each.get(name) for each in (run.last, run.best) for name in FIGURES]
        writer.writerow([*facts, *values, *figures, run.plan_sha256])
    return file.getvalue()
