"""Checkpoints: MindSpore's own format, written so that a power cut leaves whole files, read as a stranger's data."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np

from ltdsl.system.files import sync_folder
from ltdsl.system.opening import open_file
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.weights import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mindspore import Parameter
    from numpy.typing import NDArray

    from ltdsl_runtime.weights.records import Keep, Saved


def save(
    path: Path,
    parameters: Iterable[Parameter],
    keep: Path | None = None,
    **facts: int | float | str,
) -> None:
    """Write parameters and a few facts about them with a checksum, replacing the file in one step.

    Args:
        path: Ends in ``.ckpt``.
        parameters: Each under its own name.
        keep: Where the file that was at ``path`` goes; None to lose it.
        **facts: What else to remember.

    Raises:
        OSError: It cannot be written; what was at ``path`` and ``keep`` is untouched.
    """
    entries: list[dict[str, str | ms.Tensor]] = [
        {"name": parameter.name, "data": parameter} for parameter in parameters
    ]
    partial = path.with_name(f".{path.stem}.partial.ckpt")
    _remove_partial(partial)  # MindSpore would write through a link that lies there
    try:
        with no_logging():
            ms.save_checkpoint(entries, str(partial), append_dict=facts, crc_check=True)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.chmod(0o644)  # MindSpore leaves it unreadable for others
        if keep is not None and path.exists():
            path.replace(keep)
        partial.replace(path)
    except BaseException:
        _remove_partial(partial)
        raise
    sync_folder(path.parent)


def _remove_partial(partial: Path) -> None:
    for left in (partial, partial.with_suffix(".tmp")):  # MindSpore's name for what it is writing
        with contextlib.suppress(OSError):
            left.unlink()


def load(path: Path, sealed: bool = False, keep: Keep | None = None) -> Saved:
    """Read a checkpoint, whoever made it.

    It is data: nothing in it is executed, and no other file is read.

    Args:
        path: The file.
        sealed: It must end in a checksum, as those of :func:`save` do. One that is there is always checked.
        keep: Gives what is wanted of each array, by its name, or None; see :func:`ltdsl_runtime.weights.records.read`.

    Returns:
        Weights and states as arrays, facts as arrays or text, by name.

    Raises:
        RunError: LT411, the file is missing, unreadable or damaged.
    """
    if not path.is_file():
        raise RunError("LT411", f"there is no checkpoint {path}", "check the path")
    try:
        with open_file(path) as file:
            return records.read(file, sealed, keep)
    except MemoryError as error:
        raise RunError("LT411", f"{path} does not fit into memory") from error
    except OSError as error:
        raise RunError("LT411", f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # whatever a parser finds in arbitrary bytes
        hint = (
            "make a checkpoint of PyTorch's weights: ltdsl weights convert"
            if path.suffix in (".pth", ".pt", ".th", ".safetensors")
            else None
        )
        message = f"{path} is no MindSpore checkpoint, or a damaged one"
        raise RunError("LT411", message, hint) from error


def as_parameters(arrays: Mapping[str, NDArray[Any]]) -> list[Parameter]:
    """Arrays as :func:`save` takes them."""
    return [ms.Parameter(ms.Tensor(value), name=name) for name, value in arrays.items()]


def apply(saved: Mapping[str, NDArray[Any] | str], cell: ms.nn.Cell, path: Path) -> None:
    """Set all parameters of a cell to the values of a loaded checkpoint.

    Raises:
        RunError: LT412, the checkpoint is that of another model; nothing is set then.
    """
    values: list[tuple[Parameter, NDArray[Any]]] = []
    for parameter in cell.get_parameters():
        value = saved.get(parameter.name)
        shape, kind = tuple(parameter.shape), ms.dtype_to_nptype(parameter.dtype)
        if not isinstance(value, np.ndarray) or value.shape != shape or value.dtype != kind:
            found = "lacks it"
            if isinstance(value, np.ndarray):
                found = f"has it in shape {value.shape} as {value.dtype}"
            message = (
                f"{path} is of another model: this one has `{parameter.name}` in shape {shape} as "
                f"{np.dtype(kind)}, and the checkpoint {found}"
            )
            raise RunError("LT412", message)
        values.append((parameter, value))
    for parameter, value in values:
        parameter.set_data(ms.Tensor(value))


@contextlib.contextmanager
def no_logging() -> Iterator[None]:
    """Silence MindSpore's report of a failed write, which the caller tells in a sentence."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
