"""MindData."""

from typing import Any, Generic, Protocol, TypeVar

from numpy.typing import NDArray

class _Rows(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, item: int, /) -> tuple[NDArray[Any], ...]: ...

_Source = TypeVar("_Source", bound=_Rows)

class SequentialSampler: ...
class Dataset: ...

class GeneratorDataset(Dataset, Generic[_Source]):
    source: _Source
    def __init__(
        self,
        source: _Source,
        column_names: list[str],
        *,
        num_parallel_workers: int = 1,
        sampler: SequentialSampler | None = None,
        python_multiprocessing: bool = True,
    ) -> None: ...
