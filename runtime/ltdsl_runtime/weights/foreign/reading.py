"""A file of weights that MindSpore did not write, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors

from ltdsl.system.opening import WEIGHTS, open_file, read_file
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.weights.foreign.pickles import RefusedError
from ltdsl_runtime.weights.foreign.pytorch import read_old, read_zip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Elements of safetensors as NumPy has them. Those that it lacks are not read, bfloat16 excepted.
_KINDS = {
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
    **{f"I{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    "BOOL": "|b1",
}

_ALONE = (
    "save the weights alone with PyTorch: torch.save(model.state_dict(), …), or as .safetensors"
)


@dataclass(frozen=True)
class Foreign:
    """Weights as another program names them.

    Attributes:
        form: What kind of file they were in, in words.
        arrays: By name, in the file's order.
    """

    form: str
    arrays: dict[str, NDArray[Any]]

    @property
    def numbers(self) -> int:
        """How many there are in all."""
        return sum(array.size for array in self.arrays.values())


def read_foreign(path: Path) -> Foreign | None:
    """Read a file of PyTorch (``.pth``, ``.th``, ``.pt``, ``.bin``) or of safetensors; which one, its content says.

    It is data: nothing in it is executed, and no other file is read.

    Returns:
        What is in it; None where it is none of them, such as a checkpoint of MindSpore.

    Raises:
        RunError: LT411, the file is missing, unreadable, damaged, or holds something that is no weights.
    """
    if not path.is_file():
        raise RunError("LT411", f"there is no checkpoint {path}", "check the path")
    try:
        with open_file(path, WEIGHTS) as file:
            start = file.read(9)
            if start.startswith(b"PK\x03\x04"):
                return Foreign("PyTorch, as an archive", read_zip(file))
            if start.startswith(b"\x80"):
                return Foreign("PyTorch, in its old form", read_old(file))
        if path.suffix == ".safetensors" or start.endswith(b"{"):
            return Foreign("safetensors", _safetensors(read_file(path, WEIGHTS)))
    except RefusedError as error:
        raise RunError("LT411", f"{path} is not read: {error}", _ALONE) from error
    except MemoryError as error:
        raise RunError("LT411", f"{path} does not fit into memory") from error
    except OSError as error:
        raise RunError("LT411", f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # whatever a parser finds in arbitrary bytes
        raise RunError("LT411", f"{path} is damaged", "get the file anew") from error
    return None


def _safetensors(content: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a file by name; the library checks that each lies within it, and none in another."""
    arrays: dict[str, NDArray[Any]] = {}
    held: list[tuple[str, dict[str, Any]]] = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    for name, tensor in held:
        kind, shape, data = tensor["dtype"], tensor["shape"], tensor["data"]
        if kind == "BF16":  # the upper half of a float32
            flat = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        elif kind in _KINDS:
            flat = np.frombuffer(data, _KINDS[kind])
        else:
            raise RefusedError(f"its tensor {name} has elements of the kind {kind}")
        arrays[name] = flat.reshape(shape)
    return arrays
