"""Settings of Sphinx; the pages lie in a folder that build.py has made, see there."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from pygments.token import Error

import ltdsl
from ltdsl.display.pygments_lexer import RecipeLexer

project = "ltdsl"
author = "the authors of ltdsl"
release = version = ltdsl.__version__
html_title = f"ltdsl {release}"
extensions = ["myst_parser"]
templates_path = ["theme"]
html_static_path = ["theme/static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_theme = "pydata_sphinx_theme"
html_favicon = "theme/icon.svg"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_theme_options: dict[str, Any] = {
    "navbar_start": ["navbar-logo"],
    "navbar_center": [],
    "navbar_end": ["versions", "theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "article_header_start": [],
    "footer_start": ["colophon"],
    "footer_end": [],
    "show_toc_level": 2,
    "search_bar_text": "Search",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
html_sidebars = {"**": ["navigation"]}
highlight_language = "none"
#: Headings get the anchors that they have in the repository's own view of its pages.
myst_heading_anchors = 4
nitpicky = True

_STATEMENT = re.compile(r"^ *[a-z]\w* *(=|:(?!//)) *\S", re.MULTILINE)
_COMMAND = re.compile(r"^(ltdsl|make|pip|python3?|LTDSL_\w+=\S+) ", re.MULTILINE)


def setup(app: Any) -> None:
    """Colour what the pages' indented blocks hold; tell styles of tables without headings, and of short cells."""
    app.connect("doctree-read", _colour)
    app.connect("doctree-read", _tables)


def _colour(_app: Any, tree: nodes.document) -> None:
    for block in tree.findall(nodes.literal_block):
        if block.get("language", "none") not in ("none", "default"):
            continue
        text = block.astext()
        if _COMMAND.search(text):
            block["language"] = "shell"
        elif _STATEMENT.search(text) and not any(
            kind in Error for kind, _ in RecipeLexer().get_tokens(text)
        ):
            block["language"] = "ltdsl"


#: Longer texts in a table's cells may be wrapped.
_SHORT = 24


def _tables(_app: Any, tree: nodes.document) -> None:
    for table in tree.findall(nodes.table):
        if not any(head.astext().strip() for head in table.findall(nodes.thead)):
            table["classes"].append("headless")
        for entry in table.findall(nodes.entry):
            if len(entry.astext()) <= _SHORT:
                entry["classes"].append("short")
