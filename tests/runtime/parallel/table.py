"""Prints the differences in `docs/workers.md`: ``python tests/runtime/parallel/table.py [split] [SIZE …]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[2])]

import cluster  # noqa: E402
from shared_steps import RECIPES  # noqa: E402
from test_shared_steps import UNSPLIT, WORKER, differences  # noqa: E402


def main() -> None:
    how = "split" if "split" in sys.argv else "whole"
    sizes = [int(size) for size in sys.argv[1:] if size != how] or [2, 4]
    names = [name for name in RECIPES if how == "whole" or name not in UNSPLIT]
    cluster.LIMIT = 3600
    folder = Path(tempfile.mkdtemp())
    for size in (1, *sizes):
        cluster.together(WORKER, size, folder, str(folder), how, *names)
    columns = [differences(folder, size) for size in sizes]
    print("| trick |", " | ".join(f"{size} workers" for size in sizes), "|")
    print("|---|", "|".join("---:" for _ in sizes), "|", sep="")
    for name in names:
        print(f"| `{name}` |", " | ".join(f"{column[name]:.1e}" for column in columns), "|")


if __name__ == "__main__":
    main()
