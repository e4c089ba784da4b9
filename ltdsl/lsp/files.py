"""Recipe files on the disk, without walking through all of a large folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_MAX_FILES = 300
_MAX_FOLDERS = 2000


def recipes_below(root: Path) -> Iterator[Path]:
    """The .lt files in a folder and below, hidden folders left out, as far as there are not too many."""
    return islice(_walk(root), _MAX_FILES)


def _walk(root: Path) -> Iterator[Path]:
    for folder, below, files in islice(os.walk(root), _MAX_FOLDERS):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".lt"))
