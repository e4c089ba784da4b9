"""What sweeps use of Dask."""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Final

class Client:
    def __init__(self, address: str, *, timeout: float | None = None) -> None: ...
    def get_executor(self, *, pure: bool) -> Executor: ...
    def close(self) -> None: ...

class _Task:
    state: str

class _State:
    nthreads: int
    tasks: Mapping[str, _Task]

class Worker:
    state: Final[_State]
    def get_current_task(self) -> str: ...

def get_worker() -> Worker: ...
