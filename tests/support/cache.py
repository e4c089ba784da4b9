"""What the tests of the cache share."""

from __future__ import annotations

import subprocess
import sys

from ltdsl.cache import Kind
from support.processes import environment

#: As kinds of the program are, and one that is executed.
PLAIN = Kind("plain", version=1, holds="a text", shows=("name",))
RUN = Kind("run", version=1, holds="a program", executed=True)

FACTS = {"name": "a", "size": 3}


def writes(text="made", name="text"):
    """A builder that counts its calls."""

    def build(folder):
        build.calls += 1
        (folder / name).write_text(text)

    build.calls = 0
    return build


def get(store, kind=PLAIN, facts=FACTS, build=None):
    with store.get(kind, facts, build or writes()) as entry:
        return entry


def python(code, *arguments, **variables):
    """A process that runs some code."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment() | {name: str(value) for name, value in variables.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
