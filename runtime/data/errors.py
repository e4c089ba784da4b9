"""What can be wrong with a dataset."""

from __future__ import annotations

from runtime.errors import RunError


class DataError(RunError):
    """Images that a run cannot use.

    LT401: missing; LT402: unreadable or damaged; LT403: not the counts that were planned; LT404:
        too few
    for one batch.
    """
