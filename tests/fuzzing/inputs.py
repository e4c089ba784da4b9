"""Inputs: arbitrary bytes, and real recipes with something done to them. Each follows from a seed and a number."""

from __future__ import annotations

import random
from pathlib import Path

from ltdsl.catalogue import INDEXES

ROOT = Path(__file__).parents[2]

REAL = [
    path.read_bytes()
    for folder in ("recipes", "tests/golden")
    for path in sorted((ROOT / folder).rglob("*.lt"))
]
MARKS = [
    *("\n", "\n\n\n", ";", " ", "\t", "\r", "\r\n", "# c\n", " # ltdsl: ignore[LT201] why\n"),
    *(", ", "+", " + ", "=", ":", "@ 80%", "@ epoch 12", "@", "(", ")", "[", "]", "{", "}", "()"),
    *(
        '"',
        '""',
        '"x"',
        "'",
        "\\",
        '\\"',
        "use",
        'use "inside.lt"\n',
        'use "../x.lt"\n',
        "//",
        "/*",
    ),
    *("0", "-1", "1e400", "1e-400", "9" * 30, "50%", "1000%", "0.1", ".5", "true", "nan", "-"),
    *("stage1: ", "stage2: ce @ 50% ", "{ batch_size = 8 }", "epochs = 3\n", "let", "ltdsl"),
    *(
        "\ufeff",
        "\u2028",
        "\x0c",
        "\x0b",
        "\x00",
        "\x85",
        "é",
        "𝟛",
        "٣",
        "\u202e",
        "e\u0301",
        "\U000e0001",
    ),
]
NAMES = sorted({name for index in INDEXES.values() for name in index})
NAMES += ["epochs", "optimizer", "schedule", "augment", "handoff", "best_on", "init", "precision"]
NAMES += ["alpha", "milestones", "lr", "imbalance", "gamma", "teacher", "warmup", "beta", "a" * 70]


def make(seed: int, number: int) -> bytes:
    """The input of a number."""
    choose = random.Random(f"{seed}:{number}")
    kind = choose.random()
    if kind < 0.12:
        return choose.randbytes(choose.randrange(choose.choice((4, 40, 400))))
    if kind < 0.3:
        return "".join(_piece(choose) for _ in range(choose.randrange(40))).encode()
    if kind < 0.34:
        return _repeated(choose)
    data = choose.choice(REAL)
    if choose.random() < 0.15:  # half-typed
        data = data[: choose.randrange(len(data) + 1)]
    for _ in range(choose.randrange(1, choose.choice((2, 4, 9)))):
        data = _mutated(choose, data)
    return data


def _piece(choose: random.Random) -> str:
    return choose.choice(MARKS if choose.random() < 0.6 else NAMES)


def _repeated(choose: random.Random) -> bytes:
    """A piece many times, alone or in a recipe."""
    piece = "".join(_piece(choose) for _ in range(choose.randrange(1, 5)))
    text = piece * choose.choice((33, 150, 700))
    if choose.random() < 0.5:
        real = choose.choice(REAL).decode(errors="replace")
        at = choose.randrange(len(real) + 1)
        text = real[:at] + text + real[at:]
    return text.encode()


def _mutated(choose: random.Random, data: bytes) -> bytes:
    """One change, at a place that words or chance choose."""
    start = choose.randrange(len(data) + 1)
    end = min(len(data), start + choose.choice((0, 0, 1, 2, 5, 12, 40)))
    cut = data[start:end]
    kind = choose.randrange(8)
    if kind == 0:
        new = b""
    elif kind == 1:
        new = cut * choose.randrange(2, 4)
    elif kind == 2:
        new = bytes(byte ^ (1 << choose.randrange(8)) for byte in cut)
    elif kind == 3:
        new = choose.randbytes(choose.randrange(4))
    elif kind == 4:  # a part of another recipe
        other = choose.choice(REAL)
        at = choose.randrange(len(other) + 1)
        new = other[at : at + choose.randrange(80)]
    elif kind == 5:  # lines change places
        lines = data.split(b"\n")
        choose.shuffle(lines)
        return b"\n".join(lines)
    elif kind == 6:  # a word for another
        words = [at for at in range(len(data) - 1) if data[at : at + 1] == b" "]
        start = choose.choice(words) + 1 if words else start
        end = start
        while (end < len(data) and data[end : end + 1].isalnum()) or data[end : end + 1] == b"_":
            end += 1
        new = _piece(choose).encode()
    else:
        new = _piece(choose).encode()
    return data[:start] + new + data[end:]
