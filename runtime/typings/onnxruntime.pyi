"""What the runtime uses of ONNX Runtime."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

class SessionOptions:
    log_severity_level: int

class _Node:
    name: str

class InferenceSession:
    def __init__(
        self, path_or_bytes: str, sess_options: SessionOptions, providers: Sequence[str]
    ) -> None: ...
    def get_inputs(self) -> list[_Node]: ...
    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]: ...
