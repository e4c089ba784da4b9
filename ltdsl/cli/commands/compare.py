"""`ltdsl compare`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ltdsl.cli.complete import run_folders
from ltdsl.cli.options import Form, Format
from ltdsl.cli.output import fail, misused, need, new_console, print_json
from ltdsl.system.terminal import say


class Epoch(str, Enum):
    """Which of a run's checkpoints."""

    LAST = "last"
    BEST = "best"


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Run directories, and folders that hold some.",
            show_default=False,
            autocompletion=run_folders,
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="The run to hold all others against. Default: the first.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        Epoch | None,
        typer.Option(
            help="Whose figures. Default: best, where all runs chose one on their validation part.",
            show_default=False,
        ),
    ] = None,
    form: Form = Format.TEXT,
) -> None:
    """Tell whether differences between runs are any.

    Runs whose recipes mean the same apart from the seed are one recipe. Each is held against one of them over the same
    test images and the same seeds, with 95 % intervals, and words say what may be claimed.
    """
    need("`ltdsl compare`", "report", "numpy")
    from ltdsl.judge.groups import grouped
    from ltdsl.judge.pairs import judge, read_group, which_epoch
    from ltdsl.judge.show import as_data, sentences, table
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.runs.reading import found_runs, read_run

    try:
        paths = found_runs([*([against] if against else []), *runs])
        found = list({path.resolve(): read_run(path) for path in paths}.values())
        groups = grouped(found)
        if len(groups) < 2:
            misused("there is one recipe only: name runs of another one")
        which = checkpoint.value if checkpoint else which_epoch(found)
        judged = [read_group(group, which) for group in groups]
    except UnreadableError as error:
        fail("LT450", str(error), error.hint)
    pairs = judge(judged, 0, which)
    if form is Format.JSON:
        print_json(as_data(judged, pairs, which))
        return
    new_console().print(table(judged, pairs))
    for sentence in sentences(judged, pairs, which):
        say(sentence)
