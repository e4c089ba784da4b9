"""Which classes the rows of a saved classifier are of: by name wherever there are names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.layout import CHECKPOINTS
from ltdsl.runs.reading import Run
from ltdsl_runtime.errors import RunError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl_runtime.models import Network
    from ltdsl_runtime.weights.records import Saved

#: The fact of a checkpoint that names its classes.
FACT = "class_names"

Kind: TypeAlias = Literal["same", "reordered", "other", "unknown"]


class Known(NamedTuple):
    """How the classes of a checkpoint and of the data are related.

    Attributes:
        kind: ``unknown`` where the checkpoint, or the data, have numbers alone.
        order: For ``reordered``: the place in the checkpoint of each class of the data, ``[C]``.
    """

    kind: Kind
    order: NDArray[np.intp] | None = None


def as_fact(names: Sequence[str]) -> str:
    """The names of classes as a checkpoint holds them."""
    return json.dumps(list(names))


def names_in(saved: Saved, path: Path) -> tuple[str, ...] | None:
    """The names of a checkpoint's classes, as it or the run that it lies in says; None where neither does.

    Args:
        saved: The checkpoint's content, which may be a stranger's.
        path: Its file.
    """
    text = saved.get(FACT)
    if isinstance(text, str):
        try:
            names = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return tuple(names)
        return None
    place = path.resolve()
    if place.parent.name != CHECKPOINTS:
        return None
    try:
        facts = Run(place.parents[1], exact=True).facts
    except (UnreadableError, OSError, ValueError):
        return None
    own = facts.plan_sha256 is not None and facts.plan_sha256 == saved.get("plan_sha256")
    return tuple(facts.data.classes) if own and facts.data is not None else None


def related(theirs: Sequence[str] | None, ours: Sequence[str] | None) -> Known:
    """How the classes of a checkpoint are related to those of the data.

    Args:
        theirs: The checkpoint's.
        ours: The data's.
    """
    if theirs is None or ours is None:
        return Known("unknown")
    if tuple(theirs) == tuple(ours):
        return Known("same")
    if _numbers(theirs) or _numbers(ours):
        return Known("unknown")
    if len(theirs) != len(ours) or set(theirs) != set(ours) or len(set(ours)) < len(ours):
        return Known("other")
    place = {name: at for at, name in enumerate(theirs)}
    return Known("reordered", np.array([place[name] for name in ours], np.intp))


def _numbers(names: Sequence[str]) -> bool:
    """True for classes that nobody named: they are called by their labels."""
    return tuple(names) == tuple(map(str, range(len(names))))


def reordered(saved: Saved, network: Network, order: NDArray[np.intp]) -> Saved:
    """A checkpoint's content with the rows of its classifier in another order.

    Args:
        saved: By the names that parameters have in the network.
        network: Its classifier says which parameters have a row for each class.
        order: See :class:`Known`.
    """
    result = dict(saved)
    for parameter in network.classifier.get_parameters():
        value = saved.get(parameter.name)
        if isinstance(value, np.ndarray) and value.ndim and len(value) == len(order):
            result[parameter.name] = value[order]
    return result


def must_be_ours(saved: Saved, path: Path, network: Network, ours: Sequence[str] | None) -> Saved:
    """A checkpoint's content, its classifier in the order of the data's classes.

    Args:
        saved: As :func:`reordered` takes it.
        path: The checkpoint.
        network: Of the checkpoint's kind.
        ours: The names of the data's classes; None where nobody asks.

    Raises:
        RunError: LT414, its classes are others.
    """
    if ours is None:
        return saved
    theirs = names_in(saved, path)
    known = related(theirs, ours)
    if known.kind == "other" and theirs is not None:
        raise RunError("LT414", f"{path} is of other classes: {difference(theirs, ours)}")
    return saved if known.order is None else reordered(saved, network, known.order)


def told(kind: Kind, path: Path) -> str | None:
    """What to say of a checkpoint whose classifier is used; None where all is as one would think."""
    if kind == "unknown":
        return (
            f"warning[LT407]: nothing says which classes {path} was trained on: its classifier is taken row by row, "
            "class 0 for class 0"
        )
    if kind == "reordered":
        return f"{path} has the same classes in another order: its classifier is matched by name"
    return None


def difference(theirs: Sequence[str], ours: Sequence[str]) -> str:
    """Where the classes of a checkpoint and of data differ, in a few words."""
    if len(theirs) != len(ours):
        return f"it has {len(theirs)}, and the data have {len(ours)}"
    only = [name for name in theirs if name not in set(ours)]
    if not only:
        return "they are there in another order"
    return f"it knows `{only[0]}`, which the data do not have"
