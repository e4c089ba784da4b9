"""`ltdsl check` of a recipe in a new process, against importing what it is made of.

``import typer, pydantic, lark`` reads a part of these packages only, as pydantic's names are looked up when they are
asked for. What a check imports of others and of the standard library is the second comparison: without Lark, whose
tables are kept, and with nothing of ltdsl itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import Row, as_installed, compare, take_turns

ROOT = Path(__file__).parents[1]

CHECK = ("-m", "ltdsl", "check", "recipes/quickstart.lt")

#: Prints the modules that a check leaves imported, in their order, but for ltdsl's own.
MODULES = """
import sys
from ltdsl.__main__ import main
sys.argv = ["ltdsl", *sys.argv[1:]]
try:
    main()
finally:
    own = ("ltdsl", "__main__", "grammar")
    print(*(name for name in sys.modules if name.partition(".")[0] not in own), file=sys.stderr)
"""


def process(*arguments: str) -> Callable[[], None]:
    return lambda: _run(*arguments)


def _run(*arguments: str, errors: int | None = None) -> str | None:
    line = [sys.executable, *arguments]
    done = subprocess.run(
        line,
        cwd=ROOT,
        env=as_installed(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        text=True,
    )
    return done.stderr


def modules() -> list[str]:
    """What a check imports beside ltdsl, once Lark's tables are kept."""
    _run(*CHECK)
    return (_run("-c", MODULES, *CHECK[2:], errors=subprocess.PIPE) or "").split()


def measure(quick: bool = False) -> list[Row]:
    rounds = 7 if quick else 25
    bare = take_turns(process(*CHECK), process("-c", "import typer, pydantic, lark"), rounds=rounds)
    imports = f"from importlib import import_module as f; [f(name) for name in {modules()}]"
    same = take_turns(process(*CHECK), process("-c", imports), rounds=rounds)
    return [
        compare("cold: ltdsl check", "import typer, pydantic, lark", bare, 1.6),
        compare("cold: ltdsl check", "importing what it imports of others", same, 1.6),
    ]
