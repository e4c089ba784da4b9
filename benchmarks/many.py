"""`ltdsl check` of a thousand recipes in one command, against parsing their texts with Lark alone."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import Row, as_installed, compare, take_turns

ROOT = Path(__file__).parents[1]

RECIPES = 1000

PARSE = """
import pathlib, sys
from lark import Lark

grammar = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
parser = Lark(grammar, parser="lalr", start="file")
for path in pathlib.Path(sys.argv[2]).rglob("*.lt"):
    parser.parse(path.read_text(encoding="utf-8"))
"""


def texts() -> list[str]:
    """Recipes that differ: those of the project with their used settings in place, and other seeds."""
    paper = ROOT / "recipes" / "paper"
    found = []
    for path in [*sorted((ROOT / "recipes").glob("*.lt")), *sorted(paper.glob("*.lt"))]:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for i, line in enumerate(lines):
            if line.startswith("use "):
                lines[i] = (paper / line.split('"')[1]).read_text(encoding="utf-8")
        # Lark alone has no filter for newlines in brackets, nor can a comment stand there then
        text = "".join(lines)
        found.append(re.sub(r"\[[^\]#]*\]", lambda listed: " ".join(listed[0].split()), text))
    return [f"seed = {i}\n{found[i % len(found)]}" for i in range(RECIPES)]


def measure(quick: bool = False) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts()):
            (Path(folder) / f"{number:04}.lt").write_text(text, encoding="utf-8")

        def ours() -> None:
            done = subprocess.run(
                [sys.executable, "-m", "ltdsl", "check", folder],
                cwd=ROOT,
                env=as_installed(),
                check=False,
                stdout=subprocess.DEVNULL,
            )
            assert done.returncode == 0, "the recipes have no errors"

        def other() -> None:
            grammar = ROOT / "grammar" / "recipe.lark"
            subprocess.run(
                [sys.executable, "-c", PARSE, str(grammar), folder], env=as_installed(), check=True
            )

        times = take_turns(ours, other, rounds=3 if quick else 9, warm=1)
    return [compare(f"many: ltdsl check, {RECIPES:,} recipes", "Lark alone", times, 2.0)]
