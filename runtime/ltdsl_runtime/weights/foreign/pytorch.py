"""Files that ``torch.save`` writes: zip archives since PyTorch 1.6, a row of pickles before."""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ltdsl_runtime.weights.foreign.pickles import RefusedError, Storage, Tensor, read_pickle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Read = Callable[[Storage], NDArray[Any]]

#: Bytes of what describes the tensors; the largest published weights need a few.
LARGEST_PICKLE = 16 << 20

#: Bytes of an archive's list of files, some sixty for each storage.
LARGEST_LIST = 16 << 20

#: What the old form begins with.
MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

#: Where a training script's checkpoint has the weights.
KEYS = ("state_dict", "model", "model_state_dict", "net", "params", "weights", "state_dict_ema")


def read_zip(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """The tensors of an archive by name.

    Raises:
        RefusedError: It has something else in it.
        Exception: It is damaged.
    """
    size = file.seek(0, os.SEEK_END)
    _must_list_few(file, size)
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        found = [name for name in infos if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1:
            raise RefusedError("it is a zip archive without PyTorch's weights")
        folder = found[0].removesuffix("data.pkl")
        order = infos.get(f"{folder}byteorder")
        if order is not None and _entry(archive, order, 16) != b"little":
            raise RefusedError("its numbers are in big-endian order")
        value, storages = read_pickle(io.BytesIO(_entry(archive, infos[found[0]], LARGEST_PICKLE)))
        _must_hold(storages, size)

        def read(storage: Storage) -> NDArray[Any]:
            name = f"{folder}data/{storage.key}"
            if name not in infos:
                raise RefusedError("a storage is missing in it")
            return _elements(_entry(archive, infos[name], _bytes(storage)), storage)

        return _tensors(value, read, size)


def _must_list_few(file: BinaryIO, size: int) -> None:
    """Refuse an archive whose list alone would fill memory, before it is read."""
    at = file.seek(max(0, size - (1 << 16) - 22))
    end = file.read()
    found = end.rfind(b"PK\5\6")
    if found < 0 or len(end) < found + 22:
        raise RefusedError("it is cut off")
    # what comes before the end of the list is more than it where there are further records between
    start = int.from_bytes(end[found + 16 : found + 20], "little")
    length = int.from_bytes(end[found + 12 : found + 16], "little")
    if length > LARGEST_LIST or (start != 0xFFFFFFFF and at + found - start > 2 * LARGEST_LIST):
        raise RefusedError("it lists more files than weights have")


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, largest: int) -> bytes:
    """A file of an archive, which is there as it is: PyTorch compresses nothing."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > largest:
        raise RefusedError("a file in it is compressed, or larger than it says elsewhere")
    with archive.open(info) as file:
        return file.read(largest + 1)


def read_old(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """The tensors of a file of the old form by name.

    Raises:
        RefusedError: It has something else in it.
        Exception: It is damaged.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = io.BytesIO(file.read(LARGEST_PICKLE))
    magic, protocol, system = (read_pickle(head)[0] for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL:
        raise RefusedError("it is a pickle, but not one of PyTorch")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise RefusedError("its numbers are in big-endian order")
    value, storages = read_pickle(head)
    keys, _ = read_pickle(head)
    _must_hold(storages, size)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise RefusedError("it does not say which storages it has")
    places, at = {}, head.tell()
    for key in keys:
        if key not in storages:
            raise RefusedError("it has a storage that no tensor lies in")
        places[key] = at
        at += 8 + _bytes(storages[key])

    def read(storage: Storage) -> NDArray[Any]:
        if storage.key not in places:
            raise RefusedError("a storage is missing in it")
        file.seek(places[storage.key])
        if int.from_bytes(file.read(8), "little") != storage.size:
            raise RefusedError("a storage in it has another size than it says elsewhere")
        return _elements(file.read(_bytes(storage)), storage)

    return _tensors(value, read, size)


def _width(storage: Storage) -> int:
    return 2 if storage.kind == "bf16" else np.dtype(storage.kind).itemsize


def _bytes(storage: Storage) -> int:
    return storage.size * _width(storage)


def _must_hold(storages: dict[str, Storage], size: int) -> None:
    if sum(map(_bytes, storages.values())) > size:
        raise RefusedError("it claims more numbers than it has bytes for")


def _elements(data: bytes, storage: Storage) -> NDArray[Any]:
    if len(data) != _bytes(storage):
        raise RefusedError("it is cut off")
    if storage.kind == "bf16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, storage.kind)


def _tensors(value: Any, read: Read, size: int) -> dict[str, NDArray[Any]]:
    """The arrays of a dictionary of tensors, or of the one in a training script's checkpoint."""
    named = _weights_in(value)
    room, held, arrays = 2 * size, {}, {}
    for name, tensor in named.items():
        if tensor.storage.key not in held:
            held[tensor.storage.key] = read(tensor.storage)
        whole = held[tensor.storage.key][tensor.offset :]
        steps = [whole.itemsize * step for step in tensor.strides]
        array = np.lib.stride_tricks.as_strided(whole, tensor.shape, steps, writeable=False)
        room -= array.nbytes
        if room < 0:
            raise RefusedError("its tensors share what they lie in, and are far more than it has")
        arrays[name] = np.ascontiguousarray(array)
    return arrays


def _weights_in(value: Any) -> dict[str, Tensor]:
    if not isinstance(value, dict):
        raise RefusedError("it is no dictionary of tensors")
    for held in (value, *(value.get(key) for key in KEYS)):
        if isinstance(held, dict):
            tensors = {str(k): each for k, each in held.items() if isinstance(each, Tensor)}
            if tensors:
                return tensors
    raise RefusedError("it has no tensors where weights are")
