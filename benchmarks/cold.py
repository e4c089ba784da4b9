"""`ltdsl check` of the opening line in a new process, against importing what it is made of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.common import Row, compare, take_turns

ROOT = Path(__file__).parents[1]


def process(*arguments: str):
    # with bytecode on both sides: an installed package has it
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def call() -> None:
        subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    return call


def measure(quick: bool = False) -> list[Row]:
    times = take_turns(
        process("-m", "ltdsl", "check", "recipes/quickstart.lt"),
        process("-c", "import typer, pydantic, lark"),
        rounds=7 if quick else 25,
    )
    return [compare("cold: ltdsl check", "import typer, pydantic, lark", times, 1.6)]
