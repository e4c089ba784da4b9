"""From what is declared to what implements it: one table a kind.

A test asserts that the tables' names are those of the catalogue. :func:`implement` adds to them what is declared
elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from ltdsl import catalogue
from ltdsl.catalogue.phases import SimplexFrame
from ltdsl_runtime.data.augment import AUGMENTATIONS
from ltdsl_runtime.data.readers import READERS
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import BUILDERS, freeze
from ltdsl_runtime.models.initial import initialise, simplex_frame
from ltdsl_runtime.models.scaled import FACTORS, ScaledClassifier
from ltdsl_runtime.plugged import implementation, implementation_if_any
from ltdsl_runtime.streams import generator
from ltdsl_runtime.tricks import cam
from ltdsl_runtime.tricks.around import Climb, MaxNorm
from ltdsl_runtime.tricks.averages import Average
from ltdsl_runtime.tricks.calibration import CALIBRATIONS
from ltdsl_runtime.tricks.distillation import Distillation
from ltdsl_runtime.tricks.losses.objectives import LOSSES
from ltdsl_runtime.tricks.mixers import CutMix, InputMixup, Mixer, Remix
from ltdsl_runtime.tricks.optimizers import OPTIMIZERS
from ltdsl_runtime.tricks.posthoc import POSTHOC
from ltdsl_runtime.tricks.samplers import ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mindspore import Parameter
    from numpy.typing import NDArray

    from ltdsl.plan import Plan, StagePlan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.models import Network

__all__ = [
    "CLASSIFIERS",
    "LOSSES",
    "MIXERS",
    "TABLES",
    "TEACHERS",
    "Sampling",
    "build_sampling",
    "implement",
    "implemented",
    "must_suit",
]

#: (declaration, training images of each class) -> mixer
MIXERS: dict[str, Callable[..., Mixer]] = {
    "input_mixup": lambda entry, _: InputMixup(entry.alpha),
    "manifold_mixup": lambda entry, _: InputMixup(entry.alpha, entry.layer),
    "remix": lambda entry, counts: Remix(entry.alpha, entry.kappa, entry.tau, counts),
    "cutmix": lambda entry, _: CutMix(entry.alpha),
    "cmo": lambda entry, _: CutMix(entry.alpha, entry.probability),
}


class Sampling(NamedTuple):
    """What a sampler does beyond drawing.

    Attributes:
        transform: The graph's change of the drawn images, from the columns that ``draw`` makes; or None.
        draw: A generator and the labels of a batch to columns.
    """

    transform: cam.CamBalance | None = None
    draw: Callable[[np.random.Generator, NDArray[np.int32]], tuple[NDArray[Any], ...]] | None = None


def _cam_bs(entry: catalogue.CamBalanced, network: Network, data: LoadedData) -> Sampling:
    frozen = freeze(network)
    _check_maps(frozen, data.train.shape)
    keep = np.asarray(entry.keep_shares(data.counts))
    return Sampling(
        cam.CamBalance(frozen, entry.threshold),
        lambda rng, labels: cam.draw(rng, labels, keep),
    )


def _check_maps(network: Network, image: tuple[int, ...]) -> None:
    """Refuse a network whose classifier does not weigh its last feature maps one by one."""
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)  # in graph mode, each layer would be compiled for this
    try:
        maps = network.features(ops.zeros((1, *image), ms.float32))
    finally:
        ms.set_context(mode=mode)
    weight = network.classifier.weight
    if maps.ndim != 4 or maps.shape[1] != weight.shape[1]:
        raise RunError(
            "LT431",
            f"`cam_bs` needs a classifier that weighs the last feature maps; this model has maps of "
            f"shape {tuple(maps.shape)} and {weight.shape[1]} weights a class",
            "choose a model with global pooling and one linear layer after its maps",
        )


def must_suit(entry: catalogue.Sampler, network: Network, image: tuple[int, ...]) -> None:
    """Refuse a network that a sampler could do nothing with, whatever its weights.

    Args:
        entry: The sampler.
        network: The network.
        image: Channels, height and width of its input.

    Raises:
        RunError: LT431.
    """
    if transforms(type(entry)):
        _check_maps(freeze(network), image)


#: (declaration, network as the stage starts, data) -> sampling; for samplers that change what they draw
TRANSFORMS: dict[str, Callable[..., Sampling]] = {"cam_bs": _cam_bs}


def build_sampling(entry: catalogue.Sampler, network: Network, data: LoadedData) -> Sampling:
    """What a sampler does to the images of a stage that starts with ``network``."""
    if not transforms(type(entry)):
        return Sampling()
    return implementation(TRANSFORMS, entry)(entry, network, data)


def transforms(entry: type[catalogue.Entry]) -> bool:
    """Whether a declaration is of a sampler that changes images which another one draws."""
    return issubclass(entry, catalogue.Sampler) and entry.drawn_by is not catalogue.Sampler.drawn_by


def _crt(plan: Plan, stage: StagePlan, network: Network) -> list[Parameter]:
    # a seed of its own: the first classifier would come out again otherwise
    seed = int(generator(plan.seed, "init", stage.start).integers(2**32))
    initialise(network.classifier, seed, network.part)
    if isinstance(network.classifier, ScaledClassifier):  # factors of the old one
        network.classifier.factors.set_data(ops.ones_like(network.classifier.factors))
    return [p for p in network.classifier.get_parameters() if p.name != FACTORS]


def _lws(plan: Plan, stage: StagePlan, network: Network) -> list[Parameter]:
    del plan, stage
    assert isinstance(network.classifier, ScaledClassifier)  # as the trainer has prepared it
    return [network.classifier.factors]


def _simplex_frame(plan: Plan, stage: StagePlan, network: Network) -> list[Parameter]:
    assert isinstance(stage.classifier, SimplexFrame)
    held = network.classifier
    own, features = held.weight.shape
    classes = own if network.part is None else network.part.classes
    # the same in all stages: features that one has trained suit the next one's
    rows = stage.classifier.length * simplex_frame(classes, features, generator(plan.seed, "init"))
    held.weight.set_data(
        Tensor(rows if network.part is None else network.part.of(rows), ms.float32)
    )
    if held.bias is not None:
        held.bias.set_data(ops.zeros_like(held.bias))
    if isinstance(held, ScaledClassifier):
        held.factors.set_data(ops.ones_like(held.factors))
    names = {parameter.name for parameter in held.get_parameters()}
    return [p for p in network.trainable_params() if p.name not in names]


#: (plan, stage, network, changed in place) -> the parameters that the stage trains
CLASSIFIERS: dict[str, Callable[..., list[Parameter]]] = {
    "crt": _crt,
    "lws": _lws,
    "simplex_etf": _simplex_frame,
}

#: declaration -> (loss, logits, teacher's logits) -> loss
TEACHERS: dict[str, Callable[..., Distillation]] = {
    "dive": lambda entry: Distillation(entry.temperature, entry.alpha, entry.power)
}


def _sam(
    entry: catalogue.SharpnessAware,
    network: Network,
    parameters: Sequence[Parameter],
    own: Sequence[bool],
) -> Climb | None:
    return Climb(network, parameters, entry.rho, own) if entry.rho else None


#: (declaration, network, trained parameters, which are of own classes) -> a climb before a second pass; None for none
SHARPNESS: dict[str, Callable[..., Climb | None]] = {"sam": _sam}

#: (declaration, network) -> what holds its weights within limits
CONSTRAINTS: dict[str, Callable[..., MaxNorm]] = {
    "max_norm": lambda entry, network: MaxNorm(network.classifier.weight, entry.threshold)
}


def build_sharpness(
    entry: catalogue.Sharpness | None,
    network: Network,
    parameters: Sequence[Parameter],
    own: Sequence[bool],
) -> Climb | None:
    """The climb of a stage's steps; see :data:`SHARPNESS`."""
    return None if entry is None else SHARPNESS[entry.name](entry, network, parameters, own)


def build_constraint(entry: catalogue.Constraint | None, network: Network) -> MaxNorm | None:
    """What holds a network's weights within limits after each of a stage's steps."""
    return None if entry is None else CONSTRAINTS[entry.name](entry, network)


#: (declaration, network) -> what follows its weights; None for nothing
AVERAGES: dict[str, Callable[..., Average | None]] = {
    "ema": lambda entry, network: Average(network, entry.decay) if entry.decay else None
}


def build_average(entry: catalogue.Average | None, network: Network) -> Average | None:
    """What follows a network's weights in a stage's steps."""
    return None if entry is None else implementation(AVERAGES, entry)(entry, network)


#: Where each kind's implementations are looked up by name. What one is called with stands at its table.
TABLES: dict[type[catalogue.Entry], dict[str, Any]] = {
    catalogue.Sampler: ORDERS,
    catalogue.Mixer: MIXERS,
    catalogue.Loss: LOSSES,
    catalogue.Classifier: CLASSIFIERS,
    catalogue.Teacher: TEACHERS,
    catalogue.Posthoc: POSTHOC,
    catalogue.Dataset: READERS,
    catalogue.Model: BUILDERS,
    catalogue.Optimizer: OPTIMIZERS,
    catalogue.Sharpness: SHARPNESS,
    catalogue.Constraint: CONSTRAINTS,
    catalogue.Average: AVERAGES,
    catalogue.Calibration: CALIBRATIONS,
    catalogue.Augment: AUGMENTATIONS,
}


def implemented(entry: catalogue.Entry) -> bool:
    """Whether something implements an entry; False where it is all said by its declaration.

    Raises:
        RunError: LT434, nothing does, and something must.
    """
    if isinstance(entry, catalogue.Sampler):
        if transforms(type(entry)):
            implementation(TRANSFORMS, entry)
            return True
        return implementation_if_any(ORDERS, entry) is not None
    table = next((table for kind, table in TABLES.items() if isinstance(entry, kind)), None)
    if table is None:
        return False
    implementation(table, entry)
    return True


def implement(entry: type[catalogue.Entry], build: Any) -> None:
    """Say what trains an entry that was added to the catalogue (``register``).

    A schedule needs none, nor does a sampler that is all said by its class shares. A sampler that transforms what
    another draws gives a transformation (:data:`TRANSFORMS`), any other sampler an order.

    Args:
        entry: Its declaration.
        build: What the entry's table holds; see :data:`TABLES`.

    Raises:
        ValueError: Entries of its kind have no implementations, or this one has one already.
    """
    table = next((table for kind, table in TABLES.items() if issubclass(entry, kind)), None)
    if table is None:
        raise ValueError(f"a {entry.kind} is its declaration alone")
    if transforms(entry):
        table = TRANSFORMS
    if entry.name in table:
        raise ValueError(f"the {entry.kind} `{entry.name}` is implemented already")
    table[entry.name] = build
