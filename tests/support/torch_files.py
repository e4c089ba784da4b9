"""Files as ``torch.save`` writes them, from NumPy arrays: PyTorch itself is too large to be installed for tests."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
}


class _Named:
    """Pickled as the name of something of PyTorch's."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Tensor:
    def __init__(self, key: str, array: np.ndarray, shape: Any, strides: Any) -> None:
        self.key, self.array, self.shape, self.strides = key, array, shape, strides


class _Pickler(pickle._Pickler):  # the one in Python, whose methods can be replaced
    claim: int | None = None

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            kind = _Named("torch", STORAGES[str(obj.array.dtype)])
            size = obj.array.size if self.claim is None else self.claim
            return ("storage", kind, obj.key, "cpu", size, *obj.view)
        return None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, _Named):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, _Tensor):
            array, self_view = obj.array, self.view
            strides = obj.strides or tuple(s // array.itemsize for s in array.strides)
            storage = _Storage(obj.key, array, self_view)
            shape = obj.shape or array.shape
            self.save(_Named("torch._utils", "_rebuild_tensor_v2"))
            super().save((storage, 0, shape, strides, False, OrderedDict()))
            self.write(b"R")
        else:
            super().save(obj, save_persistent_id)

    view: tuple[Any, ...] = ()


class _Storage:
    def __init__(self, key: str, array: np.ndarray, view: tuple[Any, ...]) -> None:
        self.key, self.array, self.view = key, array, view


def pickled(
    value: Any,
    *,
    claim: int | None = None,
    shape: Any = None,
    strides: Any = None,
    view: tuple[Any, ...] = (),
) -> tuple[bytes, dict[str, np.ndarray]]:
    """A nested dictionary of arrays as PyTorch pickles it, and its storages by key.

    Args:
        value: Arrays, within dictionaries.
        claim: Elements that each storage claims to have; None for those it has.
        shape, strides: What each tensor claims; None for what it has.
        view: What the old form says of a storage besides.
    """
    storages: dict[str, np.ndarray] = {}

    def replaced(part: Any) -> Any:
        if isinstance(part, np.ndarray):
            base = (
                part.base
                if isinstance(part.base, np.ndarray) and part.base.size == part.size
                else part
            )
            key = next((k for k, held in storages.items() if held is base), str(len(storages)))
            storages[key] = base
            return _Tensor(key, part, shape, strides)
        if isinstance(part, dict):
            return type(part)((key, replaced(each)) for key, each in part.items())
        return part

    buffer = io.BytesIO()
    pickler = _Pickler(buffer, 2)
    pickler.claim, pickler.view = claim, view
    pickler.dump(replaced(value))
    return buffer.getvalue(), storages


def write_zip(path: Path, value: Any, **lies: Any) -> None:
    """The form since PyTorch 1.6."""
    content, storages = pickled(value, **lies)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/byteorder", b"little")
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes("K"))
        archive.writestr("archive/version", b"3\n")


def write_old(path: Path, value: Any, **lies: Any) -> None:
    """The form before."""
    content, storages = pickled(value, view=(None,), **lies)
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    head = b"".join(pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, system))
    parts = [head, content, pickle.dumps(sorted(storages), 2)]
    for _, array in sorted(storages.items()):
        parts += [struct.pack("<q", array.size), array.tobytes("K")]
    path.write_bytes(b"".join(parts))
