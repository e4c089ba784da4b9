"""The content of a checkpoint file, read as a stranger's data.

MindSpore's own reader trusts the sizes that a file claims, and writes beyond its memory where they are wrong.
"""

from __future__ import annotations

import binascii
import math
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from mindspore.train.checkpoint_pb2 import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

Saved: TypeAlias = "dict[str, np.ndarray | str]"
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


def read(data: bytes, sealed: bool) -> Saved:
    """What a file holds.

    Args:
        data: The file's bytes.
        sealed: They must end in a checksum. One that is there is always checked.

    Raises:
        Exception: The bytes are no checkpoint, or a damaged one.
    """
    saved: Saved = {}
    values = map(Checkpoint.Value.FromString, _records(_unsealed(data, sealed)))
    # a large array is several records in a row, each with the whole array's shape
    for (name, kind, shape), parts in groupby(values, _head):
        if name in saved:
            raise ValueError(f"{name} is there twice")
        saved[name] = _content(kind, shape, b"".join(v.tensor.tensor_content for v in parts))
    if not saved:
        raise ValueError("empty")
    return saved


def _head(value: Checkpoint.Value) -> tuple[str, str, tuple[int, ...]]:
    if not value.HasField("tensor"):
        raise ValueError("a record without a tensor")
    return value.tag, value.tensor.tensor_type, tuple(value.tensor.dims)


def _content(kind: str, shape: tuple[int, ...], data: bytes) -> np.ndarray | str:
    """An array, or text, from its bytes: exactly as many as its shape says."""
    if kind == "str":
        return data.decode("utf-32-le")
    array = np.frombuffer(data, TYPES[kind])
    if shape == (0,) and array.size == 1:  # how older versions write a scalar
        shape = ()
    if array.size != math.prod(shape):
        raise ValueError(f"{array.size} elements in shape {shape}")
    return array.reshape(shape)


def _unsealed(data: bytes, sealed: bool) -> memoryview:
    """The content without its checksum, which must fit."""
    content, seal = memoryview(data)[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if not seal.startswith(SEAL):
        if sealed:
            raise ValueError("no checksum")
        return memoryview(data)
    if binascii.crc32(content) != int.from_bytes(seal[len(SEAL) :], "big"):
        raise ValueError("the checksum differs")
    return content


def _records(content: memoryview) -> Iterator[bytes]:
    """The outermost fields of the file's protobuf message, all number 1 and with a length.

    One by one: parsed as a whole, a small hostile file becomes very many objects.
    """
    at = 0
    while at < len(content):
        if content[at] != 0x0A:
            raise ValueError("not a record")
        length, shift, more = 0, 0, True
        while more:
            at += 1
            length |= (content[at] & 0x7F) << shift
            shift, more = shift + 7, content[at] >= 0x80
            if shift > 63:
                raise ValueError("not a length")
        at += 1
        if at + length > len(content):
            raise ValueError("cut off")
        yield bytes(content[at : at + length])
        at += length
