"""Searching: what is tried, in processes, by successive halving; nothing that was trained is trained again.

Each trial is an ordinary run with its whole plan, which stops at its rung and goes on exactly if it is to. What is
known of it is what its metrics.jsonl says. So a search that was interrupted repeats its decisions in no time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ltdsl import __version__
from ltdsl.options import RunOptions
from ltdsl.plan import Plan
from ltdsl.runs import layout
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.files import data
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.reading import Run
from ltdsl.runs.search import SearchTable, Trial
from ltdsl.runs.sweep import Record
from ltdsl.sweep.drive import Sweep, error_of
from ltdsl.sweep.folder import SweepFolder
from ltdsl.sweep.grid import Choice
from ltdsl.sweep.halving import Halving, Step, rungs
from ltdsl.sweep.names import run_names
from ltdsl.sweep.pool import Pool
from ltdsl.sweep.process import Job
from ltdsl.sweep.space import Space, Tried
from ltdsl.sweep.table import Row, Table
from ltdsl.system import opening
from ltdsl.system.files import json_text, write_atomically

#: Seconds between two looks at whether to stop.
INTERVAL = 1.0

#: Compiles a choice; None, after it was told, where it makes no plan.
Compile = Callable[[Choice], Row | None]


@dataclass
class Attempt:
    """A trial as it is being made.

    Attributes:
        choice: What is tried.
        row: Its run; None where the choice makes no plan.
        place: Its directory.
        rungs: The epochs at which it is held against others.
        error: Why it failed; empty where it did not.
    """

    choice: Choice
    row: Row | None
    place: Path | None
    rungs: tuple[int, ...]
    error: str = ""


@dataclass
class Search:
    """A search and what it has come to.

    Attributes:
        space: What may be tried.
        trials: How many are.
        folder: Where they are.
        options: How they are trained.
        compile: See :data:`Compile`.
        tell: Told in a line what a trial came to.
        images: See :class:`ltdsl.sweep.drive.Sweep`.
        attempts: What is being tried, or was.
    """

    space: Space
    trials: int
    folder: SweepFolder
    options: RunOptions
    compile: Compile
    tell: Callable[[str], None]
    images: Callable[[Row], Path | None] = lambda _: None
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trials = int(min(self.trials, self.space.size))
        self.halving = Halving(self.trials, at_once=self.space.size <= self.trials)
        self._known = self._asked_before()

    def _described(self) -> list[str]:
        axes = [str(axis) for axis in self.space.axes]
        return [*map(str, self.space.recipes), *axes]

    def _asked_before(self) -> list[Choice]:
        """What an earlier command with the same space has tried.

        Raises:
            UnreadableError: Another search is in the folder.
        """
        path = self.folder.path / layout.SEARCH
        if not path.exists():
            return []
        try:
            found = SearchTable.model_validate(data(path, opening.FIGURES))
        except (OSError, ValueError, RecursionError, ValidationError):
            return []  # damaged: all is decided anew, and runs that are there are used
        if list(found.space) != self._described() or found.seed != self.space.seed:
            hint = "name another folder with --out"
            raise UnreadableError(f"{path} is of a search in another space", hint)
        recipes = {str(recipe): recipe for recipe in self.space.recipes}
        return [
            Choice(recipes[each.recipe], tuple(each.changes.items()))
            for each in found.trials
            if each.recipe in recipes
        ]

    def drive(self, pool: Pool, slots: int) -> None:
        """Try all there is to try.

        Args:
            pool: Who trains.
            slots: How many at once.

        Raises:
            KeyboardInterrupt: The user stopped it; all processes have ended, and the same command goes on.
            OSError: The table cannot be written.
        """
        futures: dict[Future[str], Step] = {}
        try:
            while True:
                while len(futures) < slots and (step := self._next()) is not None:
                    self.halving.begin(step)
                    attempt = self.attempts[step.trial]
                    if attempt.row is None or self._is_trained(attempt, step):
                        self._end(step, "")
                    else:
                        futures[pool.submit(self._job(attempt, step))] = step
                if not futures:
                    return
                done, _ = wait(futures, INTERVAL, FIRST_COMPLETED)
                for future in done:
                    self._end(futures.pop(future), error_of(future))
        finally:
            pool.stop()
            self.write()

    def _next(self) -> Step | None:
        step = self.halving.next()
        if step is not None and step.trial == len(self.attempts):
            choice = self._choice(step.trial)
            if choice is None:  # all there is has been tried
                self.halving.trials = step.trial
                return self.halving.next()
            self.attempts.append(self._attempt(choice))
        return step

    def _choice(self, number: int) -> Choice | None:
        if number < len(self._known):
            return self._known[number]
        tried = [
            Tried(
                each.choice,
                tuple(self.halving.scores.get(trial, ())),
                len(self.halving.scores.get(trial, ())) == len(each.rungs),
            )
            for trial, each in enumerate(self.attempts)
        ]
        return self.space.next(tried, self.trials)

    def _attempt(self, choice: Choice) -> Attempt:
        row = self.compile(choice)
        if row is None:
            return Attempt(choice, None, None, (), "it makes no plan")
        rows = [each.row for each in self.attempts if each.row] + [row]
        names = run_names([each.choice for each in rows], [each.digest for each in rows])
        row = replace(row, name=names[-1])
        taken = {each.place for each in self.attempts}
        place = self.folder.place(Table((row,), 1))[row]
        if place in taken:  # which is not begun yet
            place = place.with_name(f"{place.name}-{row.digest[:8]}")
        levels = rungs(row.plan.epochs, row.plan.evaluate_every)
        # of a short run, the first rungs are one
        levels = (levels[0],) * (self.halving.levels - len(levels)) + levels
        return Attempt(choice, row, place, levels)

    def _job(self, attempt: Attempt, step: Step) -> Job:
        assert attempt.row is not None
        assert attempt.place is not None
        epochs = attempt.rungs[step.rung]
        stop = None if epochs == attempt.row.plan.epochs else epochs
        return self._sweep(attempt, replace(self.options, stop_after=stop)).job(attempt.row)

    def _sweep(self, attempt: Attempt, options: RunOptions) -> Sweep:
        """The sweep of one run, which knows how one is trained and recorded."""
        assert attempt.row is not None
        assert attempt.place is not None
        place = {attempt.row: attempt.place}
        return Sweep(Table((attempt.row,), 1), self.folder, options, place, self.images)

    def _is_trained(self, attempt: Attempt, step: Step) -> bool:
        assert attempt.place is not None
        run = Run(attempt.place)
        epochs = attempt.rungs[step.rung]
        if run.facts.status == "failed":
            attempt.error = run.facts.error or "it failed"
            return True
        whole = attempt.row is not None and epochs == attempt.row.plan.epochs
        return run.facts.status == "finished" if whole else len(run.metrics) >= epochs

    def _end(self, step: Step, error: str) -> None:
        attempt = self.attempts[step.trial]
        attempt.error = error or attempt.error
        score = math.inf
        if attempt.row is not None and attempt.place is not None and not attempt.error:
            epochs = attempt.rungs[step.rung]
            score = score_of(Run(attempt.place).metrics, epochs, attempt.row.plan)
        self.halving.end(step, score)
        self.write()
        self.tell(self._line(step, score))

    def _line(self, step: Step, score: float) -> str:
        attempt = self.attempts[step.trial]
        name = attempt.place.name if attempt.place else ", ".join(attempt.choice.assignments)
        where = f"{step.trial + 1}/{self.trials}  {name}"
        if attempt.error:
            return f"{where}  failed: {attempt.error}"
        assert attempt.row is not None
        plan = attempt.row.plan
        of = f"{attempt.rungs[step.rung]} of {plan.epochs} epochs"
        return f"{where}  {of}  {figure(score, plan)} on validation"

    def records(self) -> list[Record]:
        """What is known of each run, in order."""
        return [
            self.folder.record(each.row, each.place, each.error)
            for each in self.attempts
            if each.row is not None and each.place is not None
        ]

    @property
    def chosen(self) -> Attempt | None:
        """The best of those that were trained to the end, by its validation images alone."""
        best = self.halving.winner()
        return None if best is None else self.attempts[best]

    def epochs(self) -> tuple[int, int]:
        """How many epochs all runs have trained, and how many they would all to their ends."""
        trained = whole = 0
        for each in self.attempts:
            if each.row is not None and each.place is not None:
                run = Run(each.place)
                taken = run.facts.from_cache
                trained += len(run.metrics) - (taken.epochs if taken else 0)
                whole += each.row.plan.epochs
        return trained, whole

    def write(self) -> None:
        """Write the tables of the search and of its runs.

        Raises:
            OSError: They cannot be written.
        """
        best = self.chosen
        table = SearchTable(
            format=layout.SWEEP_FORMAT,
            ltdsl=__version__,
            space=tuple(self._described()),
            seed=self.space.seed,
            trials=tuple(self._trials()),
            chosen=best.place.name if best and best.place else "",
        )
        write_atomically(self.folder.path / layout.SEARCH, json_text(table.as_data()))
        self.folder.write(self.records())

    def _trials(self) -> list[Trial]:
        found = []
        for number, each in enumerate(self.attempts):
            scores = self.halving.scores.get(number, [])
            found.append(
                Trial(
                    name=each.place.name if each.place else "",
                    recipe=str(each.choice.recipe),
                    changes=dict(each.choice.changes),
                    epochs=each.rungs[: len(scores)],
                    scores=tuple(score if math.isfinite(score) else None for score in scores),
                )
            )
        # asked for before, and not come to again yet
        found += [
            Trial(
                name="", recipe=str(each.recipe), changes=dict(each.changes), epochs=(), scores=()
            )
            for each in self._known[len(found) :]
        ]
        return found


def score_of(metrics: tuple[Epoch, ...], epochs: int, plan: Plan) -> float:
    """How far the best of a run's first epochs is from the best possible, on its validation images.

    Args:
        metrics: Of the run.
        epochs: How many count.
        plan: The run's, which says by what figure the best is chosen.

    Returns:
        Top-1 error, or 100 less macro recall, in percent; infinite where there is none.
    """
    found = [each for each in metrics if each.epoch < epochs and each.measured_on == "validation"]
    values: list[Any] = [
        each.top1_error if plan.best_by == "top1_error" else 100 - (each.macro_recall or 0.0)
        for each in found
    ]
    return min((value for value in values if value is not None), default=math.inf)


def figure(score: float, plan: Plan) -> str:
    """A score in words."""
    if plan.best_by == "top1_error":
        return f"top-1 error {score:.2f} %"
    return f"macro recall {100 - score:.2f} %"
