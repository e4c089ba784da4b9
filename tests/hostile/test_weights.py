"""Files of weights from strangers, by the hundred: nothing in them is executed, and each is answered at once.

``LTDSL_FULL=1`` takes thousands.
"""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import sys
import time
import zipfile

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.weights.foreign.reading import read_foreign
from safetensors.numpy import save
from support.torch_files import pickled, write_old, write_zip

INPUTS = 5000 if os.environ.get("LTDSL_FULL") else 400

#: Longest answer, seconds: these files have a few kilobytes.
AT_ONCE = 5.0

TRAP = """
from pathlib import Path
Path({marker!r}).write_text("imported")
def call(*_): Path({marker!r}).write_text("called")
class Made:
    def __init__(self, *_): call()
    def __setstate__(self, _): call()
"""

#: What an unpickler would import, call, or set up.
NAMES = (
    *("trap call", "trap Made", "os system", "builtins exec", "builtins eval", "posix system"),
    *("subprocess Popen", "torch.storage _load_from_bytes", "torch load", "torch.hub load"),
    *("torch._utils _rebuild_tensor_v3", "collections defaultdict", "numpy.core.multiarray scalar"),
    *("builtins getattr", "operator attrgetter", "torch FloatTensor", "trap call.__globals__"),
)


def small():
    rng = np.random.default_rng(0)
    return {"a.weight": rng.normal(size=(2, 3)).astype(np.float32), "b": np.arange(4)}


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def calling(choose):
    """A pickle that calls something, in one of the ways that there are."""
    module, name = choose.choice(NAMES).split()
    named = b"c" + f"{module}\n{name}\n".encode()
    if choose.random() < 0.5:
        named = text(module) + text(name) + b"\x93"
    argument = text("touch marker") + b"\x85"
    call = choose.choice(
        [
            named + argument + b"R",
            b"(" + named + text("x") + b"o",
            named + b")\x81",
            named + b")\x81}b",
            b"(" + text("x") + b"i" + f"{module}\n{name}\n".encode(),
            named + argument + b"Q",
            b"\x82\x01",
            named + argument + b"R" + text("x") + b"b",
            b"ccollections\nOrderedDict\n)R" + named + b"}b",
        ]
    )
    return b"\x80\x04}" + text("state_dict") + call + b"s."


def bomb(choose):
    """Much from little: what is remembered doubles, lengths lie, and nothing ends."""
    count = choose.randrange(10, 3000)
    return choose.choice(
        [
            lambda: b"\x80\x02]q\x00" + b"(h\x00h\x00lq\x00" * count + b".",
            lambda: b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * count + b".",
            lambda: b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * count + b"}h\x00K\x01s.",
            lambda: b"\x80\x02" + b"]" * count * 30 + b"a" * count + b".",
            lambda: b"\x80\x02" + b"(" * count * 300,
            lambda: b"\x80\x02\x8b" + struct.pack("<i", choose.choice([-1, 1 << 30])) + b"\xff" * 9,
            lambda: b"I" + b"9" * 100_000 + b"\n.",
            lambda: b"\x80\x04\x96" + struct.pack("<Q", 1 << choose.randrange(20, 64)) + b"x.",
            lambda: b"\x80\x04\x95" + struct.pack("<Q", 1 << choose.randrange(20, 64)) + b"N.",
            lambda: b"\x80\x02X" + struct.pack("<I", (1 << 32) - 1) + b"x.",
            lambda: b"\x80\x02r" + struct.pack("<I", (1 << 32) - 1) + b".",
            lambda: b"\x80\x02}" + b"q\xff" + b"j\xff\0\0\0" * count + b".",
        ]
    )()


def lying(choose):
    """Tensors that claim what is not there."""
    big = choose.choice([-1, 0, 1, 7, 1 << 20, 1 << 40, 1 << 62, 1 << 70])
    return choose.choice(
        [
            {"claim": big},
            {"shape": (big,)},
            {"shape": (big, big)},
            {"shape": (2,) * 40},
            {"shape": (1 << 30,), "strides": (0,)},
            {"shape": (2,), "strides": (big,)},
            {"shape": ("a",)},
            {"shape": (2, 3), "strides": (1,)},
        ]
    )


def mutated(choose, data):
    content = bytearray(data)
    for _ in range(choose.randrange(1, 6)):
        at = choose.randrange(len(content))
        how = choose.randrange(4)
        if how == 0:
            content[at] = choose.randrange(256)
        elif how == 1:
            del content[at : at + choose.randrange(1, 40)]
        elif how == 2:
            content[at:at] = content[at : at + choose.randrange(1, 40)]
        else:
            content[at : at + 8] = struct.pack("<Q", 1 << choose.randrange(64))
        if not content:
            return b""
    return bytes(content)


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("w/data.pkl", content)
        archive.writestr("w/data/0", b"\0" * 24)
    return buffer.getvalue()


def put(choose, path):
    """Write one hostile file."""
    kind = choose.randrange(6)
    if kind < 2:
        content = (calling, bomb)[kind](choose)
        if choose.random() < 0.3:
            path.write_bytes(content)
        elif choose.random() < 0.5:
            path.write_bytes(zipped(content))
        else:
            heads = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
            path.write_bytes(b"".join(pickle.dumps(each, 2) for each in heads) + content)
    elif kind == 2:
        choose.choice([write_zip, write_old])(path, small(), **lying(choose))
    elif kind == 3:
        choose.choice([write_zip, write_old])(path, small())
        path.write_bytes(mutated(choose, path.read_bytes()))
    elif kind == 4:
        path.write_bytes(zipped(mutated(choose, pickled(small())[0])))
    else:
        path.write_bytes(mutated(choose, save(small())))


def test_hostile_files_execute_nothing_and_end_at_once(tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    (tmp_path / "trap.py").write_text(TRAP.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    refused = 0
    for number in range(INPUTS):
        path = tmp_path / ("w.safetensors" if number % 7 == 0 else "w.pth")
        put(random.Random(number), path)
        began = time.process_time()
        try:
            found = read_foreign(path)
            assert found is None or all(
                isinstance(value, np.ndarray) and value.nbytes <= 1 << 20
                for value in found.arrays.values()
            ), number
        except RunError as error:
            refused += 1
            assert error.code == "LT411", number
            assert "\n" not in error.message, number
        assert time.process_time() - began < AT_ONCE, number
        assert not marker.exists(), number
    assert "trap" not in sys.modules
    assert {each.name for each in tmp_path.iterdir()} <= {"trap.py", "w.pth", "w.safetensors"}
    assert refused > INPUTS // 2


def test_the_trap_would_be_sprung_by_python(tmp_path, monkeypatch):
    """What the files above are refused for is real."""
    marker = tmp_path / "marker"
    (tmp_path / "trap.py").write_text(TRAP.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trap", raising=False)
    content = b"\x80\x02ctrap\ncall\n" + text("x") + b"\x85R."
    pickle.loads(content)
    assert marker.read_text() == "called"
    monkeypatch.delitem(sys.modules, "trap")
    marker.unlink()
    path = tmp_path / "w.pth"
    path.write_bytes(zipped(content))
    with pytest.raises(RunError, match=r"it names trap\.call"):
        read_foreign(path)
    assert not marker.exists()
