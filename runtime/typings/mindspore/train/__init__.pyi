"""MindSpore's training loop."""

from collections.abc import Mapping, Sequence
from typing import Any

from mindspore.common.tensor import Tensor
from mindspore.dataset import Dataset
from mindspore.nn import Cell

class _Arguments:
    """What the loop is at."""

    cur_step_num: int
    net_outputs: Tensor

class RunContext:
    def original_args(self) -> _Arguments: ...

class Callback:
    def on_train_step_end(self, run_context: RunContext) -> None: ...

class Metric:
    def clear(self) -> None: ...
    def update(self, *inputs: Tensor) -> None: ...
    # any result: each metric has its own
    def eval(self) -> Any: ...

class Model:
    def __init__(
        self,
        network: Cell,
        *,
        metrics: Mapping[str, Metric] | None = None,
        eval_network: Cell | None = None,
    ) -> None: ...
    def train(
        self,
        epoch: int,
        train_dataset: Dataset,
        callbacks: Sequence[Callback] | None = None,
        dataset_sink_mode: bool = False,
        sink_size: int = -1,
    ) -> None: ...
    def eval(
        self,
        valid_dataset: Dataset,
        callbacks: Callback | None = None,
        dataset_sink_mode: bool = False,
    ) -> dict[str, Any]: ...
