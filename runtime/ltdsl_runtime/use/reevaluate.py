"""Evaluation of a run that was trained before, on its own test images or on others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.runs.arrays import write_predictions
from ltdsl.runs.evaluation import Evaluation
from ltdsl.runs.layout import PREDICTIONS
from ltdsl.wording import counted
from ltdsl_runtime.data import load_data, must_be_same
from ltdsl_runtime.data.folders import load_known
from ltdsl_runtime.data.image import View
from ltdsl_runtime.data.names import called
from ltdsl_runtime.data.readers import read
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import as_begun, prepare
from ltdsl_runtime.weights.classes import related

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltdsl.runs.predictions import Checkpoint
    from ltdsl_runtime.data.files import ImageFiles
    from ltdsl_runtime.data.part import Part
    from ltdsl_runtime.use.trained import Trained


def evaluate_run(
    run: Trained,
    checkpoint: str | None = None,
    *,
    device: str = "auto",
    data: Path | None = None,
    other_data: bool = False,
    images: Path | None = None,
    predictions: Path | None = None,
    unread: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Evaluate a run's checkpoints as the run itself does at its end.

    Args:
        run: The run.
        checkpoint: ``last``, ``best`` or a path; all that the run has by default.
        device: ``auto``, or a name of :data:`ltdsl_runtime.machine.device.TARGETS`.
        data: Folder of the data set's files, for those that have any.
        other_data: Take other test images than the run's, of the same classes.
        images: Folder of class folders to evaluate on instead of the run's data set.
        predictions: Folder that takes the predictions for each image, also of the run's validation part; made where it
            is missing.
        unread: Told why one of ``images`` cannot be read, which the others go on without; None refuses such images.

    Returns:
        What evaluation.json holds, for the checkpoints asked for, by name; one that was given by its path is called
        ``checkpoint``. Of other data also ``other_data``, their fingerprint; where there is more to know, ``notes``.

    Raises:
        RunError: LT411 to LT413, a checkpoint cannot be used; LT401 to LT403, nor can the data; LT414, they have other
            classes; LT421, the predictions cannot be written.
    """
    names = [checkpoint] if checkpoint else run.checkpoints()
    for name in names:
        run.checkpoint(name)  # before anything that takes time
    prepare(as_begun(device, run.facts.last_leg))
    test: Part
    held: Part | None = None
    notes: list[str] = []
    if images is not None:
        view = View(**run.data.view.model_dump())
        test, left = load_known(images, run.data.classes, view)
        notes += [note.message for note in left if note.level == "warning"]
        if unread is not None:
            test = _readable(test, unread)
        fingerprint = test.fingerprint()
    else:
        test, fingerprint = test_part(run, data, other_data)
        if predictions is not None and fingerprint == run.test_fingerprint:
            held = _validation_part(run, data)
    # they import mindspore, which must find the environment prepared
    from ltdsl_runtime.training.evaluate import Evaluator, described, judged
    from ltdsl_runtime.use.inference import load_model
    from ltdsl_runtime.weights.averages import weights_told

    plan = run.plan
    result: dict[str, Any] = {"best_on": plan.best_on, "best_by": plan.best_by}
    result["test_images"] = len(test)
    if fingerprint != run.test_fingerprint:
        result["other_data"] = fingerprint
    model, evaluators = None, {}  # a graph for each way to be confident, of the same network
    for name in names:
        model = load_model(run, name, into=model)
        notes += [model.said] if model.said else []
        if model.confidence not in evaluators:
            step = model.evaluation(logits=predictions is not None)
            evaluators[model.confidence] = Evaluator(step, len(run.data.classes), images=len(test))
        evaluate = evaluators[model.confidence]
        scores, told = judged(evaluate, test, model.fitted, predictions is not None)
        figures = scores.report(run.data.train_counts, run.data.classes)
        key: Checkpoint = "last" if name == "last" else "best" if name == "best" else "checkpoint"
        result[key] = {"epoch": model.epoch, **weights_told(model.averaged), **told, **figures}
        if predictions is not None:
            about = described(plan, scores, key, "test", model.epoch, fingerprint)
            _write(predictions, run, about)
            if held is not None:
                scores = evaluate(held, logits=True)
                whose = run.facts.data_sha256["validation"]
                _write(
                    predictions, run, described(plan, scores, key, "validation", model.epoch, whose)
                )
    if notes:
        result["notes"] = notes
    return Evaluation.model_validate(result).as_data()


def _readable(images: ImageFiles, unread: Callable[[str], None]) -> ImageFiles:
    """The images that can be read, after telling of the others."""
    damaged = images.unreadable()
    for why in damaged.values():
        unread(why)
    left = [at for at, name in enumerate(images.names) if name not in damaged]
    if not left:
        raise RunError("LT402", f"no image in {images.root} can be read", "are these image files?")
    return images.take(left) if damaged else images


def test_part(run: Trained, folder: Path | None, other_data: bool) -> tuple[Part, str]:
    """The test images of the run's data set, and their fingerprint."""
    folder = run.places.data(run.plan, folder)
    test = read(run.plan.dataset, folder, run.places.recipe(run.plan, folder), run.left_out).test
    fingerprint = test.fingerprint()
    known = related([called(name) for name in run.data.classes], test.class_names)
    if fingerprint == run.test_fingerprint and known.kind in ("same", "unknown"):
        return test, fingerprint
    if not other_data and fingerprint != run.test_fingerprint:
        raise RunError(
            "LT403",
            f"these are not the test images that {run.path} was begun with",
            "name the same --data, or allow others with --other-data",
        )
    if known.order is not None and other_data:  # the same classes, numbered in another way
        test = test.relabelled(known.order, tuple(run.data.classes))
    elif tuple(map(called, run.data.classes)) != test.class_names:
        raise RunError("LT414", _difference(run.data.classes, test.class_names))
    shape, view = test.shape, run.data.view
    if shape != (view.channels, view.height, view.width):
        raise RunError(
            "LT414",
            f"the images have {' × '.join(map(str, shape))} values, and the model takes "
            f"{view.channels} × {view.height} × {view.width}",
        )
    return test, fingerprint


def _validation_part(run: Trained, folder: Path | None) -> Part | None:
    """The validation images of the run; None where it has none."""
    if "validation" not in run.facts.data_sha256:
        return None
    folder = run.places.data(run.plan, folder)
    loaded = load_data(run.plan, folder, run.places.recipe(run.plan, folder), run.left_out)
    must_be_same(loaded, run.facts, run.path)
    return loaded.validation


def _write(folder: Path, run: Trained, about: dict[str, Any]) -> None:
    """Write the predictions of a part: where the run keeps its own, if they are for the run's folder."""
    its_own = folder.resolve() == run.path.resolve()
    try:
        write_predictions(folder, PREDICTIONS if its_own else "", **about)
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror or error}"
        raise RunError("LT421", message, "free space or choose another folder") from error


def _difference(trained: tuple[str, ...], found: tuple[str, ...]) -> str:
    """Where two lists of classes differ first."""
    if len(trained) != len(found):
        return f"the model has {counted(len(trained), 'class')}, and the data have {len(found)}"
    index = next(i for i, names in enumerate(zip(trained, found, strict=True)) if len({*names}) > 1)
    return f"class {index} is called `{trained[index]}` where the model was trained, and `{found[index]}` in the data"
