"""`ltdsl sweep --search`: a part of all combinations, chosen as it goes on, by validation images."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ltdsl.cli.compiling import blocking, heard
from ltdsl.cli.output import fail, interrupted, misused, need, show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ltdsl.compiler import Survey
    from ltdsl.display.console import Console
    from ltdsl.options import RunOptions
    from ltdsl.sweep.axes import Axis
    from ltdsl.sweep.folder import SweepFolder
    from ltdsl.sweep.grid import Choice
    from ltdsl.sweep.pool import Pool
    from ltdsl.sweep.search import Search
    from ltdsl.sweep.space import Space
    from ltdsl.sweep.table import Row, Table

    Surveyor: TypeAlias = Callable[[Path], Survey]


class Compiler:
    """Compiles choices, all by the same rules.

    Args:
        survey: A recipe's path -> what counts the images of its data sets.
        strict: Let warnings count as errors.
        allow_outside: As for `ltdsl run`.
    """

    def __init__(self, survey: Surveyor, strict: bool, allow_outside: bool) -> None:
        self._survey = survey
        self._strict = strict
        self._allow_outside = allow_outside

    def table(self, choices: Sequence[Choice]) -> Table:
        """All of them; ends the command where one makes no plan."""
        from ltdsl.sweep.table import compile_table

        table, problems = compile_table(choices, self._survey, self._allow_outside)
        problems = heard(problems, *{each.recipe.parent for each in choices})
        if table is None or blocking(problems, self._strict):
            show([problem for problem in problems if blocking([problem], self._strict)])
            raise typer.Exit(1)
        show(problems)
        return table

    def __call__(self, choice: Choice) -> Row | None:
        """One of them; None where it makes no plan, though the ends of all ranges do."""
        from ltdsl.sweep.table import compile_table

        table, problems = compile_table([choice], self._survey, self._allow_outside)
        problems = heard(problems, choice.recipe.parent)
        return None if table is None or blocking(problems, self._strict) else table.rows[0]


def space_of(
    recipes: Sequence[Path], axes: Sequence[Axis], trials: int, compile_: Compiler
) -> tuple[Space, Table]:
    """What may be tried, after its ends were compiled; ends the command where that is nothing to search in."""
    from ltdsl.sweep.space import SpaceError, read_space

    try:
        space = read_space(recipes, axes, 0)
    except SpaceError as error:
        misused(str(error))
    if space.size > trials:
        need("choosing what to try", "search")
    ends = compile_.table(space.corners())
    if any(row.plan.best_on != "validation" for row in ends.rows):
        misused(
            "a search chooses by validation images: give the recipe some, as with `--set validation=10%`"
        )
    seeds = {row.plan.seed for row in ends.rows}
    if len(seeds) > 1 or len({row.plan.best_by for row in ends.rows}) > 1:
        misused("a search compares runs of one `seed` by one figure (`best_by`)")
    return read_space(recipes, axes, seeds.pop()), ends


def announce_search(space: Space, trials: int, ends: Table, folder: Path, console: Console) -> None:
    """Say how many runs are trained for how long."""
    from ltdsl.sweep.halving import epochs_of, rungs

    plan = ends.rows[0].plan
    trials = int(min(trials, space.size))
    levels = rungs(plan.epochs, plan.evaluate_every)
    of = "" if space.size == float("inf") else f" of {space.size:,}"
    steps = ", ".join(map(str, levels[:-1]))
    about, whole = epochs_of(trials, levels), trials * plan.epochs
    console.say(
        f"{trials}{of} combinations in {folder}; after {steps} of {plan.epochs} epochs the better half goes on, exactly"
    )
    console.say(
        f"about {about:,} epochs to train instead of {whole:,} ({100 * about / whole:.0f} %)"
    )


def search(
    space: Space,
    trials: int,
    folder: SweepFolder,
    options: RunOptions,
    compile_: Compiler,
    console: Console,
    images: Callable[[Row], Path | None],
) -> Search:
    """The search, with what an earlier command left of it; ends the command where another one is in the folder."""
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.sweep.search import Search

    try:
        return Search(space, trials, folder, options, compile_, console.say, images)
    except UnreadableError as error:
        fail("LT462", str(error), error.hint)


def drive(work: Search, pool: Pool, slots: int) -> None:
    """Try all there is to try."""
    from ltdsl.runs.layout import LOGS
    from ltdsl.system.writing import folder

    folder(work.folder.path, LOGS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's way to press Ctrl-C
    try:
        work.drive(pool, slots)
    except KeyboardInterrupt:
        message = f"interrupted; {work.folder.path} keeps what is done"
        interrupted("LT499", message, "the same command goes on with it")


def conclude(work: Search, console: Console) -> None:
    """Show what was chosen and by what; end with 1 where nothing was."""
    from ltdsl.sweep.search import figure
    from ltdsl.sweep.show import result_table

    records = work.records()
    trained, whole = work.epochs()
    console.print()
    if records:
        console.print(result_table(records, console.width))
    console.say("")
    console.say(
        f"{trained:,} epochs trained instead of {whole:,} ({100 * trained / max(whole, 1):.0f} %)"
    )
    best = work.chosen
    if best is None or best.row is None or best.place is None:
        fail("LT462", f"no run in {work.folder.path} was trained to its end", "see its logs")
    score = work.halving.scores[work.attempts.index(best)][-1]
    console.say(
        f"chosen on validation images ({figure(score, best.row.plan)}): {best.place}; figures on them are the best of "
        "many, so judge it by its test images"
    )
    sets = [part for change in best.choice.assignments for part in ("--set", change)]
    console.say(shlex.join(["ltdsl", "run", str(best.choice.recipe), *sets]))
