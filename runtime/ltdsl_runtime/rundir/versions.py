"""Versions of everything that has a part in the numbers of a run."""

from __future__ import annotations

import platform
from importlib.metadata import version
from importlib.util import find_spec

from ltdsl import __version__
from ltdsl.plugins.loading import loaded

#: Packages that have a part in the numbers.
PACKAGES = ("mindspore", "numpy", "mindcv")


def versions() -> dict[str, str]:
    """Versions by name, those of enabled plug-ins included; packages that are not installed are left out."""
    own = {"ltdsl": __version__, "python": platform.python_version()}
    libraries = {name: version(name) for name in PACKAGES if find_spec(name)}
    plugins = sorted(set(loaded().values()))
    return own | libraries | {package.name: package.version for package in plugins}
