"""The script that draws charts: Vega, Vega-Lite and Vega-Embed, from the package that holds them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from ltdsl.cache import CHART_SCRIPT, CacheError, Store

NAME = "vega.js"

#: SHA-256 of the script that each version of vl-convert-python makes. One that is not here is made by a newer version:
#: then the digest in the cache's own record is all that it is compared with.
SCRIPTS = dict.fromkeys(
    ("1.9.0", "1.9.0.post1"),
    "52341d77a779b19b8678db3cf4473db5381c56bcc02f0768f120c9f30f52bdd3",
)


@cache
def library() -> str:
    """The script, to stand in a page. Nothing is downloaded.

    To bundle it takes two seconds, most of a report's time, so that it is kept in the user's cache.
    """
    installed = version("vl-convert-python")
    try:
        with Store.default().get(CHART_SCRIPT, {"vl-convert": installed}, _write) as entry:
            script = (entry.folder / NAME).read_bytes()
    except (CacheError, OSError):
        return _bundle()
    digest = hashlib.sha256(script).hexdigest()
    return script.decode() if SCRIPTS.get(installed, digest) == digest else _bundle()


def _write(folder: Path) -> None:
    (folder / NAME).write_bytes(_bundle().encode())


@cache
def _bundle() -> str:
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub forgets a default
    return f"(() => {{{bundle}}})();"
