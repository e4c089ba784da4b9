"""The content of a checkpoint file, read as a stranger's data.

MindSpore's own reader trusts the sizes that a file claims, and writes beyond its memory where they are wrong.
"""

from __future__ import annotations

import binascii
import math
import os
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from mindspore.train.checkpoint_pb2 import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Keep: TypeAlias = Callable[[str, NDArray[Any]], NDArray[Any] | None]

Saved: TypeAlias = "dict[str, NDArray[Any] | str]"
"""What a checkpoint holds: weights, states and facts by name."""

#: MindSpore's names of element types. Those that NumPy lacks are not read.
TYPES = {
    "Bool": "?",
    **{f"Int{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"UInt{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    **{f"Float{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}

#: What `save_checkpoint(crc_check=True)` ends a file with: this word, and the CRC-32 of all before it in ten bytes.
SEAL = b"crc_num"
SEAL_BYTES = len(SEAL) + 10

#: Bytes that are read at once to be checked.
PIECE = 1 << 20


def read(file: BinaryIO, sealed: bool, keep: Keep | None = None) -> Saved:
    """What a file holds.

    It is read a record at a time, so that no more than what is kept and one array is in memory.

    Args:
        file: Open, in bytes; it can be read from any place.
        sealed: It must end in a checksum. One that is there is always checked.
        keep: Gives what is wanted of each array, by its name; all is, unless it is said. Text is kept.

    Raises:
        Exception: The bytes are no checkpoint, or a damaged one.
    """
    saved: Saved = {}
    seen: set[str] = set()
    values = map(Checkpoint.Value.FromString, _records(file, _end(file, sealed)))
    # a large array is several records in a row, each with the whole array's shape
    for (name, kind, shape), parts in groupby(values, _head):
        if name in seen:
            raise ValueError(f"{name} is there twice")
        seen.add(name)
        value: NDArray[Any] | str | None = _content(
            kind, shape, b"".join(v.tensor.tensor_content for v in parts)
        )
        if keep is not None and isinstance(value, np.ndarray):
            value = keep(name, value)
        if value is not None:
            saved[name] = value
    if not seen:
        raise ValueError("empty")
    return saved


def _head(value: Checkpoint.Value) -> tuple[str, str, tuple[int, ...]]:
    if not value.HasField("tensor"):
        raise ValueError("a record without a tensor")
    return value.tag, value.tensor.tensor_type, tuple(value.tensor.dims)


def _content(kind: str, shape: tuple[int, ...], data: bytes) -> NDArray[Any] | str:
    """An array, or text, from its bytes: exactly as many as its shape says."""
    if kind == "str":
        return data.decode("utf-32-le")
    array = np.frombuffer(data, TYPES[kind])
    if shape == (0,) and array.size == 1:  # how older versions write a scalar
        shape = ()
    if array.size != math.prod(shape):
        raise ValueError(f"{array.size} elements in shape {shape}")
    return array.reshape(shape)


def _end(file: BinaryIO, sealed: bool) -> int:
    """Where the content ends: before its checksum, which must fit."""
    size = file.seek(0, os.SEEK_END)
    end = max(0, size - SEAL_BYTES)
    file.seek(end)
    seal = file.read()
    if not seal.startswith(SEAL):
        if sealed:
            raise ValueError("no checksum")
        return size
    file.seek(0)
    check, left = 0, end
    while left and (piece := file.read(min(left, PIECE))):
        check, left = binascii.crc32(piece, check), left - len(piece)
    if left or check != int.from_bytes(seal[len(SEAL) :], "big"):
        raise ValueError("the checksum differs")
    return end


def _records(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The outermost fields of the file's protobuf message, all number 1 and with a length.

    One by one: parsed as a whole, a small hostile file becomes very many objects.
    """
    at = file.seek(0)
    while at < end:
        if file.read(1) != b"\x0a":
            raise ValueError("not a record")
        length, shift, more = 0, 0, True
        while more:
            byte = file.read(1)[0]
            length |= (byte & 0x7F) << shift
            shift, more = shift + 7, byte >= 0x80
            if shift > 63:
                raise ValueError("not a length")
        at = file.tell()
        if at + length > end:
            raise ValueError("cut off")
        yield file.read(length)
        at += length
