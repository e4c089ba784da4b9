"""The models, built by the names that a recipe uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltdsl.catalogue import MODELS
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import native
from ltdsl_runtime.models.classifiers import use_cosine
from ltdsl_runtime.models.cosine import CosineClassifier
from ltdsl_runtime.models.efficientnet import efficientnet_lite0
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.mindcv import MindCV
from ltdsl_runtime.models.network import Frozen, Network, copy_weights, freeze
from ltdsl_runtime.models.repeatable import leave_out_dropout, seeded
from ltdsl_runtime.models.resnet import cifar_resnet, imagenet_resnet10, imagenet_resnet50
from ltdsl_runtime.plugged import implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ltdsl.plan import Plan

__all__ = [
    "BUILDERS",
    "CosineClassifier",
    "Frozen",
    "Network",
    "build_network",
    "copy_weights",
    "freeze",
    "planned_network",
]

BUILDERS: dict[str, Callable[..., Network]] = {
    "resnet8": lambda num_classes, in_channels: cifar_resnet(1, num_classes, in_channels),
    "resnet20": lambda num_classes, in_channels: cifar_resnet(3, num_classes, in_channels),
    "resnet32": lambda num_classes, in_channels: cifar_resnet(5, num_classes, in_channels),
    "resnet10": imagenet_resnet10,
    "resnet50": imagenet_resnet50,
    "efficientnet_lite0": efficientnet_lite0,
    "mindcv": lambda num_classes, in_channels, name, max_pool="mindcv": MindCV(
        name, num_classes, in_channels, max_pool
    ),
}


def build_network(
    name: str,
    params: Mapping[str, Any],
    num_classes: int,
    in_channels: int,
    seed: int = 0,
    cosine_scale: float | None = None,
) -> Network:
    """Builds a model with weights drawn from ``seed`` alone.

    Args:
        name: One of the catalogue's.
        params: The model's own parameters: ``name`` and ``max_pool`` for ``mindcv``, none for the others.
        num_classes: Number of classes C.
        in_channels: Channels of the images.
        seed: Seed of the initial weights.
        cosine_scale: Scale s of a cosine classifier, which replaces the model's linear one; None keeps that.

    Raises:
        RunError: There is no such model.
    """
    if name not in MODELS:
        raise RunError("LT431", f"there is no model `{name}`", f"known: {', '.join(MODELS)}")
    with seeded(seed):
        network = implementation(BUILDERS, MODELS[name])(
            num_classes=num_classes, in_channels=in_channels, **params
        )
    network.dropouts_left_out = leave_out_dropout(network)
    if cosine_scale is not None:
        use_cosine(network, num_classes, cosine_scale)
    initialise(network, seed)
    if native():
        from ltdsl_runtime.models.chain import chained
        from ltdsl_runtime.models.native_cells import use_native

        use_native(network)
        network.chain = chained(network)
    return network


def planned_network(plan: Plan, num_classes: int, in_channels: int) -> Network:
    """Builds a plan's model with the initial weights of the plan's seed."""
    arguments = plan.model.model_dump(by_alias=True)["arguments"]
    return build_network(
        plan.model.name, arguments, num_classes, in_channels, plan.seed, plan.logit_scale
    )
