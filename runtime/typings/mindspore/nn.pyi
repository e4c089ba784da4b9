"""Cells. A cell is called with what its ``construct`` takes, and gives what that gives."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

from mindspore._c_expression import FuncGraph
from mindspore.common.parameter import Parameter, ParameterTuple
from mindspore.common.tensor import Tensor
from mindspore.ops import Primitive
from typing_extensions import Self

_P = ParamSpec("_P")
_R_co = TypeVar("_R_co", covariant=True)

class _Constructed(Protocol[_P, _R_co]):
    def construct(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...

class Cell:
    training: bool
    def __init__(self, auto_prefix: bool = True) -> None: ...
    # any inputs, so that every subclass may have its own
    def construct(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self: _Constructed[_P, _R_co], *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    def cells(self) -> Sequence[Cell]: ...
    def cells_and_names(self) -> Iterator[tuple[str, Cell]]: ...
    def name_cells(self) -> OrderedDict[str, Cell]: ...
    def get_parameters(self) -> Iterator[Parameter]: ...
    def trainable_params(self) -> list[Parameter]: ...
    def set_train(self, mode: bool = True) -> Self: ...
    def add_flags_recursive(self, **flags: bool) -> Self: ...

class GraphCell(Cell):
    def __init__(self, graph: FuncGraph) -> None: ...

class SequentialCell(Cell):
    def __init__(self, *args: Cell | Sequence[Cell] | OrderedDict[str, Cell]) -> None: ...
    def __getitem__(self, index: int) -> Cell: ...
    def __setitem__(self, index: int, cell: Cell) -> None: ...
    def __len__(self) -> int: ...
    def construct(self, input_data: Tensor) -> Tensor: ...

class Identity(Cell):
    def construct(self, input: Tensor) -> Tensor: ...

class Dropout(Cell):
    p: float

class Dropout1d(Cell):
    p: float

class Dropout2d(Cell):
    p: float

class Dropout3d(Cell):
    p: float

class ReLU(Cell):
    def construct(self, input: Tensor) -> Tensor: ...

class ReLU6(Cell):
    def construct(self, x: Tensor) -> Tensor: ...

class Pad(Cell):
    def __init__(self, paddings: tuple[tuple[int, int], ...]) -> None: ...
    def construct(self, x: Tensor) -> Tensor: ...

class MaxPool2d(Cell):
    kernel_size: int | tuple[int, int]
    stride: int | tuple[int, int]
    pad_mode: str
    max_pool: Any
    def __init__(self, kernel_size: int = 1, stride: int = 1) -> None: ...
    def construct(self, x: Tensor) -> Tensor: ...

class Dense(Cell):
    in_channels: int
    out_channels: int
    weight: Parameter
    bias: Parameter | None
    matmul: Primitive
    bias_add: Primitive
    def __init__(self, in_channels: int, out_channels: int) -> None: ...
    def construct(self, x: Tensor) -> Tensor: ...

class Conv2d(Cell):
    in_channels: int
    out_channels: int
    weight: Parameter
    bias: Parameter | None
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    pad_mode: str
    padding: int | tuple[int, ...]
    dilation: tuple[int, int]
    group: int
    conv2d: Callable[[Tensor, Tensor], Tensor]
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        pad_mode: str = "same",
        padding: int = 0,
        *,
        group: int = 1,
        has_bias: bool = False,
    ) -> None: ...
    def construct(self, x: Tensor) -> Tensor: ...

class BatchNorm2d(Cell):
    eps: float
    momentum: float
    gamma: Parameter
    beta: Parameter
    moving_mean: Parameter
    moving_variance: Parameter
    bn_train: Callable[[Tensor, Tensor, Tensor, Parameter, Parameter], tuple[Tensor, ...]]
    bn_infer: Callable[[Tensor, Tensor, Tensor, Parameter, Parameter], tuple[Tensor, ...]]
    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.9) -> None: ...
    def construct(self, x: Tensor) -> Tensor: ...

class BatchNorm1d(Cell): ...

class Optimizer(Cell):
    parameters: ParameterTuple
    is_group_lr: bool
    global_step: Parameter
    global_step_increase_tensor: Tensor
    assignadd: Callable[[Parameter, Tensor], Tensor]
    map_: Callable[..., Any]
    def __init__(
        self, learning_rate: Sequence[float], parameters: Sequence[Mapping[str, Any]]
    ) -> None: ...
    def get_lr(self) -> Tensor: ...
    # any result: what it is depends on the optimizer, and nothing is done with it
    def construct(self, gradients: tuple[Tensor, ...]) -> Any: ...

class SGD(Optimizer):
    momentum: Parameter
    accum: ParameterTuple
    stat: ParameterTuple
    def __init__(
        self,
        params: Sequence[Mapping[str, Any]],
        learning_rate: Sequence[float],
        momentum: float,
        *,
        nesterov: bool = False,
    ) -> None: ...

class Adam(Optimizer):
    def __init__(
        self,
        params: Sequence[Mapping[str, Any]],
        learning_rate: Sequence[float],
        beta1: float,
        beta2: float,
    ) -> None: ...

class DistributedGradReducer(Cell):
    def __init__(self, parameters: Sequence[Parameter], mean: bool | None = None) -> None: ...
    def construct(self, grads: tuple[Tensor, ...]) -> tuple[Tensor, ...]: ...
