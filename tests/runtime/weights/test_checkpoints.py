"""Checkpoint files: what is written, what a full disk leaves, and what is read of arbitrary bytes."""

from __future__ import annotations

import random
import resource
from contextlib import contextmanager
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.weights import checkpoints, records
from ltdsl_runtime.weights.restore import epoch_of
from mindspore import Parameter, Tensor
from mindspore.train.checkpoint_pb2 import Checkpoint


def parameters(seed=0):
    rng = np.random.default_rng(seed)
    made = [
        Parameter(Tensor((100 * rng.standard_normal((2, 3))).astype(kind)), name=f"weight.{kind}")
        for kind in ("float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool")
    ]
    return [*made, Parameter(Tensor(np.float32(seed)), name="scalar")]


@contextmanager
def files_up_to(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_written_is_what_mindspore_reads(tmp_path):
    path = tmp_path / "a.ckpt"
    checkpoints.save(path, parameters(3), epoch=7, stage="stägé", lr=0.5)
    own = checkpoints.load(path, sealed=True)
    theirs = ms.load_checkpoint(str(path), crc_check=True)
    assert own.keys() == theirs.keys()
    for name, value in theirs.items():
        if isinstance(value, str):
            assert own[name] == value
        else:
            np.testing.assert_array_equal(own[name], value.asnumpy(), strict=True)
    assert (int(own["epoch"]), own["stage"], float(own["scalar"])) == (7, "stägé", 3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ckpt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_large_arrays_are_several_records(tmp_path, monkeypatch):
    from mindspore.train import serialization

    monkeypatch.setattr(serialization, "SLICE_SIZE", 1)  # KiB
    large = Parameter(Tensor(np.arange(5000, dtype=np.float32).reshape(50, 100)), name="large")
    checkpoints.save(tmp_path / "a.ckpt", [large, *parameters()])
    read = checkpoints.load(tmp_path / "a.ckpt", sealed=True)
    np.testing.assert_array_equal(read["large"], large.asnumpy())


def test_a_write_that_fails_anywhere_leaves_what_was_there(tmp_path, capfd):
    last, previous = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    for epoch in (1, 2):
        checkpoints.save(last, parameters(epoch), previous, epoch=epoch)
    whole = last.stat().st_size
    before = last.read_bytes(), previous.read_bytes()
    for size in (0, 1, 100, whole // 2, whole - 1):
        with files_up_to(size), pytest.raises(OSError, match="File too large"):
            checkpoints.save(last, parameters(3), previous, epoch=3)
        assert (last.read_bytes(), previous.read_bytes()) == before
        assert len(list(tmp_path.iterdir())) == 2
    assert capfd.readouterr().err == ""  # MindSpore would report it too
    with files_up_to(whole):
        checkpoints.save(last, parameters(3), previous, epoch=3)
    assert int(checkpoints.load(last, sealed=True)["epoch"]) == 3
    assert int(checkpoints.load(previous, sealed=True)["epoch"]) == 2


def test_any_bit_that_flips_and_any_cut_is_noticed(tmp_path):
    path = tmp_path / "a.ckpt"
    checkpoints.save(path, parameters(), epoch=1)
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        for damaged in (
            content[:at],
            content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :],
        ):
            path.write_bytes(damaged)
            with pytest.raises(RunError) as caught:
                checkpoints.load(path, sealed=True)
            assert caught.value.code == "LT411"


def mutated(rng, content):
    """Bytes changed, cut or put in; or a well-formed file with sizes, types and records that do not fit."""
    kind = rng.randrange(8)
    if kind < 4:
        data = bytearray(content)
        if kind == 0:
            return bytes(data[: rng.randrange(len(data))])
        if kind == 1:
            at = rng.randrange(len(data))
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
            return bytes(data)
        for _ in range(rng.choice([1, 2, 8])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    message = Checkpoint()
    message.ParseFromString(content)
    value = rng.choice(message.value)
    if kind == 4:
        sizes = [-1, 0, 1, 2, 7, 2**31, 2**62, -(2**63)]
        value.tensor.dims[:] = rng.choices(sizes, k=rng.randrange(5))
    elif kind == 5:
        value.tensor.tensor_type = rng.choice(["Float64", "str", "BFloat16", "Bool", "Int4", "x"])
    elif kind == 6:
        value.tensor.tensor_content = bytes(rng.randrange(50))
    elif rng.random() < 0.5:
        message.value.add().CopyFrom(value)
    else:
        value.ClearField("tensor")
        part = value.maptensor.tensor.add(tensor_type="float32", tensor_content=b"12345678")
        part.dims.extend([2])
    return message.SerializePartialToString()


def test_arbitrary_bytes_are_refused_in_a_sentence(tmp_path):
    path, rng = tmp_path / "a.ckpt", random.Random(1)
    checkpoints.save(path, parameters(), epoch=1, stage="a")
    content = path.read_bytes()[: -records.SEAL_BYTES]
    codes = []
    for _ in range(600):
        path.write_bytes(mutated(rng, content))
        codes.append(code_of(path))
    assert set(codes) == {
        None,
        "LT411",
    }  # a change of a number cannot be noticed without a checksum
    assert codes.count("LT411") > 300


def code_of(path):
    try:
        checkpoints.load(path)
    except RunError as error:
        return error.code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\x00" * 100_000,  # very many empty records
        b"\n\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + b"x" * 100,  # a record of 2^63 bytes
        b"\n" + b"\xff" * 1000,  # a length without end
        b"\n\x0c\n\x01a\x12\x07\x08\xff\xff\xff\xff\x7f" * 3,
        b"\x0b" * 100_000,  # groups within groups
        b"cbuiltins\neval\n(S'1'\ntR.",  # a pickle
        records.SEAL + bytes(10),
    ],
)
def test_hostile_files(tmp_path, content):
    (tmp_path / "a.ckpt").write_bytes(content)
    with pytest.raises(RunError, match="no MindSpore checkpoint, or a damaged one") as caught:
        checkpoints.load(tmp_path / "a.ckpt")
    assert caught.value.code == "LT411"


def test_another_type_is_another_model(tmp_path):
    cell = ms.nn.Dense(2, 3)
    half = [
        Parameter(Tensor(p.asnumpy().astype(np.float16)), name=p.name)
        for p in cell.get_parameters()
    ]
    checkpoints.save(tmp_path / "a.ckpt", half)
    with pytest.raises(RunError, match="as float16") as caught:
        checkpoints.apply(checkpoints.load(tmp_path / "a.ckpt"), cell, tmp_path / "a.ckpt")
    assert caught.value.code == "LT412"


@pytest.mark.parametrize(
    "saved",
    [{}, {"epoch": "3"}, *({"epoch": np.array(epoch)} for epoch in (-1, 1.5, [1, 2], []))],
)
def test_which_epoch_a_checkpoint_is_of_must_be_a_number(saved):
    with pytest.raises(RunError, match="does not say which epoch"):
        epoch_of(saved, Path("last.ckpt"))


def test_which_epoch_a_checkpoint_is_of(tmp_path):
    path = tmp_path / "last.ckpt"
    checkpoints.save(path, parameters(), epoch=7)
    assert epoch_of(checkpoints.load(path), path) == 7
