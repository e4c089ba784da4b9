"""Operators that compute gradients."""

from mindspore.common.tensor import Tensor
from mindspore.ops.operations import _Padding
from mindspore.ops.primitive import Primitive

class Conv2DBackpropFilter(Primitive):
    def __init__(
        self,
        out_channel: int,
        kernel_size: tuple[int, int],
        pad_mode: str = "valid",
        pad: _Padding = 0,
        pad_list: tuple[int, ...] = (0, 0, 0, 0),
    ) -> None: ...
    def __call__(
        self, doutput: Tensor, input: Tensor, filter_size: tuple[int, ...], /
    ) -> Tensor: ...

class Conv3DBackpropFilter(Primitive):
    def __init__(
        self,
        out_channel: int,
        kernel_size: tuple[int, int, int],
        *,
        pad_mode: str = "valid",
        pad: _Padding = 0,
    ) -> None: ...
    def __call__(self, x: Tensor, doutput: Tensor, filter_size: tuple[int, ...], /) -> Tensor: ...
