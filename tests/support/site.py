"""The built site, as a server without a network around it shows it."""

from __future__ import annotations

import contextlib
import functools
import http.server
import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from support.processes import ROOT
from support.report_browser import QUIET

SITE = ROOT / "site"


def module(name: str):
    """One of those that build it."""
    folder = str(ROOT / "docs" / "site")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def why_not() -> str:
    """Why its tests are skipped; empty where they are not."""
    if not (SITE / "playground.html").is_file():
        return "no site with a playground: make site"
    built = SITE / "playground"
    scripts = (ROOT / "docs" / "site" / "playground").glob("*.js")
    same = all((built / path.name).read_bytes() == path.read_bytes() for path in scripts)
    if not (same and (built / module("archive").digest()).is_dir()):
        return "the site is older than the sources: make site"
    return ""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        self.server.asked.append(self.path)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that were asked for so far."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", server.asked
        finally:
            server.shutdown()
            thread.join()


#: No name leads anywhere.
OFFLINE = [*QUIET, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


class Watched:
    """What a page did that a visitor should not notice."""

    def __init__(self, page, address: str) -> None:
        self.trouble: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.trouble.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: self._asked(request.url, address))

    def _said(self, message) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(f"{message.type}: {message.text}")

    def _asked(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.trouble.append(f"request: {url}")
