"""Parameters: tensors that have a name and are changed in place."""

from mindspore.common.tensor import Tensor

class Parameter(Tensor):
    """To ``isinstance`` they are tensors; their class derives from what tensors derive from."""

    name: str
    requires_grad: bool
    def __init__(
        self, default_input: Tensor, name: str | None = None, requires_grad: bool = True
    ) -> None: ...
    def set_data(self, data: Tensor, slice_shape: bool = False) -> Parameter: ...

class ParameterTuple(tuple[Parameter, ...]): ...
