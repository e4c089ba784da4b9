"""What the tests of using a run share."""

from __future__ import annotations

import json
from pathlib import Path

from ltdsl.runs.plan import read_plan


def change(path: Path, **entries: object) -> None:
    """Change entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def opened(path: Path):
    """A run, for calls in this process."""
    from ltdsl_runtime.use.trained import open_run

    return open_run(path, read_plan(path))
