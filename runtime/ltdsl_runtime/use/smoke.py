"""A run tried out: a few steps of every stage, an evaluation and an export, of which nothing is kept."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.cache.place import FOLDER
from ltdsl.wording import counted
from ltdsl_runtime.data import load_data, unreadable
from ltdsl_runtime.machine.device import prepare
from ltdsl_runtime.training.run import terminable
from ltdsl_runtime.use.export import export_run
from ltdsl_runtime.use.trained import open_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltdsl.display.console import Console
    from ltdsl.options import Origin, RunOptions
    from ltdsl.plan import Plan


def smoke(plan: Plan, origin: Origin, console: Console, options: RunOptions) -> None:
    """Try a plan out, in a folder that is removed, with a cache that is removed.

    All graphs of the run are compiled for its own batches, and all files are read and written that it would read and
    write.

    Args:
        plan: What would be trained.
        origin: What it was made from.
        console: Where it is told.
        options: How it would be trained, by one process.

    Raises:
        RunError: Whatever would stop the run, as far as a few steps show it.
    """
    with tempfile.TemporaryDirectory(prefix="ltdsl-smoke-") as name, _cache_in(Path(name)):
        folder, root = Path(name), origin.root.resolve()
        device = prepare(options.device, plan.precision)
        if device.note:
            console.warn(device.note)
        options = replace(options, device=device.name)
        if options.skip_unreadable:
            found = unreadable(plan.dataset, options.data, root)
            origin = replace(origin, left_out=tuple(found))
            plan = plan.model_copy(update={"class_counts": None})
        loaded = load_data(plan, options.data, root, origin.left_out)
        plan = loaded.completed(plan)
        # it imports mindspore, which must find the environment prepared
        from ltdsl_runtime.training.trial import try_out

        with terminable():  # the folder is removed however it ends
            tried = try_out(plan, loaded, origin, folder / "run", console, options, root)
        run = open_run(folder / "run", tried)
        export_run(run, "mindir", folder / "model.mindir", "last", device=options.device)
        console.say("export: MindIR, read back and compared with the live network")
        steps = sum(each.epochs * each.steps_per_epoch(loaded.counts) for each in plan.stages)
    console.say(
        f"nothing was kept; the run would take {counted(plan.epochs, 'epoch')}, {counted(steps, 'step')}"
    )


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Keep what is cached in a folder."""
    before = os.environ.get(FOLDER)
    os.environ[FOLDER] = str(folder / "cache")
    try:
        yield
    finally:
        if before is None:
            del os.environ[FOLDER]
        else:
            os.environ[FOLDER] = before
