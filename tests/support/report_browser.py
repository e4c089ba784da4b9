"""A headless browser that is there already."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class Seen:
    """What a page did that a reader should not notice."""

    def __init__(self) -> None:
        self.trouble: list[str] = []

    def watch(self, page) -> None:
        page.on("console", lambda said: self.trouble.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: (self.trouble.append("dialog"), dialog.dismiss()))

    def _request(self, request) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.trouble.append(f"request: {request.url}")


@contextlib.contextmanager
def opened(browser, path: Path, width: int = 1280, dark: bool = False, **options):
    """A page whose charts are drawn."""
    seen = Seen()
    scheme = "dark" if dark else "light"
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, **options
    )
    try:
        page = context.new_page()
        seen.watch(page)
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
        yield page
        assert seen.trouble == []
    finally:
        context.close()
