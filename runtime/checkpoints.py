"""Checkpoints: MindSpore's own format, written so that a reader never sees half a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import mindspore as ms

from runtime.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mindspore import Parameter


def save(path: Path, parameters: Iterable[Parameter], **facts: int | float | str) -> None:
    """Write parameters and a few facts about them, replacing the file in one step.

    Args:
        path: Ends in ``.ckpt``.
        parameters: Each under its own name.
        **facts: What else to remember.
    """
    entries = [{"name": parameter.name, "data": parameter} for parameter in parameters]
    temporary = path.with_name(f".{path.stem}.partial.ckpt")
    ms.save_checkpoint(entries, str(temporary), append_dict=facts)
    os.replace(temporary, path)  # noqa: PTH105 - the atomic rename of one file onto another


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Returns:
        Parameters and facts by name.

    Raises:
        RunError: LT411, the file is missing or damaged.
    """
    if not path.is_file():
        raise RunError("LT411", f"there is no checkpoint {path}", "check the path")
    try:
        return ms.load_checkpoint(str(path))
    except (ValueError, RuntimeError, OSError, TypeError) as error:
        raise RunError("LT411", f"{path} is no MindSpore checkpoint, or a damaged one") from error


def restore(path: Path, cell: ms.nn.Cell) -> None:
    """Load a checkpoint's values into all parameters of a cell.

    Raises:
        RunError: LT411, as :func:`load`; LT412, the checkpoint is that of another model.
    """
    apply(load(path), cell, path)


def apply(saved: dict[str, Any], cell: ms.nn.Cell, path: Path) -> None:
    """Set all parameters of a cell to the values of a loaded checkpoint.

    Raises:
        RunError: LT412, the checkpoint is that of another model; nothing is set then.
    """
    for parameter in cell.get_parameters():
        value = saved.get(parameter.name)
        if value is None or tuple(value.shape) != tuple(parameter.shape):
            found = "lacks it" if value is None else f"has it in shape {tuple(value.shape)}"
            raise RunError(
                "LT412",
                f"{path} is of another model: this one has `{parameter.name}` in shape "
                f"{tuple(parameter.shape)}, and the checkpoint {found}",
            )
    for parameter in cell.get_parameters():
        parameter.set_data(ms.Tensor(saved[parameter.name]))
