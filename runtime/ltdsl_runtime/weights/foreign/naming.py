"""What PyTorch's libraries call the parameters of the models here."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ltdsl_runtime.models.efficientnet import GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltdsl_runtime.models import Network

#: Batch norms' parameters; all others are called alike.
_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


class Naming(NamedTuple):
    """How some library calls a network's parameters.

    Attributes:
        library: Its name, for people.
        names: A parameter's name here -> its name there, for all of them.
    """

    library: str
    names: dict[str, str]


def namings(network: Network, model: str) -> list[Naming]:
    """The names that a network's parameters may have in a file of PyTorch's.

    Args:
        network: Built as recipes call it, its classifier a linear one.
        model: Its name in the catalogue.

    Returns:
        The first is that in which weights are exported; empty where no library's names are known.
    """
    found = []
    for library, rename in _LIBRARIES.get(model, ()):
        here = {p.name: network.plain_names.get(p.name, p.name) for p in network.get_parameters()}
        there = {name: _torch(rename(plain)) for name, plain in here.items()}
        found.append(Naming(library, there))
    return found


def _torch(name: str) -> str:
    cell, dot, parameter = name.rpartition(".")
    return f"{cell}{dot}{_NORM.get(parameter, parameter)}"


def _substituted(*rules: tuple[str, str]) -> Callable[[str], str]:
    def rename(name: str) -> str:
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        return name

    return rename


_RESNET = (
    (r"^body\.stem\.0\.", "conv1."),
    (r"^body\.stem\.1\.", "bn1."),
    (r"^body\.", ""),
    (r"\.shortcut\.", ".downsample."),
)

#: Blocks before each group of EfficientNet-Lite0: others number them through.
_BEFORE = [0, *accumulate(blocks for *_, blocks in GROUPS)]


def _lite_of_authors(name: str) -> str:
    """The names of lukemelas' EfficientNet-PyTorch, which its Lite form has kept."""
    if found := re.match(r"body\.layer(\d)\.(\d)\.(expand|depthwise|project|bn\d)\.(.*)", name):
        group, block, cell, rest = found.groups()
        cell = cell if cell.startswith("bn") else f"{cell}_conv"
        return f"_blocks.{_BEFORE[int(group) - 1] + int(block)}._{cell}.{rest}"
    return _substituted(
        (r"^body\.stem\.0\.", "_conv_stem."),
        (r"^body\.stem\.1\.", "_bn0."),
        (r"^body\.layer8\.0\.", "_conv_head."),
        (r"^body\.layer8\.1\.", "_bn1."),
        (r"^classifier\.", "_fc."),
    )(name)


#: mindcv's residual networks are built as torchvision's and timm's are.
_OF_MINDCV = _substituted((r"\.down_sample\.", ".downsample."), (r"^classifier\.", "fc."))

_TORCHVISION = ("torchvision or timm", _substituted(*_RESNET, (r"^classifier\.", "fc.")))
_AKAMASTER = (
    "akamaster's pytorch_resnet_cifar10",
    _substituted(*_RESNET, (r"^classifier\.", "linear.")),
)

#: Model -> libraries, each with what makes its names of those here.
_LIBRARIES: dict[str, tuple[tuple[str, Callable[[str], str]], ...]] = {
    "resnet8": (_AKAMASTER,),
    "resnet20": (_AKAMASTER,),
    "resnet32": (_AKAMASTER,),
    "resnet10": (_TORCHVISION,),
    "resnet50": (_TORCHVISION,),
    # not timm's efficientnet_lite0: the same names, but other padding and another constant in its batch norms
    "efficientnet_lite0": (("efficientnet_lite_pytorch", _lite_of_authors),),
    "mindcv": (("torchvision or timm", _OF_MINDCV),),
}
