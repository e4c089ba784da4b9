"""`ltdsl run --workers N`, and what `ltdsl run` does where a launcher started it as one of several."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ltdsl.cli.output import INTERRUPTED, fail, interrupted
from ltdsl.system.terminal import summarize

if TYPE_CHECKING:
    from ltdsl_runtime.parallel.cluster import Workers

    from ltdsl.display.console import Console
    from ltdsl.options import RunOptions
    from ltdsl.plan import Plan

Number = Annotated[
    int,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Share each batch among N processes on this machine, one a card. Numbers stay the same, but for "
        "batch norms, which see a process's own images.",
    ),
]

SplitClasses = Annotated[
    bool,
    typer.Option(
        "--split-classes",
        help="Split the classifier and its logits over --workers by classes, for thousands of these.",
    ),
]

Port = Annotated[
    int | None,
    typer.Option(
        min=1024,
        max=65535,
        metavar="PORT",
        help="Where --workers meet on this machine. Default: a free one.",
        show_default=False,
    ),
]


def is_launched() -> bool:
    """True where a launcher started this process as one of several."""
    return "MS_ROLE" in os.environ or "RANK_TABLE_FILE" in os.environ


def spread(
    arguments: Sequence[str], options: RunOptions, out: Path, plan: Plan | None, console: Console
) -> None:
    """Run a command line in several processes on this machine, and show what the first one prints.

    Args:
        arguments: Of `ltdsl`.
        options: How many they are, where they meet, and what they split.
        out: The run directory.
        plan: Of a run that is not resumed.
        console: Takes what the first one prints; events as events, where it has them.
    """
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.parallel import cluster, launch

    from ltdsl.display.console import EventConsole

    told, events = "", isinstance(console, EventConsole)

    def pass_on(line: str) -> None:
        nonlocal told
        event = _event(line) if events else None
        if event is None:
            (console.say if events else summarize)(line)
            return
        told = event.pop("event")
        if "resume" in event:  # with as many workers
            event["resume"] = launch.again(options, out)
        console.event(told, **event)

    os.environ.setdefault("COLUMNS", str(shutil.get_terminal_size().columns))
    try:
        if plan is not None:
            cluster.must_divide(plan, options.workers)
        if plan is not None and options.split_classes:
            counts = plan.class_counts
            cluster.must_split(plan, None if counts is None else len(counts), options.workers)
        launch.launch(arguments, options, out, pass_on)
    except RunError as error:
        if told != "error":  # who was killed could not tell
            console.event("error", code=error.code, message=error.message, help=error.hint)
        fail(error.code, error.message, error.hint)
    except KeyboardInterrupt:
        again = launch.again(options, out)
        if told != "interrupted":
            console.event("interrupted", run=str(out), resume=again)
        hint = f"go on with: {again}"
        interrupted(
            "LT499", f"interrupted; {out} keeps everything up to the last whole epoch", hint
        )


def _event(line: str) -> dict[str, Any] | None:
    """What a worker's line tells a program; None for lines to people."""
    if not line.startswith('{"event": '):
        return None
    try:
        return dict(json.loads(line))
    except ValueError:
        return None


def enlist(options: RunOptions) -> Workers:
    """Join the workers that a launcher started; the scheduler's process ends here, with the run.

    Args:
        options: Where to compute, and whether classes are split.
    """
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.parallel import cluster, launch

    try:
        launch.greet_launcher()
        team = cluster.join(options.device)
    except RunError as error:
        stop(error.code, error.message, error.hint)
    if cluster.is_scheduler():
        raise typer.Exit
    return replace(team, split_classes=options.split_classes)


def stop(code: str, message: str, hint: str | None = None, by_user: bool = False) -> NoReturn:
    """End with one sentence: left for the process that launched this one, or else shown.

    Args:
        code: Of what was in the way.
        message: A sentence.
        hint: What to do about it.
        by_user: Ctrl-C ended it.
    """
    from ltdsl_runtime.parallel.launch import tell_launcher

    if tell_launcher(code, message, hint):
        raise typer.Exit(INTERRUPTED if by_user else 1)
    try:
        (interrupted if by_user else fail)(code, message, hint)
    finally:
        if not by_user and "MS_ROLE" in os.environ:  # started by hand, as one of several
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)  # what MindSpore takes leave with crashes where another has gone already
