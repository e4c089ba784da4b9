"""One run, from a plan to a filled run directory."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltdsl.catalogue import RandomResizedCrop
from ltdsl.runs.layout import TENSORBOARD
from ltdsl_runtime import tracking
from ltdsl_runtime.clock import now_at, profiled
from ltdsl_runtime.data import left_out_lines, load_data, must_be_same, unreadable
from ltdsl_runtime.data.copies import about_copies
from ltdsl_runtime.data.decoded import decoded_once
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import as_begun, prepare
from ltdsl_runtime.machine.identity import processor_facts
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.parallel.follower import meet, open_directory
from ltdsl_runtime.rundir.directory import must_be_free
from ltdsl_runtime.rundir.places import noted
from ltdsl_runtime.rundir.versions import versions
from ltdsl_runtime.training.agreement import must_agree
from ltdsl_runtime.training.tensorboard import must_be_there

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.display.console import Console
    from ltdsl.options import Origin, RunOptions
    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.rundir.directory import RunDirectory


def run(
    plan: Plan,
    origin: Origin,
    out: Path,
    console: Console,
    options: RunOptions,
    workers: Workers | None = None,
    then: Callable[..., dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Train and evaluate a plan.

    Args:
        plan: What to do.
        origin: What it was made from: kept with the results.
        out: The run directory; must be empty or missing.
        console: Where progress is shown.
        options: How to do it.
        workers: This one among those that share the work; None works alone.
        then: What to do in place of training, once the run has begun.

    Returns:
        What evaluation.json holds.

    Raises:
        RunError: Something outside the recipe is in the way; the message says what.
        KeyboardInterrupt: The user stopped it; everything up to the last whole epoch is kept.
    """
    workers = workers or ALONE
    if options.tensorboard:
        must_be_there()
    tracking.must_be_there(options.track)
    with terminable(), profiled(options.profile and workers.first):
        now_at("start")
        device = prepare(options.device, plan.precision)
        if device.note:
            console.warn(device.note)
        root, left_out = origin.root.resolve(), origin.left_out
        if workers.first:  # before every image is read
            with contextlib.suppress(OSError):  # it is told when the folder is opened
                must_be_free(out)
        if options.skip_unreadable:
            left_out = _unreadable(plan, options.data, root, console)
            plan = plan.model_copy(update={"class_counts": None})
        loaded = load_data(plan, options.data, root, left_out)
        plan = loaded.completed(plan)
        if workers.first:
            loaded = _with_copies(plan, loaded, console)
        computed = {**device.facts(), **workers.facts()}
        beginning = None
        if origin.begins is not None:
            from ltdsl_runtime.training.beginning import Beginning

            computed_here = {"versions": versions(), **computed}
            beginning = Beginning(origin.begins, plan, loaded, root, computed_here)
            plan = beginning.plan
        must_agree(plan, loaded, workers)
        with open_directory(out, workers) as directory:
            directory.begin(
                plan,
                origin.texts,
                changes=list(origin.changes),
                data_sha256=loaded.fingerprint,
                data=loaded.describe(),
                unreadable=list(left_out),
                warnings=_warnings(loaded),
                **noted(out, root, options.data),
                **computed,
                **processor_facts(),
            )
            _tell_beginning(console, plan, directory)
            if beginning is not None:
                console.say(beginning.said)
                if workers.first:
                    beginning.hand_over(directory)
            meet(directory, workers)
            return (then or _train)(plan, loaded, directory, console, options, root, workers)


def resume(
    path: Path, console: Console, options: RunOptions, workers: Workers | None = None
) -> dict[str, Any]:
    """Go on with a run that was interrupted, after the last epoch that it has a checkpoint of.

    Args:
        path: The run directory.
        console: Where progress is shown.
        options: As for :func:`run`. A run goes on with its data and kernels and writing event files, unless told
            otherwise.
        workers: As for :func:`run`; there may be others than before.

    Returns:
        What evaluation.json holds.

    Raises:
        RunError: As for :func:`run`; LT422, there is nothing to resume; LT403, the data are others.
        KeyboardInterrupt: The user stopped it; everything up to the last whole epoch is kept.
    """
    workers = workers or ALONE
    tracking.must_be_there(options.track)
    with (
        terminable(),
        profiled(options.profile and workers.first),
        open_directory(path, workers, resume=True) as directory,
    ):
        now_at("start")
        meet(directory, workers)
        tensorboard = options.tensorboard or (path / TENSORBOARD).is_dir()
        if tensorboard:
            must_be_there()
        plan = directory.plan()
        device = prepare(as_begun(options.device, directory.facts.last_leg), plan.precision)
        if device.note:
            console.warn(device.note)
        data = directory.places.data(plan, options.data)
        options = replace(options, data=data, tensorboard=tensorboard)
        root = directory.places.recipe(plan, data, checkpoints=True)
        loaded = load_data(plan, data, root, directory.facts.unreadable)
        must_be_same(loaded, directory.facts, path)
        must_agree(plan, loaded, workers)
        unlike = directory.go_on(**device.facts(), **workers.facts(), **processor_facts())
        _tell_beginning(console, plan, directory, len(directory.metrics()))
        if unlike:
            console.warn(
                f"warning[LT418]: the run goes on with {unlike}: its numbers may differ from those of a run without a "
                "break"
            )
        return _train(plan, loaded, directory, console, options, root, workers, going_on=True)


def _tell_beginning(console: Console, plan: Plan, directory: RunDirectory, done: int = 0) -> None:
    """Tell a program what begins, or goes on after some epochs."""
    facts = directory.facts.last_leg
    console.event(
        "begin",
        run=str(directory.path),
        plan_sha256=plan.digest(),
        epochs=plan.epochs,
        done=done,
        stages=[
            {"stage": stage.name, "start": stage.start, "end": stage.end} for stage in plan.stages
        ],
        device=facts.device,
    )


def _with_copies(plan: Plan, loaded: LoadedData, console: Console) -> LoadedData:
    """The data with what there is to say of images that are there twice, after saying it."""
    found = tuple(about_copies(plan.dataset, loaded.parts))
    for note in found:
        console.event(note.level, code=note.code, message=note.message)
        console.warn(f"{note.level}[{note.code}]: {note.message}", note.hint)
    return replace(loaded, notes=(*loaded.notes, *found))


def _warnings(loaded: LoadedData) -> list[str] | None:
    """What was found in the data, for run.json; all but copies was shown when the recipe was compiled."""
    return [note.message for note in loaded.notes if note.level == "warning"] or None


def _unreadable(plan: Plan, data: Path | None, root: Path, console: Console) -> tuple[str, ...]:
    """The names of images that cannot be read, after telling about them."""
    with console.status("reading every image once"):
        found = unreadable(plan.dataset, data, root)
    for line in left_out_lines(tuple(found.values())):
        console.warn(line)
    return tuple(found)


def _decoded(
    plan: Plan, loaded: LoadedData, console: Console, options: RunOptions, workers: Workers
) -> LoadedData:
    """The data, with images in files decoded for all epochs; those of a single epoch are decoded as they come."""
    from ltdsl_runtime.training.features import are_kept

    # those that stages train on features of are decoded once anyway
    stages = [stage for stage in plan.stages if not are_kept(plan, stage, workers)]
    if options.no_cache or sum(stage.epochs for stage in stages) <= 1:
        return loaded
    cropped = any(
        stage.augment and stage.augment[0].name == RandomResizedCrop.name for stage in stages
    )
    with console.status("decoding every image once"):
        return decoded_once(loaded, cropped)


def _train(
    plan: Plan,
    loaded: LoadedData,
    directory: RunDirectory,
    console: Console,
    options: RunOptions,
    root: Path,
    workers: Workers,
    going_on: bool = False,
) -> dict[str, Any]:
    """Train, and record how it ended, where that can still be written."""
    from ltdsl_runtime.training.epochs.cache import stage_cache
    from ltdsl_runtime.training.progress import reporter
    from ltdsl_runtime.training.tracked import begin_tracking, end_tracking
    from ltdsl_runtime.training.train import Trainer

    try:
        loaded = _decoded(plan, loaded, console, options, workers)
        with reporter(console, plan) as told:
            shared = stage_cache(plan, loaded, directory, root, options)
            trainer = Trainer(plan, loaded, directory, told, options, root, workers, shared)
            if options.track and workers.first:
                trainer.tracking = begin_tracking(plan, directory, options, told.warn)
            try:
                result = trainer(resume=going_on)
            finally:
                if trainer.tracking:
                    end_tracking(trainer.tracking, directory, options)
    except BaseException as error:
        # nobody reads what is printed, which rich answers by leaving: as good as Ctrl-C
        unread = isinstance(error, BrokenPipeError | SystemExit)
        with contextlib.suppress(RunError):
            if unread or isinstance(error, KeyboardInterrupt):
                directory.note(status="interrupted")
            else:
                directory.note(status="failed", error=str(error))
        if unread:
            raise KeyboardInterrupt from error
        raise
    directory.note(status="finished")
    if workers.first:
        with contextlib.suppress(OSError):
            directory.checkpoint("previous").unlink()  # nothing will go on from it
    return result


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM, and the closing of a terminal, end a run as Ctrl-C does: with its status recorded.

    A cluster that takes its machine back sends SIGTERM; and once MindSpore has compiled a graph, it turns Ctrl-C into
    it. Whoever presses Ctrl-C again is patient for the moment that writing takes.
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to the main one
        yield
        return
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            raise KeyboardInterrupt

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    # what is ignored stays ignored: nohup ignores SIGHUP
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number] or signal.SIG_DFL)
