"""Names that programs have for something of their own are names like others in charts."""

from __future__ import annotations

import json
import re

import pytest
import vl_convert
from support.report import RECIPE, make_run, plan_of

from ltdsl.report import write_report

NAMES = [
    "toString",
    "constructor",
    "__proto__",
    "hasOwnProperty",
    "valueOf",
    "prototype",
    "length",
    "datum.value",
    "\\",
    "'\"`${1}",
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    runs = [make_run(folder / name, plan=plan_of(), names=NAMES) for name in NAMES[:3]]
    other = RECIPE.replace("stage1", "constructor").replace("stage2", "valueof")
    make_run(folder / "other", other)
    return [write_report([runs[0]]), write_report([folder / "other"]), write_report([folder])]


def drawn(page):
    """Each chart of a page, by its name, as the page's script would draw it."""
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    table = data["table"]
    rows = [
        {"name": name, "rank": at + 1, "left": at + 0.58, "right": at + 1.42}
        | {"images": table["images"][at], "tested": table["tested"][at]}
        | {key: values[at] for key, values in table["accuracies"].items()}
        for at, name in enumerate(table.get("name", ()))
    ]
    for name, spec in data["charts"].items():
        spec["datasets"] = {**spec.get("datasets", {}), "classes": rows}
        plain = re.sub(r"var\(--[a-z0-9-]+\)", "#000000", json.dumps(spec))
        yield name, vl_convert.vegalite_to_svg(json.loads(plain))


def test_every_chart_is_drawn_and_shows_them(pages):
    shown = {}
    for page in pages:
        for name, svg in drawn(page):
            assert svg.startswith("<svg")
            shown[page.parent.name, name] = svg
    named = shown["toString", "accuracy-last"]
    for name in NAMES[:8]:
        assert f">{name}</text>" in named
