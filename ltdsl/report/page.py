"""A page that stands alone: its text, styles, charts and the library that draws them, in one file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter

from ltdsl import __version__
from ltdsl.display.pygments_lexer import RecipeLexer
from ltdsl.report.library import library

ASSETS = Path(__file__).parent / "assets"

#: A file that holds this was written by this package, and may be written again.
MARK = '<meta name="generator" content="ltdsl'


def render(template: str, charts: dict[str, Any], table: dict[str, Any], **content: Any) -> str:
    """A page's HTML.

    Args:
        template: File in the folder of assets.
        charts: Specifications by the identifier of the place that a chart has in the page.
        table: Data of the table of classes.
        **content: What else the template needs.
    """
    scripts = [_inline(text) for text in (library(), _asset("report.js"))]
    # only these scripts run, whatever else finds its way into the page, and nothing is ever fetched
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    html = (
        _environment()
        .get_template(template)
        .render(
            charts=charts,
            # JSON whose `<` and `&` are escaped, and files of ours
            data=Markup(as_json({"charts": charts, "table": table})),  # noqa: S704
            style=Markup(_asset("report.css") + _colours()),  # noqa: S704
            scripts=[Markup(text) for text in scripts],  # noqa: S704
            policy=policy,
            version=__version__,
            **content,
        )
    )
    # half a character, in a name from somewhere, cannot be written
    return html.encode("utf-8", "replace").decode("utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    filters: dict[str, Callable[..., str]] = {
        "percent": percent,
        "share": share,
        "thousands": lambda number: f"{number:,}",
        "recipe": _highlighted,
    }
    environment.filters |= filters
    return environment


def as_json(data: Any) -> str:
    """JSON that is safe inside a script element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def percent(value: float | None) -> str:
    """A figure in percent; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}\N{NARROW NO-BREAK SPACE}%"


def share(value: float) -> str:
    """Whole percents. Halves are rounded up, as the chart beside it rounds them."""
    return f"{Decimal(value).quantize(Decimal(1), ROUND_HALF_UP)}\N{NARROW NO-BREAK SPACE}%"


def inline_picture(kind: str, content: bytes) -> str:
    """A picture as an address that holds all of it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _highlighted(text: str) -> Markup:
    # the formatter escapes what it is given
    return Markup(highlight(text, RecipeLexer(), HtmlFormatter(nowrap=True, classprefix="hl-")))  # noqa: S704


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """A script that cannot end its element early."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", script, flags=re.IGNORECASE)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _colours() -> str:
    """Colours of a recipe's text, by the page's own variables."""
    groups = {
        "muted": ("c1", "c"),
        "series-1": ("nl", "k", "kn", "kc"),
        "series-3": ("nf",),
        "series-2": ("mi", "mf", "s", "se"),
    }
    return "".join(
        f"{','.join(f'.hl-{name}' for name in names)}{{color:var(--{variable})}}"
        for variable, names in groups.items()
    )
