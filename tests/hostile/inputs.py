"""What strangers hand over: each thing follows from a seed and a number."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

#: Pieces of names: what steers, reorders, ends lines, commands CI services, leaves folders, and every script.
PIECES = (
    *("\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\x08", "\r", "\n", "\u2028", "\x7f", "\0", "\t"),
    *("\u202e", "\u2066", "\u200f", "\u200d", "\ufeff", "\U000e0041", "\ud800", "\udcff"),
    *(
        "::error::",
        "::set-output name=a::",
        "##[group]",
        "##vso[task.x]",
        "[bold]",
        "[/]",
        ":smile:",
    ),
    *("..", "/", "\\", "C:", "~", "$(x)", "`x`", "%s", "{0}", "<script>", "toString", "__proto__"),
    *(
        "漢字",
        "русский",
        "عربي",
        "हिन्दी",
        "ไทย",
        "e\u0301",
        "naïve",
        "👩\u200d👧",
        "a",
        "b",
        " ",
        "0",
    ),
)

#: What stands in the place of a value.
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 0.5, 10**400, 10**12, float("inf"), float("nan"), "", "x", "\ud800"),
    *("a\0b", "../../x", "/etc/passwd", [], ["x", None], {}, {"x": {"y": []}}, "9" * 5000),
)

#: Targets of links: out of the folder, above it, nowhere, round, and what never ends.
LINKS = (
    "../mine",
    "../../mine",
    "/",
    "..",
    ".",
    "/dev/zero",
    "/dev/full",
    "nowhere",
    "self",
    "../new",
)


def name(choose: random.Random) -> str:
    """A name of pieces."""
    return "".join(choose.choice(PIECES) for _ in range(choose.randrange(1, 6)))


def mutated(choose: random.Random, data: bytes) -> bytes:
    """Bytes with a few changes."""
    for _ in range(choose.randrange(1, 6)):
        at = choose.randrange(len(data) + 1)
        kind = choose.randrange(5)
        if kind == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << choose.randrange(8)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + choose.randbytes(choose.randrange(9)) + data[at:]
        elif kind == 3:
            size = struct.pack(
                choose.choice(["<I", ">I", "<H", ">H", "<Q"]), choose.choice((0, 1, 2**16 - 1))
            )
            data = data[:at] + size + data[at + len(size) :]
        else:
            start = choose.randrange(len(data) + 1)
            data = data[:at] + data[start : start + choose.randrange(60)] + data[at:]
    return data


def changed(choose: random.Random, value: Any) -> Any:
    """JSON data with a value in some place, or without one."""
    if isinstance(value, dict) and value and choose.random() < 0.85:
        key = choose.choice(list(value))
        if choose.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if choose.random() < 0.1:
            return {**value, name(choose): choose.choice(VALUES)}
        return {**value, key: changed(choose, value[key])}
    if isinstance(value, list) and value and choose.random() < 0.85:
        at = choose.randrange(len(value))
        return [*value[:at], changed(choose, value[at]), *value[at + 1 :]]
    return name(choose) if choose.random() < 0.3 else choose.choice(VALUES)


def in_place(choose: random.Random, path: Path) -> None:
    """Put something else in the place of a file."""
    if path.is_dir() and not path.is_symlink():
        return
    path.unlink(missing_ok=True)
    kind = choose.randrange(4)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(path.name if (to := choose.choice(LINKS)) == "self" else to)
    elif kind == 2:
        with path.open("wb") as file:
            file.truncate(1 << choose.choice((20, 35, 40)))
    else:
        path.mkdir()


def file_name(choose: random.Random) -> str:
    """A name that a file can have."""
    text = name(choose).replace("/", "|").replace("\0", "0").strip(".")
    text += choose.choice((".png", ".png", ".txt", "x"))
    return os.fsdecode(text.encode("utf-8", "surrogatepass")[-200:])


def png(*colour: int) -> bytes:
    """A whole image, of 9 × 9 pixels."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), (*colour, 0, 0)[:3]).save(buffer, "PNG")
    return buffer.getvalue()


FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")


def image(choose: random.Random) -> bytes:
    """An image file with something done to it."""
    mode = choose.choice(("RGB", "L", "P", "RGBA", "I;16", "1"))
    form = choose.choice(FORMATS)
    pixels = np.frombuffer(choose.randbytes(12 * 12 * 4), np.uint8).reshape(12, 12, 4)
    picture = Image.fromarray(pixels).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = picture.convert("I")
    buffer = io.BytesIO()
    try:
        picture.save(buffer, form)
    except (OSError, ValueError, KeyError):  # a kind of pixels that the format has not
        picture.convert("RGB").save(buffer, form)
    return mutated(choose, buffer.getvalue())


def archive(choose: random.Random) -> bytes:
    """A tar archive of whatever may be in one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=choose.choice((0, 1, 2))) as tar:
        for _ in range(choose.randrange(6)):
            at = choose.choice(
                ("a", "images", "a/b", "../x", "/tmp/ltdsl-hostile", _text(name(choose)))
            )
            member = tarfile.TarInfo(f"{choose.choice(('', 'images/'))}{at}")
            member.type = choose.choice(
                (b"0", b"0", b"0", b"5", b"1", b"2", b"3", b"6", b"S", b"x")
            )
            member.linkname = choose.choice(("images/a", "../../mine", "/etc/passwd", ".."))
            content = choose.randbytes(choose.randrange(400))
            member.size = len(content) if member.type == b"0" else 0
            member.mode = choose.choice((0o644, 0o000, 0o4777))
            tar.addfile(member, io.BytesIO(content))
    data = gzip.compress(buffer.getvalue(), 1)
    return mutated(choose, data) if choose.random() < 0.4 else data


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "0")


def npz(choose: random.Random) -> bytes:
    """A NumPy archive with something done to it."""
    number = choose.randrange(1, 9)
    arrays = {
        "x_train": np.zeros((number, 8, 8), np.uint8),
        "y_train": np.arange(number) % 2,
        "class_names": np.array([_text(name(choose)) for _ in range(2)]),
    }
    if choose.random() < 0.3:
        arrays["x_test"], arrays["y_test"] = arrays["x_train"], arrays["y_train"]
    if choose.random() < 0.3:
        arrays[choose.choice(list(arrays))] = np.array([choose.choice((0, -1, 2**31, 1.5))] * 3)
    if choose.random() < 0.2:
        arrays["x_train"] = np.array([{}, None], object)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    data = buffer.getvalue()
    if choose.random() < 0.3:  # a head that claims another size
        data = data.replace(b"8, 8)", choose.choice((b"9" * 5, b"8,8e)", b"-8,8)")), 1)
    if choose.random() < 0.1:
        small = io.BytesIO()
        with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("x_train.npy", bytes(choose.randrange(1 << 16)))
        data = small.getvalue()
    return mutated(choose, data) if choose.random() < 0.7 else data


def listing(choose: random.Random) -> bytes:
    """A list of images in some form."""
    kind = choose.randrange(4)
    names = [
        choose.choice(("a/0.png", "b/1.png", name(choose))) for _ in range(choose.randrange(6))
    ]
    labels = [choose.choice((0, 1, 1, -1, 2**31, "x", name(choose))) for _ in names]
    if kind == 0:
        text = "\n".join(f"{n} {label}" for n, label in zip(names, labels, strict=True))
    elif kind == 1:
        mark = choose.choice((",", ";", "\t"))
        rows = [f"{n}{mark}{label}" for n, label in zip(names, labels, strict=True)]
        text = "\n".join([f"image{mark}label", *rows])
    else:
        data: dict[str, Any] = {
            "annotations": [
                {"fpath": n, "category_id": label, "image_id": at}
                for at, (n, label) in enumerate(zip(names, labels, strict=True))
            ],
            "num_classes": 2,
        }
        if kind == 3:
            data["images"] = [{"id": at, "file_name": n} for at, n in enumerate(names)]
            data["categories"] = [{"id": at, "name": name(choose)} for at in range(2)]
        text = json.dumps(changed(choose, data) if choose.random() < 0.6 else data)
    content = text.encode("utf-8", "surrogatepass")
    return mutated(choose, content) if choose.random() < 0.4 else content


METHODS = (
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/definition",
    "textDocument/documentSymbol",
    "textDocument/formatting",
    "textDocument/codeAction",
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didClose",
    "workspace/didChangeWatchedFiles",
    "no/such",
)


def traffic(choose: random.Random) -> tuple[bytes, bool]:
    """Messages to the language server, the last a request numbered 99; and whether each has the length that it says."""
    uri = choose.choice(("file:///x/recipe.lt", "untitled:x", "file:///", "http://x", name(choose)))
    text = f"stage1: ce # {name(choose)}\n"
    opened = {"uri": uri, "languageId": "ltdsl", "version": 1, "text": text}
    parts = [framed({"id": 1, "method": "initialize", "params": {"capabilities": {}}})]
    parts.append(framed({"method": "textDocument/didOpen", "params": {"textDocument": opened}}))
    whole = choose.random() < 0.5
    for number in range(2, 2 + choose.randrange(4)):
        line, character = choose.choice((0, 1, -1, 2**31 - 1)), choose.choice((0, 7, 10**9))
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
        }
        asked: dict[str, Any] = {"id": number, "method": choose.choice(METHODS), "params": params}
        message = framed(changed(choose, asked) if choose.random() < 0.5 else asked)
        parts.append(message if whole else mutated(choose, message))
    parts.append(framed({"id": 99, "method": "shutdown"}))
    return b"".join(parts), whole


def framed(message: Any) -> bytes:
    if isinstance(message, dict):
        message = {"jsonrpc": "2.0", **message}
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
