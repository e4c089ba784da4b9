"""The folder of a sweep: its run directories, and the table of them as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ltdsl import __version__
from ltdsl.longtail import about_thirds
from ltdsl.runs import layout
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.evaluation import Figures
from ltdsl.runs.facts import Facts
from ltdsl.runs.files import data
from ltdsl.runs.reading import Run, must_be_known
from ltdsl.runs.sweep import FIGURES, Record, SweepTable
from ltdsl.sweep.grid import SEED
from ltdsl.sweep.table import Row, Table
from ltdsl.system import opening
from ltdsl.system.files import json_text, write_atomically


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
        """The run directory of each row: the one that has its plan already, or a free name.

        Raises:
            UnreadableError: A later version of ltdsl wrote the table.
        """
        known = self._table().get("format")
        if isinstance(known, int) and known > layout.SWEEP_FORMAT:
            raise UnreadableError(
                f"{self.path / layout.SWEEP} was written by a later version of ltdsl",
                "use that version, or name another folder with --out",
            )
        there: dict[str, list[tuple[str, Path]]] = {}
        for facts, folder in self._begun():
            there.setdefault(facts.plan_sha256 or "", []).append(
                (facts.recipe_folder or "", folder)
            )
        places = {}
        for row in table.rows:
            same = (path for from_, path in there.get(row.digest, ()) if _same_files(row, from_))
            places[row] = next(same, None) or self._free(row)
        return places

    def _begun(self) -> Iterable[tuple[Facts, Path]]:
        folders = sorted(self.path.iterdir()) if self.path.is_dir() else []
        for folder in folders:
            facts = Run(folder).facts
            if facts.plan_sha256 is not None:
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
        run = Run(folder)
        facts, figures = run.facts, run.evaluation
        last = figures.last if figures else None
        status: str = facts.status or "new"
        if status == "finished" and last is None:
            status = "interrupted"
        try:
            must_be_known(facts, folder)
        except UnreadableError as other:
            error = str(other)
        done = figures if status == "finished" and not error else None
        about = about_thirds(last.train_counts()) if done and last else ""
        return Record(
            name=folder.name,
            recipe=str(row.choice.recipe),
            changes=dict(row.choice.changes),
            plan_sha256=row.digest,
            status="failed" if error else status,
            error=error or ("" if done else facts.error or ""),
            best_on=done.best_on if done else None,
            best_by=done.best_by if done else None,
            **({"about_groups": about} if about else {}),
            last=_figures(done.last) if done else {},
            best=_figures(done.best) if done else {},
        )

    def write(self, records: Sequence[Record]) -> None:
        """Write the table, with what earlier commands left in it.

        Raises:
            OSError: The folder cannot be written to.
        """
        runs = [*records, *self._earlier({record.name for record in records})]
        table = SweepTable(format=layout.SWEEP_FORMAT, ltdsl=__version__, runs=tuple(runs))
        write_atomically(self.path / layout.SWEEP, json_text(table.as_data()))
        write_atomically(self.path / layout.SWEEP_TABLE, _csv(runs))

    def _table(self) -> Mapping[str, Any]:
        """The table as it is; empty where there is none, or it is damaged."""
        try:
            found = data(self.path / layout.SWEEP, opening.FIGURES)
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _earlier(self, names: set[str]) -> Iterable[Record]:
        """Runs of the table as it is that are none of these, and still there."""
        runs = self._table().get("runs")
        for run in runs if isinstance(runs, list) else []:
            try:
                record = Record.model_validate(run)
            except ValidationError:  # of another version, or edited
                continue
            if record.name not in names and (self.path / record.name / layout.FACTS).is_file():
                yield record


def _same_files(row: Row, folder: str) -> bool:
    """True where paths relative to a folder are those of a row; a folder that is gone has been moved."""
    return row.reads_from is None or folder == str(row.reads_from) or not Path(folder).is_dir()


def _is_free(path: Path) -> bool:
    """True where nothing is, or only what a run left that was killed before it had begun."""
    if not path.is_dir():
        return not path.exists()
    left = {entry.name for entry in path.iterdir()}
    weights = path / layout.CHECKPOINTS
    return not left or (
        layout.LOCK in left
        and left <= layout.BEFORE_IT_BEGAN
        and not (weights.is_dir() and any(weights.iterdir()))
    )


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
