"""A cell that is called again and again."""

from __future__ import annotations

from typing import Any

from mindspore import nn

_OF_ALL_CELLS: Any = vars(nn.Cell)["compile_phase"]


class CalledCell(nn.Cell):
    """A cell whose calls do not go through all cells within it.

    MindSpore notes the name of the compiled graph in each of them, at every call, which took a sixth of a small
    network's step; here it is noted where it changes.
    """

    @property
    def compile_phase(self) -> Any:
        """Name of the compiled graph; None before there is one."""
        return _OF_ALL_CELLS.fget(self)

    @compile_phase.setter
    def compile_phase(self, value: str) -> None:
        if value != _OF_ALL_CELLS.fget(self):
            _OF_ALL_CELLS.fset(self, value)
