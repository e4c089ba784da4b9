"""Links within the built site: each leads to a file that is there, and to an anchor that is in it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """Anchors of a page, and what it links to or loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect them."""
        given = dict(attrs)
        for name in ("id", "name"):
            if value := given.get(name):
                self.anchors.add(value)
        if tag == "a" and (link := given.get("href")):
            self.links.add(link)
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.add(given.get("href") or "")
        elif tag in ("script", "img", "iframe") and (source := given.get("src")):
            self.loads.add(source)


def broken(site: Path) -> Iterator[str]:
    """What is wrong, a line each: links that lead nowhere, and what a page would load from another host."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}
    for path, page in sorted(pages.items()):
        here = path.relative_to(site)
        for link in sorted(page.links | page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{here}: loads {link} from elsewhere"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file() or not target.is_relative_to(site.resolve()):
                yield f"{here}: {link} leads nowhere"
            # the playground's own fragments hold a recipe
            elif (
                parts.fragment
                and not parts.fragment.startswith("recipe=")
                and target in pages
                and unquote(parts.fragment) not in pages[target].anchors
            ):
                yield f"{here}: {link} leads to no such heading"
