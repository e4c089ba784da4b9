"""Packages that only some runs need."""

from __future__ import annotations

from ltdsl.system.packages import missing
from ltdsl_runtime.errors import RunError


def need(what: str, extra: str) -> None:
    """Make sure that an extra's packages are there.

    Args:
        what: What needs them, as the subject of a sentence.
        extra: Of ltdsl, a name of :data:`ltdsl.system.packages.EXTRAS`.

    Raises:
        RunError: LT430, one of them is not installed.
    """
    why = missing(what, extra)
    if why is not None:
        raise RunError("LT430", why)
