"""Functions of the library as operators of graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from mindspore import ops

from ltdsl_runtime.machine.native.library import library

Infer: TypeAlias = Callable[..., Any]
"""From the shapes, or the types, of all inputs to those of all outputs: to one of them, or to a tuple."""


class Kernel(ops.Custom):
    """An operator of the library.

    Args:
        name: Of its function.
        infer: By default the output is as the first input.
        shape: For shapes, where types differ from them.
    """

    def __init__(
        self, name: str, infer: Infer = lambda first, *_: first, shape: Infer | None = None
    ) -> None:
        super().__init__(f"{library()}:{name}", shape or infer, infer, "aot")

    def __deepcopy__(self, memo: dict[int, object]) -> Kernel:
        """Itself: it has no state, and MindSpore's own way to copy fails."""
        return self
