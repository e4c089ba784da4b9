"""Mixed precision."""

from typing import TypeVar

from mindspore.common.dtype import Type
from mindspore.common.parameter import Parameter
from mindspore.common.tensor import Tensor
from mindspore.nn import Cell

_Cell = TypeVar("_Cell", bound=Cell)
_Tensors = TypeVar("_Tensors", Tensor, tuple[Tensor, ...])

def auto_mixed_precision(network: _Cell, amp_level: str, dtype: Type) -> _Cell: ...
def all_finite(inputs: tuple[Tensor, ...]) -> Tensor: ...

class DynamicLossScaler:
    scale_value: Parameter
    counter: Parameter
    def __init__(self, scale_value: float, scale_factor: int, scale_window: int) -> None: ...
    def scale(self, inputs: _Tensors) -> _Tensors: ...
    def unscale(self, inputs: _Tensors) -> _Tensors: ...
    def adjust(self, grads_finite: Tensor) -> Tensor: ...
