"""What can be wrong with a dataset."""

from __future__ import annotations

from ltdsl_runtime.errors import RunError


class DataError(RunError):
    """Images that a run cannot use: LT401 to LT404 and LT414, and of downloads LT440 to LT444."""
