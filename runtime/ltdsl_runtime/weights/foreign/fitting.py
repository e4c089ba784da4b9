"""Weights of another program for a network here: which tensor is which parameter, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np

from ltdsl.wording import counted
from ltdsl_runtime.data.reading import few
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.weights.foreign.naming import namings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ltdsl_runtime.models import Network
    from ltdsl_runtime.weights.foreign.naming import Naming
    from ltdsl_runtime.weights.foreign.reading import Foreign

#: What wrappers put before every name.
_PREFIXES = (
    "",
    "module.",
    "model.",
    "module.model.",
    "backbone.",
    "encoder.",
    "net.",
    "_orig_mod.",
)

#: PyTorch's counters of steps, which nothing here needs.
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Fit:
    """How a file's tensors fit a network.

    Attributes:
        library: Whose names they are, for people.
        arrays: The tensors that are parameters, by their names here and as they are kept here.
        body: Parameters before the classifier.
        matched: How many of them have a tensor.
        missing: What stands in the way of the others, one each.
        classes: Of the file's classifier; None where it has none.
        whole: Whether that classifier fits the network's.
        unused: Names of the tensors that are no parameter.
    """

    library: str
    arrays: dict[str, NDArray[Any]]
    body: int
    matched: int
    missing: tuple[str, ...]
    classes: int | None
    whole: bool
    unused: tuple[str, ...]

    def lines(self, classes: int) -> list[str]:
        """A table of what becomes of the tensors, for people.

        Args:
            classes: Of the network.
        """
        fate = f"taken over, {counted(classes, 'class')}"
        if not self.whole:
            there = (
                "none there" if self.classes is None else f"{counted(self.classes, 'class')} there"
            )
            fate = f"starts anew: {there}, {classes:,} here"
        rows = [
            ("names", self.library),
            ("body", f"{self.matched} of {counted(self.body, 'tensor')}"),
            ("classifier", fate),
            ("not used", few(self.unused) if self.unused else "none"),
        ]
        return [f"  {name:<10}  {value}" for name, value in rows]


def fit(network: Network, model: str, foreign: Foreign, path: Path) -> Fit:
    """Find a file's tensors for a network's parameters.

    Args:
        network: Its classifier may have other classes, or be of another kind.
        model: Its name in the catalogue.
        foreign: What the file holds.
        path: The file, for messages.

    Raises:
        RunError: LT412, the file is that of another model.
    """
    known = namings(network, model)
    if not known:
        message = f"the names that other programs give the weights of `{model}` are not known"
        raise RunError("LT412", message, "start from a checkpoint of MindSpore")
    tried = [
        _fit(network, naming, prefix, foreign)
        for naming in known
        for prefix in _PREFIXES
        if not prefix or any(name.startswith(prefix) for name in foreign.arrays)
    ]
    found = max(tried, key=lambda each: (each.matched, each.whole))
    if found.missing:
        message = (
            f"{path} is of another model than `{model}`: {found.matched} of {found.body} tensors before the "
            f"classifier fit; {found.missing[0]}"
        )
        raise RunError("LT412", message, f"ltdsl weights inspect {path} lists what it has")
    # a deeper network has all that a shallower one of its family has
    if more := tuple(name for name in found.unused if foreign.arrays[name].ndim == 4):
        message = f"{path} is of another model than `{model}`: it has {len(more)} more convolutions, {few(more)}"
        raise RunError("LT412", message, f"ltdsl weights inspect {path} lists what it has")
    return found


def _fit(network: Network, naming: Naming, prefix: str, foreign: Foreign) -> Fit:
    arrays: dict[str, NDArray[Any]] = {}
    missing, used = [], set()
    last_names = {parameter.name for parameter in network.classifier.get_parameters()}
    body = [p for p in network.get_parameters() if p.name not in last_names]
    for parameter in body:
        there = prefix + naming.names[parameter.name]
        value, shape = foreign.arrays.get(there), tuple(parameter.shape)
        if value is None:
            missing.append(f"it has no {there}")
        elif value.shape != shape or value.dtype.kind != "f":
            missing.append(f"its {there} has the shape {value.shape}, not {shape}")
        else:
            used.add(there)
            arrays[parameter.name] = value.astype(ms.dtype_to_nptype(parameter.dtype))
    last = {}
    for parameter in network.classifier.get_parameters():
        there = prefix + naming.names[parameter.name]
        value = foreign.arrays.get(there)
        if value is not None and value.dtype.kind == "f":
            used.add(there)
            last[parameter.name] = value.astype(np.float32)
    weight = last.get("classifier.weight")
    shapes = {p.name: tuple(p.shape) for p in network.classifier.get_parameters()}
    whole = {name: value.shape for name, value in last.items()} == shapes
    return Fit(
        library=naming.library,
        arrays=arrays | (last if whole else {}),
        body=len(body),
        matched=len(arrays),
        missing=tuple(missing),
        classes=weight.shape[0] if weight is not None and weight.ndim == 2 else None,
        whole=whole,
        unused=tuple(n for n in foreign.arrays if n not in used and not n.endswith(_COUNTER)),
    )
