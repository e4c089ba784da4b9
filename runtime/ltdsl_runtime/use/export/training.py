"""A stage's training step as MindIR: transform, mix, forward, loss, backward, update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mindspore as ms
from mindspore import Tensor, nn

from ltdsl.runs.layout import CHECKPOINTS
from ltdsl_runtime.data import load_data, must_be_same
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.training.networks import teacher_at
from ltdsl_runtime.training.stages import begin_stage, build_stage, optimizer_of
from ltdsl_runtime.tricks.registry import build_sampling
from ltdsl_runtime.use.export.prediction import TOLERANCE, write_graph
from ltdsl_runtime.use.inference import load_model
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.restore import load_own

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.training.stages import Stage
    from ltdsl_runtime.use.trained import Trained


def write_step(run: Trained, which: str, place: Path, folder: Path | None) -> dict[str, Any]:
    """Write the training step of a checkpoint's stage.

    Its weights are the checkpoint's, the trained ones; its optimizer is at the stage's beginning, with all the stage's
    rates ahead, and so is an average.

    Args:
        run: The run.
        which: ``last``, ``best`` or a path.
        place: The file.
        folder: Folder of the data set's files, for those that have any.

    Returns:
        What the file takes and gives, JSON-able, and how far its losses were from the live step's.

    Raises:
        RunError: LT401 to LT403, LT411 to LT413, the data or the checkpoint cannot be used; LT433, MindSpore cannot
            write the step.
    """
    folder = run.places.data(run.plan, folder)
    root = run.places.recipe(run.plan, folder, checkpoints=True)
    data = load_data(run.plan, folder, root, run.left_out)
    must_be_same(data, run.facts, run.path)
    stage, epoch = _stage(run, which, data, root)
    batches = [list(map(Tensor, stage.source[number])) for number in (0, 1 % stage.source.steps)]
    write_graph(stage.step, place, "MINDIR", *batches[0])
    loaded = nn.GraphCell(ms.load(str(place)))
    loaded.set_train()
    losses = [[float(step(*batch).asnumpy()) for batch in batches] for step in (loaded, stage.step)]
    difference = max(abs(a - b) for a, b in zip(*losses, strict=True))
    if not difference <= TOLERANCE * max(1.0, *map(abs, losses[1])):
        raise RunError(
            "LT433",
            f"the file's losses differ from the step's by {difference:.2g}",
            "please report this, with the recipe",
        )
    inputs = zip(stage.source.columns, batches[0], strict=True)
    return {
        "purpose": "training",
        "model": run.plan.model.model_dump(mode="json", by_alias=True),
        "epoch": epoch,
        "stage": stage.plan.name,
        "classes": list(run.data.classes),
        "inputs": [
            {"name": name, "type": str(value.dtype).lower(), "shape": list(value.shape)}
            for name, value in inputs
        ],
        "outputs": [{"name": "loss", "type": "float32", "shape": []}],
        "checked": {"losses": losses[0], "largest_difference": difference},
    }


def _stage(run: Trained, which: str, data: LoadedData, root: Path) -> tuple[Stage, int]:
    """The stage that a checkpoint was made in, with its weights and a fresh optimizer."""
    model = load_model(run, which, trained=True)
    if model.epoch is None:
        raise RunError(
            "LT433", f"{model.path} does not say which stage it is of", "use last or best"
        )
    plan, network = run.plan, model.network
    weights = {p.name: p.asnumpy().copy() for p in network.get_parameters()}
    stage = plan.stage_at(model.epoch)
    if stage.sampler.needs_weights:
        start = run.path / CHECKPOINTS / f"{stage.name}-start.ckpt"
        checkpoints.apply(load_own(start, plan.digest()), network, start)
    sampling = build_sampling(stage.sampler, network, data)
    trained = begin_stage(plan, stage, network)
    index = plan.stages.index(stage)
    optimizer = optimizer_of(plan, index, data, network, trained, begun=index)
    teacher = teacher_at(root / stage.teacher.teacher, plan, data) if stage.teacher else None
    built = build_stage(plan, stage, data, network, optimizer, teacher, sampling)
    checkpoints.apply(weights, network, model.path)
    if built.step.average is not None:
        built.step.average.begin()
    built.step.set_train(True)
    return built, model.epoch
