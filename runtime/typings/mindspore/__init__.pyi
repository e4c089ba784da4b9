"""What the runtime uses of MindSpore 2.10, whose own sources are too large to analyse and say little of types.

A test compares names and parameters with those of the installed package.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, ParamSpec, overload

import numpy as np
from mindspore import nn as nn
from mindspore._c_expression import FuncGraph
from mindspore.common.dtype import Type as Type
from mindspore.common.dtype import bfloat16 as bfloat16
from mindspore.common.dtype import float16 as float16
from mindspore.common.dtype import float32 as float32
from mindspore.common.dtype import int32 as int32
from mindspore.common.dtype import uint8 as uint8
from mindspore.common.parameter import Parameter as Parameter
from mindspore.common.parameter import ParameterTuple as ParameterTuple
from mindspore.common.tensor import Tensor as Tensor

_P = ParamSpec("_P")

__version__: Final[str]
GRAPH_MODE: Final[int]
PYNATIVE_MODE: Final[int]

def set_context(*, mode: int) -> None: ...
@overload
def get_context(attr_key: Literal["device_target"]) -> str: ...
@overload
def get_context(attr_key: Literal["mode"]) -> int: ...
def set_device(device_target: str) -> None: ...
def set_deterministic(deterministic: bool) -> None: ...
def set_seed(seed: int) -> None: ...
def dtype_to_nptype(type_: Type) -> type[np.generic]: ...
def value_and_grad(
    fn: Callable[_P, Tensor], grad_position: None, weights: Sequence[Parameter]
) -> Callable[_P, tuple[Tensor, tuple[Tensor, ...]]]: ...
def export(net: nn.Cell, *inputs: Tensor, file_name: str, file_format: str) -> None: ...
def load(file_name: str) -> FuncGraph: ...
def save_checkpoint(
    save_obj: Sequence[Mapping[str, str | Tensor]],
    ckpt_file_name: str,
    *,
    append_dict: Mapping[str, int | float | str] | None = None,
    crc_check: bool = False,
) -> None: ...
def load_checkpoint(ckpt_file_name: str) -> dict[str, Parameter]: ...
