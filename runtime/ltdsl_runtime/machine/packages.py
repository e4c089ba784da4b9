"""Packages that only some commands need."""

from __future__ import annotations

from importlib.util import find_spec

from ltdsl_runtime.errors import RunError


def need(what: str, extra: str, *names: str) -> None:
    """Make sure that packages are there.

    Args:
        what: What needs them, as the subject of a sentence.
        extra: Of ltdsl, which brings them.
        *names: The packages.

    Raises:
        RunError: LT430, one of them is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            hint = f'pip install "ltdsl[{extra}]"'
            raise RunError("LT430", f"{what} needs the package {name}", hint)
