"""Prints the differences in `docs/workers.md`: ``python tests/parallel/table.py [SIZE …]``, 2 and 4 otherwise."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import cluster  # noqa: E402
from shared_steps import RECIPES  # noqa: E402
from test_shared_steps import WORKER, differences  # noqa: E402


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [2, 4]
    cluster.LIMIT = 3600
    folder = Path(tempfile.mkdtemp())
    for size in (1, *sizes):
        cluster.together(WORKER, size, folder, str(folder), *RECIPES)
    columns = [differences(folder, size) for size in sizes]
    print("| trick |", " | ".join(f"{size} workers" for size in sizes), "|")
    print("|---|", "|".join("---:" for _ in sizes), "|", sep="")
    for name in RECIPES:
        print(f"| `{name}` |", " | ".join(f"{column[name]:.1e}" for column in columns), "|")


if __name__ == "__main__":
    main()
