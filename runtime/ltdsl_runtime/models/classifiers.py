"""Giving a network another classifier than that it was built with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltdsl_runtime.models.cosine import CosineClassifier
from ltdsl_runtime.models.scaled import FACTORS, ScaledClassifier

if TYPE_CHECKING:
    from ltdsl_runtime.models.network import Network


def use_cosine(network: Network, num_classes: int, scale: float) -> None:
    """Replaces a network's classifier by a cosine one.

    The weight's name in checkpoints is its own, since a linear classifier's means something else: neither loads the
    other's.

    Args:
        network: The network, its classifier a dense layer.
        num_classes: Number of classes C.
        scale: s, above 0.
    """
    classifier = CosineClassifier(network.classifier.weight.shape[1], num_classes, scale)
    network.classifier = classifier
    classifier.weight.name = "classifier.cosine_weight"


def use_factors(network: Network, num_classes: int) -> None:
    """Puts a factor on each class of a network's classifier, unless there is one already.

    All other parameters keep their names, so that checkpoints from before and after share them.
    """
    if isinstance(network.classifier, ScaledClassifier):
        return
    names = [parameter.name for parameter in network.classifier.get_parameters()]
    classifier = ScaledClassifier(network.classifier, num_classes)
    network.classifier = classifier  # names all of its parameters by their place
    for parameter, name in zip(classifier.inner.get_parameters(), names, strict=True):
        parameter.name = name
    classifier.factors.name = FACTORS
