"""Working a table off: what is left of it is done, whatever becomes of single runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ltdsl.cache.place import NO_STAGES
from ltdsl.options import Origin, RunOptions
from ltdsl.runs.layout import LOGS
from ltdsl.runs.reading import Run, last_epoch
from ltdsl.runs.sweep import Record
from ltdsl.sweep.folder import SweepFolder
from ltdsl.sweep.pool import Pool
from ltdsl.sweep.process import Job, StoppedError
from ltdsl.sweep.shared import Share, evaluated_by_others, points, shares
from ltdsl.sweep.table import Row, Table
from ltdsl.system.writing import LeadsOutError, lies_in

#: Seconds between two looks at what the runs have written.
INTERVAL = 1.0

#: How many runs at once may keep weights that others are still to evaluate.
KEEPERS = 2


class Watcher(Protocol):
    """Someone who is told how a sweep goes on."""

    def ended(self, record: Record) -> None:
        """A run came to its end."""

    def look(self) -> None:
        """Some time has passed."""


@dataclass
class Sweep:
    """A table and what has become of it.

    Attributes:
        table: The runs.
        folder: Where they are.
        given: The directory of each, where it is decided.
        images: Tells where a run's images are, where the options do not say.
        places: The directory of each.
        records: What is known of each, in the order of the table.
        ended: Those that have come to an end since the sweep was begun or gone on with.
        shared: What each run takes from another, where what begins alike is trained once.
    """

    table: Table
    folder: SweepFolder
    options: RunOptions = field(default_factory=RunOptions)
    given: Mapping[Row, Path] | None = None
    images: Callable[[Row], Path | None] = lambda _: None
    places: Mapping[Row, Path] = field(init=False)
    records: dict[Row, Record] = field(init=False)
    ended: set[Row] = field(default_factory=set)
    shared: Mapping[Row, Share] = field(init=False)
    _keepers: set[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.places = self.given or self.folder.place(self.table)
        self.records = {row: self.folder.record(row, self.places[row]) for row in self.table.rows}
        alone = self.options.no_cache or NO_STAGES in os.environ
        finished, failed = self._with("finished"), self._with("failed")
        self.shared = {} if alone else shares(self.table.rows, self._most, finished, failed)
        self._keepers = evaluated_by_others(self.shared)

    def _with(self, status: str) -> list[Row]:
        return [row for row, record in self.records.items() if record.status == status]

    def _most(self, row: Row) -> int:
        """How many epochs a run can take: pictures that are asked for are made as a stage begins."""
        starts = [stage.start for stage in row.plan.stages if stage.sampler.needs_weights]
        return min(starts, default=row.plan.epochs) if self.options.keep_cam else row.plan.epochs

    def different_images(self) -> tuple[str, str] | None:
        """Names of two runs that should have had the same images and had others; None where all is well."""
        first: dict[tuple[object, ...], tuple[str, object]] = {}
        for row in self.table.rows:
            plan, name = row.plan, self.places[row].name
            images = Run(self.places[row]).facts.data_sha256
            key = (str(plan.dataset), plan.validation, plan.split_seed, row.reads_from)
            if not images:
                continue
            other, theirs = first.setdefault(key, (name, images))
            if theirs != images:
                return other, name
        return None

    def left(self, retry_failed: bool) -> list[Row]:
        """The rows to be done: not those that are finished, nor by default those that failed in training."""
        skipped = {"finished"} if retry_failed else {"finished", "failed"}
        return [row for row, record in self.records.items() if record.status not in skipped]

    def job(self, row: Row, left_out: tuple[str, ...] = ()) -> Job:
        """What a process is to do for a row; a folder for pictures gets one in it for each run.

        Args:
            row: One of the table's.
            left_out: Names of images to go without.

        Raises:
            LeadsOutError: Its directory is a link that leads out of the sweep's folder.
        """
        if not lies_in(self.places[row], self.folder.path):
            raise LeadsOutError(self.places[row])
        out, options = self.places[row].resolve(), self.options.from_anywhere()
        options = replace(
            options,
            cache_at=points(self.shared).get(row, ()),
            cache_evaluated=row in self._keepers,
        )
        if options.data is None:
            options = replace(options, data=self.images(row))
        if options.keep_cam:
            options = replace(options, keep_cam=options.keep_cam / out.name)
        return Job(
            out=out,
            log=self.folder.path.resolve() / LOGS / f"{out.name}.txt",
            plan=row.plan.to_json(),
            origin=Origin(
                row.texts, row.choice.recipe.parent.resolve(), row.choice.assignments, left_out
            ),
            options=options,
        )

    def write(self) -> None:
        """Write the table's files.

        Raises:
            OSError: They cannot be written.
        """
        self.folder.write(list(self.records.values()))

    def drive(self, jobs: Mapping[Row, Job], pool: Pool, watcher: Watcher) -> None:
        """Do jobs, each when what it shares with another is trained; the table's files are written whenever one ends.

        Raises:
            KeyboardInterrupt: The user stopped it; all processes have ended, and the runs can go on.
            OSError: The table cannot be written.
        """
        waiting, futures = dict(jobs), dict[Future[str], Row]()
        try:
            while waiting or futures:
                for row in list(waiting):
                    if self._may_begin(row, waiting, futures):
                        futures[pool.submit(waiting.pop(row))] = row
                done, _ = wait(futures, INTERVAL, FIRST_COMPLETED)
                for future in done:
                    row = futures.pop(future)
                    self._note(row, error_of(future))
                    watcher.ended(self.records[row])
                watcher.look()
        finally:
            pool.stop()
            for row in jobs.keys() - self.ended:
                self.records[row] = self.folder.record(row, self.places[row])
            self.write()

    def _may_begin(
        self, row: Row, waiting: Mapping[Row, Job], futures: Mapping[Future[str], Row]
    ) -> bool:
        """Whether the epochs that a run shares are trained, or nobody is there to train them."""
        share = self.shared.get(row)
        if share is None and row in self._keepers:
            # of each there is room for half of what the cache may hold of weights
            return len(self._awaited(waiting, futures)) < KEEPERS
        if share is None or (share.leader not in waiting and share.leader not in futures.values()):
            return True
        # it is kept before the next epoch begins
        passed = last_epoch(self.places[share.leader])
        return passed is not None and passed.epoch >= share.epochs

    def _awaited(self, waiting: Mapping[Row, Job], futures: Mapping[Future[str], Row]) -> set[Row]:
        """Runs that have begun, and keep weights for others that have not ended."""
        left = {*waiting, *futures.values()}
        begun = self._keepers - waiting.keys()
        return {
            share.leader
            for row, share in self.shared.items()
            if row in left and share.evaluated_again and share.leader in begun
        }

    def _note(self, row: Row, error: str) -> None:
        self.ended.add(row)
        self.records[row] = self.folder.record(row, self.places[row], error)
        self.write()


def error_of(future: Future[str]) -> str:
    """Why a job failed; empty where it did not, or was stopped."""
    try:
        return future.result()
    except (StoppedError, CancelledError):
        return ""
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return f"LT499: {where}{error.strerror or error}"
