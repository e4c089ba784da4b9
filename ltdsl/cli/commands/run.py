"""`ltdsl run`."""

from __future__ import annotations

import contextlib
import shlex
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ltdsl.cli.compiling import all_changes, compiled
from ltdsl.cli.complete import recipe_files, run_folders
from ltdsl.cli.inputs import STDIN
from ltdsl.cli.options import (
    AllowOutside,
    Device,
    KeepCam,
    NoCache,
    Profile,
    Seed,
    Set,
    SkipUnreadable,
    Strict,
    TensorBoard,
    Track,
    TrackCheckpoints,
    TrainOn,
)
from ltdsl.cli.output import (
    INTERRUPTED,
    fail,
    misused,
    need,
    new_console,
    progress_console,
)
from ltdsl.cli.survey import Data, data_of, data_of_run, surveyor
from ltdsl.cli.workers import Number, Port, SplitClasses, enlist, is_launched, spread, stop
from ltdsl.options import Begins, Origin, RunOptions
from ltdsl.runs.layout import FACTS, RECIPE, REPORT
from ltdsl.source import texts
from ltdsl.system.terminal import say_once, verbosity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ltdsl_runtime.errors import RunError

    from ltdsl.compiler import Compilation, Survey
    from ltdsl.display.console import Console
    from ltdsl.plan import Plan


def run(
    recipe: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECIPE",
            help="The recipe; not with --resume.",
            show_default=False,
            autocompletion=recipe_files,
        ),
    ] = None,
    data: Data = None,
    device: TrainOn = Device.AUTO,
    changes: Set = None,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run directory, empty or new. Default: runs/RECIPE-TIME.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            autocompletion=run_folders,
            help="Go on with an interrupted run: the numbers are those of a run without a break.",
            show_default=False,
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN[@STAGE]",
            autocompletion=run_folders,
            help="Begin with the state of another run: as it is, at the end of a stage (RUN@stage1), or after N epochs "
            '("RUN@epoch N"). As if this run had trained those epochs, where they are the same; else with its weights.',
            show_default=False,
        ),
    ] = None,
    keep_cam: KeepCam = None,
    tensorboard: TensorBoard = False,
    track: Track = (),  # type: ignore[assignment]  # a tuple, since a default that can change is everybody's
    track_checkpoints: TrackCheckpoints = False,
    skip_unreadable: SkipUnreadable = False,
    workers: Number = 1,
    split_classes: SplitClasses = False,
    port: Port = None,
    no_cache: NoCache = False,
    cache_at: Annotated[
        list[int],
        typer.Option(
            "--cache-at",
            min=1,
            metavar="N",
            help="Keep the state after N epochs in the cache too, beside the ends of stages, for runs that differ from "
            "there on. Repeatable.",
            show_default=False,
        ),
    ] = (),  # type: ignore[assignment]  # a tuple, since a default that can change is everybody's
    cache_evaluated: Annotated[
        bool,
        typer.Option(
            "--cache-evaluated",
            help="Keep the weights after each epoch that is evaluated in the cache too, for runs that differ in their "
            "`posthoc`, and so evaluate the same weights otherwise.",
        ),
    ] = False,
    stop_after: Annotated[
        int | None,
        typer.Option(
            "--stop-after",
            min=1,
            metavar="N",
            help="Stop after N epochs of the run, whose plan stays as it is; --resume goes on exactly.",
            show_default=False,
        ),
    ] = None,
    profile: Profile = False,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke",
            help="Only try it out: a few steps of each stage, an evaluation and an export, of which nothing is kept.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check all that a run checks before its first step, and say what it would train, read and write.",
        ),
    ] = False,
    events: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print what happens as JSON, an object a line, and all else on standard error.",
        ),
    ] = False,
    strict: Strict = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Train and evaluate a recipe."""
    if (recipe is None) == (resume is None):
        misused("name a recipe, or a run to --resume")
    if resume is not None and (changes or seed is not None or out or skip_unreadable or begin):
        misused(
            "--resume goes on with a run as it is: without --set, --seed, --out, --from and --skip-unreadable"
            + _how_to_change(resume, changes, seed)
        )
    if smoke and (
        resume
        or out
        or begin
        or keep_cam
        or tensorboard
        or track
        or profile
        or workers > 1
        or is_launched()
    ):
        misused(
            "--smoke keeps nothing, in one process: without --resume, --out, --from, --keep-cam, --tensorboard, "
            "--track, --profile and --workers"
        )
    if dry_run and (resume or smoke or events or workers > 1 or is_launched()):
        misused(
            "--dry-run looks at a run that is to begin, in one process: without --resume, --smoke, --json and --workers"
        )
    if events and smoke:
        misused("--json tells of a run that keeps something: without --smoke")
    if track_checkpoints and not track:
        misused("--track-checkpoints says what a tracker is given: name one with --track")
    if workers > 1 and is_launched():
        misused("--workers starts processes, and a launcher has started this one: leave it out")
    if recipe == STDIN and (workers > 1 or is_launched()):
        misused("each worker reads the recipe: name a file instead of -")
    if stop_after is not None and (workers > 1 or is_launched() or smoke):
        misused(
            "--stop-after is for a run in one process that keeps something: without --workers and --smoke"
        )
    if port is not None and workers == 1:
        misused("--port is where --workers meet")
    if split_classes and workers == 1 and not is_launched():
        misused("--split-classes splits them over several --workers")
    need("`ltdsl run`", "train")
    options = RunOptions(
        device.value,
        data,
        keep_cam,
        tensorboard,
        skip_unreadable,
        workers,
        split_classes,
        port,
        no_cache,
        tuple(cache_at),
        cache_evaluated,
        stop_after,
        profile,
        tuple(each.value for each in track),
        track_checkpoints,
    )
    if workers > 1:
        plan, chosen = None, True
        if recipe is not None:
            survey = surveyor(recipe, data, must=True, allow_outside=allow_outside)
            plan = compiled(
                recipe,
                changes,
                seed,
                strict,
                quiet=True,
                allow_outside=allow_outside,
                survey=survey,
            ).plan
            assert plan is not None
            options = replace(
                options, data=data_of(recipe, plan.dataset, data, allow_outside, say_once)
            )
            chosen = out is not None
            out = out or _default_folder(recipe)
        switches = {"--strict": strict, "--allow-outside": allow_outside, "--json": events}
        named = {
            "--out": None if resume else out,
            "--resume": resume,
            "--seed": seed,
            "--from": begin,
        }
        line = _of_a_worker(recipe, changes, named, switches, options)
        with _left_empty(None if chosen else out):
            spread(line, options, resume or out or Path(), plan, progress_console(events=events))
        return
    team = enlist(options) if is_launched() else None
    others = team is not None and not team.first
    console = progress_console(mute=others, events=events and not others)
    if resume is not None:
        options = replace(options, data=data_of_run(resume, data, allow_outside))
        train(lambda runs: runs.resume(resume, console, options, team), resume, console, options)
        return
    assert recipe is not None
    # all that `--strict` may stop on
    survey = surveyor(recipe, data, must=True, whole=strict, allow_outside=allow_outside)
    result = _shown(recipe, changes, seed, strict, allow_outside, console, survey)
    assert result.plan is not None
    options = replace(
        options, data=data_of(recipe, result.plan.dataset, data, allow_outside, say_once)
    )
    begins = None if begin is None else _begins(begin, result)
    origin = Origin(texts(result.sources), recipe.parent, all_changes(changes, seed), begins=begins)
    if smoke:
        try_out(result.plan, origin, console, options)
        return
    if dry_run:
        look(result.plan, origin, out or Path("runs") / f"{recipe.stem}-…", console, options)
        return
    chosen = out is not None
    if out is None:
        out = _default_folder(recipe) if team is None or team.first else Path()
        if team is not None:
            out = Path(team.first_ones(str(out)))
    with _left_empty(None if chosen else out):
        train(
            lambda runs: runs.run(result.plan, origin, out, console, options, team),
            out,
            console,
            options,
        )


def _begins(text: str, result: Compilation) -> Begins:
    """The state that a run begins with."""
    from ltdsl.runs.beginnings import read_begins
    from ltdsl.runs.errors import UnreadableError

    if result.plan is not None and result.plan.init is not None:
        misused("--from takes the place of the recipe's `init`: leave one of them out")
    try:
        return read_begins(text)
    except UnreadableError as error:
        fail("LT429", str(error), error.hint)


def _how_to_change(run: Path, changes: list[str] | None, seed: int | None) -> str:
    """The line that begins a changed run with what is there, for who wanted to change one that goes on."""
    from ltdsl.runs import Run

    there = Run(run, exact=True)
    name = next(iter(there.recipe), None)
    if not changes or name is None:
        return ""
    folder = Path(there.facts.recipe_folder or "")
    kept = folder / name if (folder / name).is_file() else run / RECIPE / name
    sets = [part for change in all_changes(changes, seed) for part in ("--set", change)]
    line = ["ltdsl", "run", str(kept), *sets, "--from", str(run)]
    return f". A changed run begins with its epochs: {shlex.join(line)}"


def _works_somewhere() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def train(
    action: Callable[[Any], Mapping[str, Any]], out: Path, console: Console, options: RunOptions
) -> None:
    """Let the runtime train, and show the figures or, in a sentence, what was in the way.

    Args:
        action: Called with the module `ltdsl_runtime.training.run`; returns what evaluation.json holds.
        out: The run directory.
        console: Where progress and figures are shown.
        options: How it was asked to.
    """
    if not _works_somewhere():  # MindSpore aborts the process then
        stop("LT499", "the folder that this was started in is gone", "change into another")
    try:
        figures = _trained(action, out, console)
    except KeyboardInterrupt:  # while MindSpore loads, too
        if not (out / FACTS).exists():
            stop("LT499", "interrupted before the run began", by_user=True)
        kept = f"interrupted; {out} keeps everything up to the last whole epoch"
        with contextlib.suppress(OSError):  # nobody may read on
            console.event("interrupted", run=str(out), resume=_again(out))
        stop("LT499", kept, f"go on with: {_again(out)}", by_user=True)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        stop("LT499", f"{where}{error.strerror or error}", "free space or choose another folder")
    if figures is None or console.mute:  # the first of several workers shows and writes all
        return
    from ltdsl.display.console import EventConsole
    from ltdsl.display.profile import show_profile
    from ltdsl.display.tables import show_results

    console.event("result", run=str(out), evaluation=figures)
    results = console if isinstance(console, EventConsole) else new_console()
    console.print()
    show_results(results, figures)
    if options.profile:
        show_profile(results, out)
    stopped = False
    try:
        trouble = write_report(out)
    except KeyboardInterrupt:
        stopped, trouble = (
            True,
            f"interrupted; try again with: ltdsl report {shlex.quote(str(out))}",
        )
    console.print()
    if trouble:
        console.warn(f"warning: no report: {trouble}")
    page = out if trouble else out / REPORT
    if options.track and not trouble:
        from ltdsl_runtime.training.tracked import report_tracked

        report_tracked(out, page, options, lambda why: console.warn(f"warning[LT417]: {why}"))
    console.event("end", run=str(out), report=None if trouble else str(page))
    results.say(page)
    if stopped:
        raise typer.Exit(INTERRUPTED)


def _trained(
    action: Callable[[Any], Mapping[str, Any]], out: Path, console: Console
) -> Mapping[str, Any] | None:
    """What evaluation.json holds; None after a stop that was asked for."""
    from ltdsl_runtime.errors import RunError, StoppedAsAsked
    from ltdsl_runtime.training import run as runs

    try:
        return action(runs)
    except RunError as error:
        console.event("error", code=error.code, message=error.message, help=error.hint)
        if _says(out, error) and not console.mute:
            write_report(out)
        stop(error.code, error.message, error.hint)
    except StoppedAsAsked as stopped:
        console.event("stopped", run=str(out), done=stopped.epochs, resume=_again(out))
        console.say(f"stopped after {stopped.epochs} epochs, as asked; go on with: {_again(out)}")
        return None


def _again(out: Path) -> str:
    return f"ltdsl run --resume {shlex.quote(str(out))}"


def try_out(plan: Plan, origin: Origin, console: Console, options: RunOptions) -> None:
    """Do what `--smoke` is for."""
    with _keeping_nothing():
        from ltdsl_runtime.use.smoke import smoke

        smoke(plan, origin, console, options)


def look(plan: Plan, origin: Origin, out: Path, console: Console, options: RunOptions) -> None:
    """Do what `--dry-run` is for."""
    with _keeping_nothing():
        from ltdsl_runtime.use.preview import preview

        preview(plan, origin, out, console, options)
    console.say("nothing was trained, and nothing is kept")


@contextlib.contextmanager
def _keeping_nothing() -> Iterator[None]:
    """Say in a sentence what was in the way of something that works in temporary files."""
    from ltdsl_runtime.errors import RunError

    try:
        yield
    except RunError as error:
        stop(error.code, error.message, error.hint)
    except KeyboardInterrupt:  # while MindSpore loads, too
        stop("LT499", "interrupted; nothing was kept", by_user=True)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        stop("LT499", f"{where}{error.strerror or error}", "free space for temporary files")


def _of_a_worker(
    recipe: Path | None,
    changes: list[str] | None,
    named: Mapping[str, Any],
    switches: Mapping[str, bool],
    options: RunOptions,
) -> list[str]:
    """The command line of each of several workers."""
    line = ["run", *(f"--set={change}" for change in changes or [])]
    line += [f"{name}={value}" for name, value in named.items() if value is not None]
    line += [name for name, asked in switches.items() if asked]
    line += options.of_a_worker().arguments()
    line += [f"--{name}" for name in ("quiet", "verbose") if getattr(verbosity, name)]
    return line if recipe is None else [*line, "--", str(recipe)]


def _says(run: Path, error: RunError) -> bool:
    """True for the folder of the run that ended with an error, not one that was merely in its way."""
    from ltdsl.runs.reading import Run

    return Run(run, exact=True).facts.error == str(error)


def write_report(runs: Path, out: Path | None = None) -> str | None:
    """Write a report in a process of its own: whatever happens there, the training stands.

    Args:
        runs: A run directory, or a folder of some.
        out: The file; that of `ltdsl report` where it is not given.

    Returns:
        A sentence where there is none.

    Raises:
        KeyboardInterrupt: The user would not wait for it.
    """
    import subprocess

    from ltdsl.system import children

    arguments = ["report", str(runs), *(["--out", str(out)] if out else [])]
    again = f"try again with: ltdsl {' '.join(arguments)}"
    try:
        done = subprocess.run(
            children.command("ltdsl", *arguments),
            env=children.environment(),
            capture_output=True,
            text=True,
            timeout=600,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{error}; {again}"
    said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    return f"{said[0]}; {again}" if done.returncode else None


@contextlib.contextmanager
def _left_empty(folder: Path | None) -> Iterator[None]:
    """Remove a folder that was made for a run which then does not begin, and the one that it is in."""
    try:
        yield
    finally:
        if folder is not None:
            with contextlib.suppress(OSError):
                folder.rmdir()
                folder.parent.rmdir()


def _default_folder(recipe: Path) -> Path:
    """A new folder, named by recipe and time; made at once, so that no other run takes it."""
    name = f"{recipe.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    numbers = count(2)
    folder = Path("runs") / name
    while True:
        try:
            folder.mkdir(parents=True)
        except OSError:
            if folder.exists():
                folder = Path("runs") / f"{name}-{next(numbers)}"
                continue
        return folder  # where it could not be made, that is told when it is opened


def _shown(
    recipe: Path,
    changes: list[str] | None,
    seed: int | None,
    strict: bool,
    allow_outside: bool,
    console: Console,
    survey: Survey,
) -> Compilation:
    """Compile a recipe and show its plan."""
    from ltdsl.display.stages import headline
    from ltdsl.display.tables import plan_table

    result = compiled(recipe, changes, seed, strict, allow_outside=allow_outside, survey=survey)
    assert result.plan is not None
    for line in headline(result.plan):
        console.print(line)
    console.print()
    console.print(plan_table(result.plan))
    console.print()
    return result
