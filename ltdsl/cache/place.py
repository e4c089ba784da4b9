"""Where the cache is and how large it may grow, as the environment says."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from ltdsl.cache.errors import CacheError
from ltdsl.cache.units import parse_size

FOLDER = "LTDSL_CACHE"
LIMIT = "LTDSL_CACHE_LIMIT"
DEFAULT_LIMIT = "10 GB"

#: Set to anything: no run takes epochs from the cache or keeps any in it, as with ``--no-cache``.
NO_STAGES = "LTDSL_NO_CACHE"


def named_folder() -> Path | None:
    """The folder that the user named for this cache alone, absolute; None where it is the platform's."""
    named = os.environ.get(FOLDER)
    return Path(named).absolute() if named else None


def platform_folder() -> Path:
    """``ltdsl`` in the folder that the platform has for caches, or in ``XDG_CACHE_HOME`` on every platform.

    Raises:
        CacheError: This user has no home folder.
    """
    caches = os.environ.get("XDG_CACHE_HOME")
    try:
        path = (
            Path(caches).absolute() / "ltdsl"
            if caches
            else platformdirs.user_cache_path("ltdsl", appauthor=False)
        )
    except RuntimeError:  # nobody's home
        path = Path()
    if not path.is_absolute():  # `~` as it is written, from others of its versions
        raise CacheError("there is no cache folder: this user has no home folder")
    return path


def limit() -> int:
    """Bytes that all entries together may take.

    Raises:
        CacheError: The environment names none.
    """
    text = os.environ.get(LIMIT) or DEFAULT_LIMIT
    try:
        return parse_size(text)
    except ValueError as error:
        raise CacheError(f"{LIMIT}: {error}", f"write it like {LIMIT}=10GB") from error
