"""`ltdsl sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.commands.run import write_report
from ltdsl.cli.complete import recipe_files
from ltdsl.cli.inputs import STDIN, recipes_in
from ltdsl.cli.options import (
    AllowOutside,
    Cluster,
    Device,
    DryRunOfTable,
    Jobs,
    KeepCam,
    NoCache,
    RetryFailed,
    SkipUnreadable,
    Strict,
    TensorBoard,
    Track,
    TrackCheckpoints,
    TrainOn,
)
from ltdsl.cli.output import fail, misused, need, new_console, progress_console, show
from ltdsl.cli.searching import Compiler, announce_search, conclude, drive, search, space_of
from ltdsl.cli.survey import Data, Unreadable, nothing
from ltdsl.cli.sweeping import announce, compiled, images_of, pool_of, surveyor_of, work_off
from ltdsl.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltdsl.cli.survey import LeftOut
    from ltdsl.diagnostics import Diagnostic
    from ltdsl.display.console import Console
    from ltdsl.sweep.axes import Axis
    from ltdsl.sweep.drive import Sweep
    from ltdsl.sweep.folder import SweepFolder
    from ltdsl.sweep.grid import Choice
    from ltdsl.sweep.table import Row


def sweep(
    recipes: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECIPE",
            help="Recipes, or folders with .lt files.",
            autocompletion=recipe_files,
            show_default=False,
        ),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="ADDRESS=VALUE,…",
            help="Values to try, such as dataset.imbalance=10,50,100 or "
            '"stage2.tricks=cam_bs + ce,class_balanced + ce". Commas in brackets or quotes belong to a value. '
            "Repeatable: every value meets every other.",
            show_default=False,
        ),
    ] = None,
    side_by_side: Annotated[
        bool,
        typer.Option("--zip", help="Take first values together, second ones together, and so on."),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Run each with the seeds 0 to N - 1.", show_default=False
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--search",
            min=2,
            metavar="N",
            help="Try N combinations instead of all, ranges such as optimizer.lr=0.001..0.1:log among them: those that "
            "are best on the validation part go on, half of them at a time.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    data: Data = None,
    device: TrainOn = Device.AUTO,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The sweep's folder. Default: sweeps/RECIPE.", show_default=False
        ),
    ] = None,
    dry_run: DryRunOfTable = False,
    retry_failed: RetryFailed = False,
    keep_cam: KeepCam = None,
    tensorboard: TensorBoard = False,
    track: Track = (),  # type: ignore[assignment]  # a tuple, since a default that can change is everybody's
    track_checkpoints: TrackCheckpoints = False,
    skip_unreadable: SkipUnreadable = False,
    no_cache: NoCache = False,
    strict: Strict = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Train a table of runs: recipes, values and seeds, combined.

    The same command goes on where it was stopped, and does nothing twice; with more values it adds runs.
    """
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.sweep.drive import Sweep
    from ltdsl.sweep.folder import SweepFolder

    if STDIN in recipes:
        misused("a sweep needs recipes in files")
    if cluster is not None and jobs > 1:
        misused("--jobs is for this machine, --cluster for others: name one of them")
    if not dry_run:
        need("`ltdsl sweep`", "train")
    paths = recipes_in(recipes)
    if track_checkpoints and not track:
        misused("--track-checkpoints says what a tracker is given: name one with --track")
    options = RunOptions(
        device.value,
        data,
        keep_cam,
        tensorboard,
        no_cache=no_cache,
        track=tuple(each.value for each in track),
        track_checkpoints=track_checkpoints,
    )
    if tensorboard or track:
        _need_writers(options)
    console = progress_console()
    if trials is not None:
        if seeds is not None or side_by_side or skip_unreadable:
            misused(
                "--search tries combinations by itself: without --seeds, --zip and --skip-unreadable"
            )
        survey = surveyor_of(data, nothing, allow_outside)
        compiler = Compiler(survey, strict, allow_outside)
        folder = SweepFolder(out or _default_folder(paths))
        _search(
            paths,
            _axes(changes),
            trials,
            folder,
            options,
            compiler,
            console,
            dry_run,
            (cluster, jobs),
            images_of(data, allow_outside),
        )
        return
    choices = _choices(paths, changes, seeds, side_by_side)
    left_out: LeftOut = nothing
    if skip_unreadable:
        left_out = Unreadable(data, lambda why: console.say(f"left out: {why}")).within
    table = compiled(choices, strict, allow_outside, data, left_out)
    try:
        images = images_of(data, allow_outside)
        place = SweepFolder(out or _default_folder(paths))
        work = Sweep(table, place, options, images=images)
        rows = work.left(retry_failed)
        announce(work, rows, console, dry_run)
        if dry_run:
            return
        pool = pool_of(cluster, jobs, device.value) if rows else None
        work_off(work, rows, pool, console, left_out)
    except UnreadableError as error:
        fail("LT462", str(error), error.hint)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail("LT462", f"{where}{error.strerror or error}", "free space, or name another with --out")
    _conclude(work, new_console())


def _need_writers(options: RunOptions) -> None:
    """Say what is missing before every run of the table fails for it."""
    from ltdsl_runtime import tracking
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.training import tensorboard

    try:
        if options.tensorboard:
            tensorboard.must_be_there()
        tracking.must_be_there(options.track)
    except RunError as error:
        fail(error.code, error.message, error.hint)


def _choices(
    paths: list[Path], changes: list[str] | None, seeds: int | None, side_by_side: bool
) -> list[Choice]:
    from ltdsl.sweep.grid import SEED, GridError, grid
    from ltdsl.sweep.space import is_range

    axes = _axes(changes)
    for axis in axes:
        if is_range(axis):
            misused(
                f"`{axis.address}={axis.values[0]}` is a range: say with --search how many of it are tried"
            )
    if seeds is not None and any(axis.address == SEED for axis in axes):
        misused("--seeds and --set seed=… both name seeds: use one of them")
    try:
        return grid(paths, axes, seeds, side_by_side)
    except GridError as error:
        misused(str(error))


def _axes(changes: list[str] | None) -> list[Axis]:
    from ltdsl.sweep.axes import read_axes

    problems: list[Diagnostic] = []
    axes = read_axes(changes or [], problems.append)
    if problems:
        show(problems)
        raise typer.Exit(1)
    return axes


def _search(
    paths: list[Path],
    axes: list[Axis],
    trials: int,
    folder: SweepFolder,
    options: RunOptions,
    compiler: Compiler,
    console: Console,
    dry_run: bool,
    where: tuple[str | None, int],
    images: Callable[[Row], Path | None],
) -> None:
    """Do what `--search` is for."""
    space, ends = space_of(paths, axes, trials, compiler)
    announce_search(space, trials, ends, folder.path, console)
    if dry_run:
        return
    cluster, jobs = where
    try:
        work = search(space, trials, folder, options, compiler, console, images)
        pool = pool_of(cluster, jobs, options.device)
        drive(work, pool, pool.slots)
        conclude(work, new_console())
    except OSError as error:
        at = f"{error.filename}: " if error.filename else ""
        fail("LT462", f"{at}{error.strerror or error}", "free space, or name another with --out")


def _default_folder(paths: list[Path]) -> Path:
    from ltdsl.sweep.names import safe

    stems = [safe(path.stem) for path in paths]
    more = f"+{len(stems) - 2}-more" if len(stems) > 3 else ""
    return Path("sweeps") / ("+".join(stems[:2] if more else stems)[:MAX_FOLDER] + more)


#: Of a default folder's name.
MAX_FOLDER = 100


def _conclude(work: Sweep, console: Console) -> None:
    """Show what came out, and end with 1 where something is missing in it."""
    from ltdsl.sweep.show import counts, result_table

    records = list(work.records.values())
    console.print()
    console.print(result_table(records, console.width))
    for about in dict.fromkeys(record.about_groups for record in records):
        if about:
            console.say(about)
    for record in records:
        if record.error:
            console.say("")
            console.say(f"{record.name}: {record.error}")
    page = work.folder.path / "comparison.html"
    finished = [record for record in records if record.status == "finished"]
    trouble = write_report(work.folder.path, page) if finished else None
    if trouble:
        console.say("")
        console.say(f"no comparison: {trouble}")
    console.say("")
    console.say(f"{work.folder.path}: {counts(records)}")
    pair = work.different_images()
    if pair is not None:
        message = f"`{pair[0]}` and `{pair[1]}` were trained on different images"
        fail("LT464", message, "find out which --data is meant, and use another --out for it")
    if finished and not trouble:
        console.say(page)
    if len(finished) < len(records):
        raise typer.Exit(1)
