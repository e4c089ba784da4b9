"""ltdsl from Python: what the commands do, for notebooks and scripts.

    from ltdsl import api

    run = api.run("stage1: input_mixup; stage2: class_balanced @ 80%", "runs/first", changes={"epochs": 20})
    run.evaluation.last.top1_error

What is here is stable: names stay, and arguments are only added. A recipe is given as its text, or as the path of its
file: a :class:`~pathlib.Path`, or a string that ends in ``.lt``. Paths that a recipe given as text names are relative
to the working folder. ``compile``, ``check`` and ``plan`` need the language half alone; the others need the extra
``train``. MindSpore keeps one device for a process: the first call chooses it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ltdsl.errors import RunError
from ltdsl.runs import Evaluation, Run, UnreadableError, read_run

if TYPE_CHECKING:
    from ltdsl_runtime.use.trained import Trained

    from ltdsl.compiler import Compilation, Survey
    from ltdsl.diagnostics import Diagnostic
    from ltdsl.plan import Plan
    from ltdsl.recipe import Recipe
    from ltdsl.survey import Surveyed

__all__ = [
    "Evaluation",
    "Prediction",
    "RecipeError",
    "Run",
    "RunError",
    "UnreadableError",
    "check",
    "compile",
    "evaluate",
    "plan",
    "predict",
    "read_run",
    "report",
    "resume",
    "run",
]

Changes = Mapping[str, Any] | Sequence[str]
"""What ``--set`` changes: values by address, or texts like ``"optimizer.lr=0.05"``."""

PathLike = str | os.PathLike[str]


class RecipeError(Exception):
    """A recipe has errors; the message is all of them as `ltdsl check` prints them.

    Attributes:
        diagnostics: Everything that was found, warnings and advice included.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        from ltdsl.diagnostics import Severity
        from ltdsl.diagnostics.render import render

        self.diagnostics = list(diagnostics)
        errors = [each for each in self.diagnostics if each.severity is Severity.ERROR]
        super().__init__("\n\n".join(map(render, errors)))


class Prediction(NamedTuple):
    """What a model sees in an image.

    Attributes:
        path: The image.
        classes: The names of the most probable classes, the first one first; none where it could not be read.
        confidences: Their probabilities, from 0 to 1.
        error: Why it could not be read, or None.
    """

    path: Path
    classes: tuple[str, ...]
    confidences: tuple[float, ...]
    error: RunError | None = None


def compile(  # noqa: A001 - what it does
    recipe: PathLike,
    *,
    changes: Changes = (),
    seed: int | None = None,
    data: PathLike | None = None,
    allow_outside: bool = False,
) -> Compilation:
    """Compile a recipe as far as its problems allow.

    Args:
        recipe: Its text, or its file.
        changes: What to change in it, as ``--set`` does.
        seed: The run's seed, in [0, 2^32).
        data: Folder of the data set's files: their images are counted, for all that depends on counts.
        allow_outside: Whether files that it names may lie outside its folder.

    Returns:
        The syntax tree, recipe and plan, as far as there are any, and all diagnostics.

    Raises:
        RecipeError: The file cannot be read.
        RunError: LT4xx, nor can the data.
    """
    survey = None if data is None else _survey(_folder(recipe), Path(data))
    return _compiled(recipe, _assignments(changes, seed), allow_outside, survey)


def check(
    recipe: PathLike, *, changes: Changes = (), data: PathLike | None = None
) -> list[Diagnostic]:
    """Everything that `ltdsl check` has to say about a recipe; nothing where all is well.

    Args:
        recipe: Its text, or its file.
        changes: As for :func:`compile`.
        data: As for :func:`compile`.
    """
    try:
        return compile(recipe, changes=changes, data=data).diagnostics
    except RecipeError as error:
        return error.diagnostics


def plan(
    recipe: PathLike,
    *,
    changes: Changes = (),
    seed: int | None = None,
    data: PathLike | None = None,
) -> Plan:
    """What a recipe means, every value resolved.

    Args:
        recipe: Its text, or its file.
        changes: As for :func:`compile`.
        seed: As for :func:`compile`.
        data: As for :func:`compile`.

    Raises:
        RecipeError: It has errors.
    """
    return _planned(compile(recipe, changes=changes, seed=seed, data=data))


def run(
    recipe: PathLike,
    out: PathLike,
    *,
    changes: Changes = (),
    seed: int | None = None,
    data: PathLike | None = None,
    device: str = "auto",
    tensorboard: bool = False,
    skip_unreadable: bool = False,
    allow_outside: bool = False,
    quiet: bool = False,
) -> Run:
    """Train and evaluate a recipe.

    Args:
        recipe: Its text, or its file.
        out: The run directory, empty or new.
        changes: As for :func:`compile`.
        seed: As for :func:`compile`.
        data: Folder of the data set's files.
        device: ``auto``, ``ascend``, ``gpu`` or ``cpu``; see `ltdsl run --help` for all.
        tensorboard: Write TensorBoard's event files too.
        skip_unreadable: Go without images that cannot be read.
        allow_outside: As for :func:`compile`.
        quiet: Show no progress.

    Raises:
        RecipeError: The recipe has errors.
        RunError: Something outside it is in the way.
        KeyboardInterrupt: All up to the last whole epoch is kept, and :func:`resume` goes on.
    """
    _need_training()
    from ltdsl_runtime.training.run import run as train

    from ltdsl.options import Origin, RunOptions
    from ltdsl.source import texts

    folder = Path(data) if data is not None else None
    assignments = _assignments(changes, seed)
    survey = _survey(_folder(recipe), folder)
    result = _compiled(recipe, assignments, allow_outside, survey)
    options = RunOptions(
        device=device, data=folder, tensorboard=tensorboard, skip_unreadable=skip_unreadable
    )
    origin = Origin(texts(result.sources), _folder(recipe), assignments)
    train(_planned(result), origin, Path(out), _console(quiet), options)
    return read_run(out)


def resume(
    run: PathLike | Run, *, data: PathLike | None = None, device: str = "auto", quiet: bool = False
) -> Run:
    """Go on with a run that was interrupted: the numbers are those of a run without a break.

    Args:
        run: The run directory.
        data: Where the images are, if not where they were.
        device: As for :func:`run`.
        quiet: Show no progress.

    Raises:
        RunError: There is nothing to go on with, or something is in the way.
    """
    _need_training()
    from ltdsl_runtime.training.run import resume as train

    from ltdsl.options import RunOptions

    options = RunOptions(device=device, data=Path(data) if data is not None else None)
    train(_path(run), _console(quiet), options)
    return read_run(_path(run))


def evaluate(
    run: PathLike | Run,
    checkpoint: str | None = None,
    *,
    data: PathLike | None = None,
    images: PathLike | None = None,
    other_data: bool = False,
    predictions: PathLike | None = None,
    device: str = "auto",
) -> Evaluation:
    """Evaluate a run again: on its test images its own figures, bit for bit.

    Args:
        run: The run directory.
        checkpoint: ``last``, ``best`` or a path; last and best by default.
        data: Where the images are, if not where they were.
        images: Folder of class folders to evaluate on instead.
        other_data: Allow other test images than the run's, of the same classes.
        predictions: Folder that takes the predictions for each image.
        device: As for :func:`run`.

    Raises:
        UnreadableError: It is no run.
        RunError: Its checkpoint or its images cannot be used.
    """
    trained = _trained(run)
    from ltdsl_runtime.use.reevaluate import evaluate_run

    figures = evaluate_run(
        trained,
        checkpoint,
        device=device,
        data=Path(data) if data is not None else None,
        other_data=other_data,
        images=Path(images) if images is not None else None,
        predictions=Path(predictions) if predictions is not None else None,
    )
    return Evaluation.model_validate(figures)


def predict(
    run: PathLike | Run,
    images: PathLike | Sequence[PathLike],
    *,
    top: int = 1,
    checkpoint: str | None = None,
    device: str = "auto",
) -> list[Prediction]:
    """Name what is in images.

    Args:
        run: The run directory.
        images: Files, folders with images, or patterns such as ``"photos/**/*.jpg"``.
        top: Classes to name for each, at least 1.
        checkpoint: ``last``, ``best`` or a path; best by default where the run chose one.
        device: As for :func:`run`.

    Returns:
        One for each image, in the order given; those that cannot be read say why.

    Raises:
        UnreadableError: It is no run.
        RunError: The checkpoint cannot be used, or a name stands for no image.
        ValueError: ``top`` is less than 1.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, not {top}")
    trained = _trained(run)
    from ltdsl_runtime.use.predict import find_images
    from ltdsl_runtime.use.predict import predict as predictions

    given = [images] if isinstance(images, str | os.PathLike) else list(images)
    names = [os.fspath(image) for image in given]
    found = predictions(trained, checkpoint or trained.preferred, find_images(names), top, device)
    classes = trained.data.classes
    return [
        Prediction(
            each.path, tuple(classes[label] for label in each.classes), each.confidences, each.error
        )
        for each in found
    ]


def report(*runs: PathLike | Run, out: PathLike | None = None) -> Path:
    """Write the page of a run, or of several compared, and return its path.

    Args:
        runs: Run directories, or folders that hold some.
        out: The file; ``report.html`` in the run directory, or ``comparison.html``, by default.

    Raises:
        RunError: A folder is no run, or the file cannot be written.
    """
    from ltdsl.report import ReportError, write_report

    try:
        return write_report([_path(each) for each in runs], Path(out) if out is not None else None)
    except ReportError as error:
        raise RunError(error.code, error.message, error.hint) from error


def _load_plugins() -> None:
    """What this user has enabled joins the catalogue, as for every command."""
    import warnings

    from ltdsl.plugins.loading import load

    for problem in load():
        warnings.warn(f"{problem.message}; {problem.hint}", stacklevel=3)


def _compiled(
    recipe: PathLike, assignments: Sequence[str], allow_outside: bool, survey: Survey | None
) -> Compilation:
    from ltdsl.compiler import compile_recipe
    from ltdsl.source import Source
    from ltdsl.syntax.parser import read_source

    _load_plugins()
    path = _file(recipe)
    source = Source("recipe", os.fspath(recipe)) if path is None else read_source(path)
    if not isinstance(source, Source):
        raise RecipeError([source])
    return compile_recipe(source, assignments, allow_outside=allow_outside, survey=survey)


def _file(recipe: PathLike) -> Path | None:
    """The recipe's file; None where it is given as text."""
    is_text = isinstance(recipe, str) and not (recipe.endswith(".lt") and "\n" not in recipe)
    return None if is_text else Path(recipe)


def _folder(recipe: PathLike) -> Path:
    """What paths in a recipe are relative to."""
    path = _file(recipe)
    return Path() if path is None else path.parent


def _assignments(changes: Changes, seed: int | None) -> tuple[str, ...]:
    from ltdsl.catalogue.entry import write

    if isinstance(changes, Mapping):
        changes = [f"{address}={write(value)}" for address, value in changes.items()]
    return (*changes, *([] if seed is None else [f"seed={seed}"]))


def _planned(result: Compilation) -> Plan:
    if result.failed or result.plan is None:
        raise RecipeError(result.diagnostics)
    return result.plan


def _survey(root: Path, data: Path | None) -> Survey:
    """Counts the images of data sets whose files alone know."""
    _need_training()

    def survey(recipe: Recipe) -> Surveyed | None:
        from ltdsl_runtime.data import survey as count

        settings = recipe.settings
        return count(
            settings.dataset,
            data,
            root,
            validation=settings.validation,
            split_seed=settings.split_seed,
        )

    return survey


def _need_training() -> None:
    from ltdsl.system.memory import must_be_enough
    from ltdsl.system.packages import missing

    if why := missing("training", "train"):
        raise RunError("LT430", why)
    must_be_enough()
    _load_plugins()


def _trained(run: PathLike | Run) -> Trained:
    _need_training()
    from ltdsl_runtime.use.trained import open_run

    from ltdsl.runs.plan import read_plan

    return open_run(_path(run), read_plan(_path(run)))


def _path(run: PathLike | Run) -> Path:
    return run.path if isinstance(run, Run) else Path(run)


def _console(quiet: bool) -> Any:
    from ltdsl.display.console import Console

    return Console(quiet=quiet)
