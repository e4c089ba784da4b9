"""The network that a run starts with, where its recipe names weights: a run's own, or published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ltdsl.wording import counted
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import planned_network
from ltdsl_runtime.models.classifiers import use_factors
from ltdsl_runtime.models.scaled import FACTORS
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.averages import as_used
from ltdsl_runtime.weights.classes import names_in, related, reordered, told
from ltdsl_runtime.weights.foreign.fitting import fit
from ltdsl_runtime.weights.foreign.reading import read_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ltdsl.plan import Plan
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.weights.records import Saved


class Start(NamedTuple):
    """What a run starts with.

    Attributes:
        network: The network.
        whole: Whether its classifier is the checkpoint's.
        said: What to tell of the classifier; None where all is as one would think.
    """

    network: Network
    whole: bool
    said: str | None


def started_from(
    plan: Plan,
    num_classes: int,
    in_channels: int,
    path: Path,
    class_names: Sequence[str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Start:
    """A plan's model with the weights of a checkpoint, or of a file of PyTorch or safetensors.

    Parameters are known by their names here or by those of the published model. A classifier of other classes, or of
    another kind, is of no use: it then keeps its initial weights. One of the same classes in another order gives each
    class its own row.

    Args:
        plan: The run.
        num_classes: Number of classes.
        in_channels: Channels of the images.
        path: The checkpoint.
        class_names: One a class, by label; None where they have none.
        say: Told line by line what became of another program's tensors.

    Raises:
        RunError: LT411, the checkpoint cannot be read; LT412, it is that of another model, or it has no classifier to
            use and the first stage needs one.
    """
    network = planned_network(plan, num_classes, in_channels)
    saved = _named_as_here(network, plan, path, say)
    known = related(names_in(saved, path), class_names)
    whole = _fits(network, saved) and known.kind != "other"
    if whole and FACTORS in saved:
        use_factors(network, num_classes)
    if not whole:
        _must_do_without(plan, num_classes, path)
        saved |= {p.name: p.asnumpy() for p in network.classifier.get_parameters()}
    elif known.order is not None:
        saved = reordered(saved, network, known.order)
    checkpoints.apply(saved, network, path)
    said = told(known.kind, path)
    if not whole:
        said = f"the classifier starts anew: {path} has none of these classes"
    return Start(network, whole, said)


def _named_as_here(network: Network, plan: Plan, path: Path, say: Callable[[str], None]) -> Saved:
    foreign = read_foreign(path)
    if foreign is None:
        return _renamed(network, as_used(checkpoints.load(path)))
    found = fit(network, plan.model.name, foreign, path)
    say(f"{path}: {foreign.form}, {counted(foreign.numbers, 'number')}")
    for line in found.lines(network.classifier.weight.shape[0]):
        say(line)
    if getattr(network, "max_pool", None) == "mindcv":
        say(
            "  pooling     mindcv's; `max_pool = torchvision` computes what the weights were trained in"
        )
    return dict(found.arrays)


def _renamed(network: Network, saved: Saved) -> Saved:
    if all(parameter.name in saved for parameter in network.body.get_parameters()):
        return dict(saved)
    here = {there: name for name, there in network.plain_names.items()}
    return {here.get(name, name): value for name, value in saved.items()}


def _fits(network: Network, saved: Saved) -> bool:
    found = ((p, saved.get(p.name)) for p in network.classifier.get_parameters())
    return all(isinstance(value, np.ndarray) and value.shape == p.shape for p, value in found)


def _must_do_without(plan: Plan, num_classes: int, path: Path) -> None:
    first = plan.stages[0]
    needs = [first.sampler.name] if first.sampler.needs_weights else []
    if first.classifier is not None and not first.classifier.draws_anew:
        needs.append(first.classifier.name)
    if needs:
        message = (
            f"{path} has no classifier of these {num_classes} classes, and `{needs[0]}` in the first stage "
            "needs one that is trained"
        )
        raise RunError("LT412", message, "let a stage without it come first")
