"""What commands that train a table of runs share: compiling it, saying what it takes, working it off."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ltdsl.cli.compiling import blocking, heard
from ltdsl.cli.output import fail, interrupted, show
from ltdsl.cli.survey import data_of, surveyor
from ltdsl.system.terminal import say_once
from ltdsl.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltdsl.cli.survey import LeftOut
    from ltdsl.compiler import Survey
    from ltdsl.display.console import Console
    from ltdsl.sweep.drive import Sweep
    from ltdsl.sweep.grid import Choice
    from ltdsl.sweep.pool import Pool
    from ltdsl.sweep.table import Row, Table


def surveyor_of(
    data: Path | None, left_out: LeftOut, allow_outside: bool = False
) -> Callable[[Path], Survey]:
    """What counts the images of each recipe's data sets, without those that are left out."""

    def survey(recipe: Path) -> Survey:
        return surveyor(
            recipe,
            data,
            True,
            lambda dataset: left_out(recipe, dataset),
            allow_outside=allow_outside,
        )

    return survey


def images_of(data: Path | None, allow_outside: bool) -> Callable[[Row], Path | None]:
    """Where the images of each run are, told once of each data set."""
    return lambda row: data_of(row.choice.recipe, row.plan.dataset, data, allow_outside, say_once)


def compiled(
    choices: list[Choice],
    strict: bool,
    allow_outside: bool,
    data: Path | None,
    left_out: LeftOut,
    advised: bool = True,
) -> Table:
    """The table, after everything that there is to say about it; nothing is trained before all of it is right.

    Args:
        choices: Its rows.
        strict: Let warnings count as errors.
        allow_outside: As for `ltdsl run`.
        data: Folder of data sets.
        left_out: Images that are left out of each.
        advised: Say what is not in the way, too.
    """
    from ltdsl.sweep.table import compile_table

    table, problems = compile_table(
        choices, surveyor_of(data, left_out, allow_outside), allow_outside
    )
    problems = heard(problems, *{each.recipe.parent for each in choices})
    if table is None:  # what else there is to say can wait
        show([problem for problem in problems if blocking([problem], strict)])
        raise typer.Exit(1)
    stop = blocking(problems, strict)
    if stop or advised:
        show(problems)
    if stop:
        raise typer.Exit(1)
    return table


def announce(work: Sweep, rows: list[Row], console: Console, whole: bool) -> None:
    """Say what is in the table and how long it takes; where the whole of it is asked for, every run."""
    from ltdsl.sweep.shared import count
    from ltdsl.sweep.show import counts, epochs_to_train, planned_table

    if whole:
        console.print(planned_table(work))
        console.print()
    same = work.table.combinations - len(work.table.rows)
    again = f"; {same} more mean the same as another" if same else ""
    number = len(work.table.rows)
    text = f"{counted(number, 'run')} in {work.folder.path}: {counts(work.records.values())}{again}"
    console.say(text)
    if rows:
        console.say(epochs_to_train(count(rows, work.shared)))


def pool_of(cluster: str | None, jobs: int, device: str) -> Pool:
    """Where runs are trained: on a scheduler's workers, or here."""
    from ltdsl.sweep.pool import LocalPool

    if cluster is None:
        return LocalPool(jobs, device)
    from ltdsl.sweep.cluster import ClusterError, ClusterPool

    try:
        return ClusterPool(cluster)
    except ClusterError as error:
        fail(error.code, str(error), error.hint)


def work_off(
    work: Sweep,
    rows: list[Row],
    pool: Pool | None,
    console: Console,
    left_out: LeftOut,
) -> None:
    """Train what is to be trained, and show how it goes on; the table is written even where that is nothing."""
    from ltdsl.runs.layout import LOGS
    from ltdsl.sweep.watch import Bars, Lines
    from ltdsl.system.writing import folder

    folder(work.folder.path, LOGS)
    work.write()
    if pool is None:
        return
    watcher = (Bars if console.is_terminal else Lines)(work, rows, console)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's way to press Ctrl-C
    jobs = {row: work.job(row, left_out(row.choice.recipe, row.plan.dataset)) for row in rows}
    try:
        with watcher.showing():
            work.drive(jobs, pool, watcher)
    except KeyboardInterrupt:
        message = f"interrupted; {work.folder.path} keeps what is done"
        interrupted("LT499", message, "the same command goes on with it")
