"""What builds the site: pages, links, versions; no browser, and no site that was built."""

from __future__ import annotations

import json

import pytest
from support.processes import ROOT
from support.site import module


def test_every_page_is_in_the_navigation_once():
    pages = module("pages")
    named = [name for group in pages.NAVIGATION.values() for name in group]
    made = {
        "recipes",
        "schemas",
        *(target.removesuffix(".md") for target in pages.OUTSIDE.values()),
    }
    written = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert sorted(named) == sorted(made | written), "NAVIGATION in docs/site/pages.py"


def test_links_of_the_repository_lead_to_pages():
    pages = module("pages")
    docs = ROOT / "docs" / "security.md"
    assert pages._target(docs, "../SECURITY.md") == "reporting.md"
    assert pages._target(docs, "../README.md#start") == "index.md"
    assert pages._target(ROOT / "SECURITY.md", "docs/workers.md#x") == "workers.md#x"
    assert pages._target(docs, "schema/") == "schemas.md"
    assert pages._called("docs/data.md") == "Data sets and images"
    assert pages._called("a file.md") == "a file.md"


def test_what_answers_in_the_browser_takes_the_language_half_alone():
    rooms = {path.relative_to(ROOT).parts[1] for path in module("archive").modules()}
    assert rooms & {"cli", "report", "lsp", "runs", "cache"} == set()
    assert {"compiler.py", "advice", "format"} <= rooms


def test_broken_links_are_named(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#there"></a><a href="b.html#not"></a><a href="c.html"></a><a href="#recipe=x"></a>'
        '<script src="https://example.org/x.js"></script><a href="https://example.org/"></a><a href="../"></a>'
    )
    (tmp_path / "b.html").write_text('<h2 id="there"></h2>')
    assert sorted(module("links").broken(tmp_path)) == [
        "a.html: ../ leads nowhere",
        "a.html: b.html#not leads to no such heading",
        "a.html: c.html leads nowhere",
        "a.html: loads https://example.org/x.js from elsewhere",
    ]


def test_versions_lie_beside_each_other(tmp_path):
    site, folder = tmp_path / "site", tmp_path / "public"
    (site / "_static").mkdir(parents=True)
    (site / "index.html").write_text("a page")
    (site / "_static" / "published.json").write_text("false")
    publish = module("publish").publish
    for name in ("0.9.0", "0.10.0", "0.11.0rc1", "main", "0.9.0"):
        publish(site, folder, name)
    names = json.loads((folder / "versions.json").read_text())
    assert names == ["0.10.0", "0.9.0", "0.11.0rc1", "main"]
    assert 'url=0.10.0/"' in (folder / "index.html").read_text()
    assert json.loads((folder / "main" / "_static" / "published.json").read_text()) is True
    assert json.loads((site / "_static" / "published.json").read_text()) is False


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden"])
def test_names_of_versions_are_no_paths(name, tmp_path, monkeypatch, capsys):
    (tmp_path / "index.html").write_text("")
    line = ["publish.py", str(tmp_path / "public"), "--site", str(tmp_path), f"--name={name}"]
    monkeypatch.setattr("sys.argv", line)
    assert module("publish").main() == 2
    assert "names no version" in capsys.readouterr().err
