"""What stands for a checkpoint that a recipe names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ltdsl.runs.layout import CHECKPOINTS
from ltdsl.runs.reading import Run
from ltdsl.system.opening import open_file

if TYPE_CHECKING:
    from pathlib import Path

_PIECE = 1 << 20


def content_digest(path: Path) -> str:
    """SHA-256, in hex, of all that a checkpoint means: its bytes, and what its run calls the classes.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    with open_file(path) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    if path.parent.name == CHECKPOINTS and (data := Run(path.parents[1]).facts.data):
        digest.update("\0".join(data.classes).encode())
    return digest.hexdigest()
