"""What operators do with their inputs."""

from typing import Any

class sig_rw:
    RW_READ: Any
    RW_WRITE: Any

def make_sig(name: str = "var", rw: Any = ...) -> Any: ...
