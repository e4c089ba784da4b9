"""`ltdsl reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.options import Cluster, Device, DryRunOfTable, Jobs, NoCache, RetryFailed, TrainOn
from ltdsl.cli.output import fail, misused, need, new_console, progress_console
from ltdsl.cli.survey import Data, nothing
from ltdsl.cli.sweeping import announce, compiled, pool_of, work_off
from ltdsl.options import RunOptions
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.display.console import Console
    from ltdsl.reproduce.agreement import Compared
    from ltdsl.reproduce.tables import Entry
    from ltdsl.runs.reading import Run
    from ltdsl.sweep.drive import Sweep

#: Of its folder: the recipes, and the table as a page and as data.
RECIPES, PAGE, DATA = "recipes", "table.md", "table.json"


def _tables() -> list[str]:
    from ltdsl.reproduce.tables import tables

    return list(tables())


def reproduce(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE",
            help="A benchmark and its split, such as cifar10_lt_100-cao. Without it, all of them are listed.",
            autocompletion=_tables,
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            "--rows",
            metavar="NAME,…",
            help="Rows by their names in `ltdsl new --list`, with or without the table's in front; * stands for "
            "anything. Repeatable. Default: all.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        float,
        typer.Option(
            "--epochs-scale",
            metavar="X",
            help="Train X times the epochs, with milestones, parts and warm-ups: 0.15 is 30 of 200.",
        ),
    ] = 1.0,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Train each with seeds 0 to N - 1.")
    ] = 1,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    data: Data = None,
    device: TrainOn = Device.AUTO,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Its folder. Default: reproduced/TABLE.", show_default=False
        ),
    ] = None,
    dry_run: DryRunOfTable = False,
    retry_failed: RetryFailed = False,
    no_cache: NoCache = False,
) -> None:
    """Train a published table again: ours beside theirs.

    Its rows are recipes. The same command goes on where it was stopped, and with more rows or seeds it adds runs.
    Epochs that rows share are trained once.
    """
    from ltdsl.reproduce.tables import chosen, recipe_of, tables

    if table is None:
        for name, found in tables().items():
            say(f"{name}  {len(found)} rows")
        return
    if table not in tables():
        misused(f"there is no published table `{table}`; `ltdsl reproduce` lists them")
    if not 0 < scale <= 1:
        misused("--epochs-scale is above 0 and at most 1")
    if cluster is not None and jobs > 1:
        misused("--jobs is for this machine, --cluster for others: name one of them")
    wanted = [name.strip() for each in rows or [] for name in each.split(",")]
    entries, unknown = chosen(table, wanted)
    if unknown:
        misused(f"`{table}` has no row `{unknown[0]}`; `ltdsl new --list` shows them")
    texts = {entry: recipe_of(entry, scale) for entry in entries}
    left_out = [(entry.name, why) for entry, (_, why) in texts.items() if why]
    for name, why in left_out:
        say(f"not trained: {name}, as {why}", err=True)
    here = {entry: text for entry, (text, _) in texts.items() if text}
    if not here:
        misused("none of these rows can be trained")
    if not dry_run:
        need("`ltdsl reproduce`", "train")
    folder = out or Path("reproduced") / (table if scale == 1 else f"{table}-x{scale:g}")
    options = RunOptions(device.value, data, no_cache=no_cache)
    console = progress_console()
    try:
        work = _sweep(folder, here, seeds, options)
        to_do = work.left(retry_failed)
        announce(work, to_do, console, dry_run)
        if dry_run:
            return
        pool = pool_of(cluster, jobs, device.value) if to_do else None
        work_off(work, to_do, pool, console, nothing)
        compared = _compared(work, list(here))
        _conclude(table, compared, scale, left_out, work, new_console())
    except OSError as error:
        at = f"{error.filename}: " if error.filename else ""
        fail("LT462", f"{at}{error.strerror or error}", "free space, or name another with --out")


def _sweep(folder: Path, here: dict[Entry, str], seeds: int, options: RunOptions) -> Sweep:
    """The runs, from recipes that are written into the folder."""
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.sweep.drive import Sweep
    from ltdsl.sweep.folder import SweepFolder
    from ltdsl.sweep.grid import grid
    from ltdsl.system.writing import folder as make_folder
    from ltdsl.system.writing import write_in

    folder.mkdir(parents=True, exist_ok=True)
    make_folder(folder, RECIPES)
    paths = []
    for entry, text in here.items():
        write_in(folder, f"{RECIPES}/{entry.short}.lt", text)
        paths.append(folder / RECIPES / f"{entry.short}.lt")
    table = compiled(grid(paths, [], seeds, False), False, False, options.data, nothing, False)
    try:
        return Sweep(table, SweepFolder(folder), options)
    except UnreadableError as error:
        fail("LT462", str(error), error.hint)


def _compared(work: Sweep, entries: Sequence[Entry]) -> list[Compared]:
    """Each row with what came of its runs that are finished."""
    from ltdsl.judge.groups import grouped
    from ltdsl.reproduce.agreement import compared, ours
    from ltdsl.runs.reading import read_run

    runs: dict[str, list[Run]] = {}
    for row, record in work.records.items():
        if record.status == "finished":
            runs.setdefault(row.choice.recipe.stem, []).append(read_run(work.places[row]))
    # runs of one recipe differ in their seeds alone
    groups = {name: grouped(found)[0] for name, found in runs.items()}
    return compared(
        [(each, ours(groups[each.short]) if each.short in groups else None) for each in entries]
    )


def _conclude(
    table: str,
    rows: Sequence[Compared],
    scale: float,
    left_out: Sequence[tuple[str, str]],
    work: Sweep,
    console: Console,
) -> None:
    """Show the table and write it; end with 1 where a run is missing in it."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from ltdsl.reproduce.agreement import ranks
    from ltdsl.reproduce.show import HEADS, as_data, cells, page, sentences
    from ltdsl.sweep.show import counts
    from ltdsl.system.files import json_text
    from ltdsl.system.writing import write_in

    found = ranks(rows)
    shown = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, head in enumerate(HEADS):
        shown.add_column(head, overflow="fold", justify="right" if 0 < number < 5 else "left")
    for line in cells(rows):
        shown.add_row(*map(Text, line))
    console.print()
    console.print(shown)
    for sentence in sentences(rows, found):
        console.say(sentence)
    how = _how(rows)
    folder = work.folder.path
    write_in(folder, PAGE, page(table, rows, found, scale, left_out, how))
    write_in(folder, DATA, json_text(as_data(table, rows, found, scale)))
    records = list(work.records.values())
    for record in records:
        if record.error:
            console.say(f"{record.name}: {record.error}")
    console.say(f"{folder}: {counts(records)}")
    console.say(folder / PAGE)
    if any(record.status != "finished" for record in records):
        raise typer.Exit(1)


def _how(rows: Sequence[Compared]) -> list[str]:
    """What trained the rows, in a sentence."""
    facts = [run.facts for row in rows if row.ours for run in row.ours.group.runs]
    by = dict.fromkeys(
        f"ltdsl {each.versions.get('ltdsl', '?')}, MindSpore {each.versions.get('mindspore', '?')}, {each.device}"
        for each in facts
    )
    return [f"Trained with {'; '.join(by)}."] if by else []
