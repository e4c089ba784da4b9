"""The script that draws charts: Vega, Vega-Lite and Vega-Embed, from the package that holds them."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from ltdsl.system.files import write_atomically


@cache
def library() -> str:
    """The script, to stand in a page. Nothing is downloaded.

    To bundle it takes two seconds, most of a report's time, so that it is kept in the user's cache folder where there
    is one.
    """
    kept = _place()
    if kept is not None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return kept.read_text(encoding="utf-8")
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub forgets a default
    script = f"(() => {{{bundle}}})();"
    if kept is not None:
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, script)
    return script


def _place() -> Path | None:
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # nobody's home
        return None
    return folder / "ltdsl" / f"vega-{version('vl-convert-python')}.js"
