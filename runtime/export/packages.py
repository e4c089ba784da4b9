"""Packages that only some formats need."""

from __future__ import annotations

from importlib.util import find_spec

from runtime.errors import RunError


def need(*names: str) -> None:
    """Make sure that packages are there.

    Raises:
        RunError: LT430, one of them is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise RunError(
                "LT430", f"ONNX files need the package {name}", "pip install 'ltdsl[onnx]'"
            )
