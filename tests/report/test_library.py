"""The script that draws charts, and where it is kept."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import pytest

from ltdsl.cache import CHART_SCRIPT, CacheError, Store
from ltdsl.report import library as module


@pytest.fixture(autouse=True)
def bundles(tmp_path, monkeypatch):
    """How often it is bundled, in a cache of its own."""
    calls = []
    bundle = module._bundle()  # once in all
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_bundle", lambda: calls.append(1) or bundle)
    return calls


def script():
    return module.library.__wrapped__()


def test_it_is_the_one_that_this_version_makes():
    expected = module.SCRIPTS[version("vl-convert-python")]
    assert hashlib.sha256(script().encode()).hexdigest() == expected


def test_it_is_bundled_once(bundles):
    assert script() == script()
    assert len(bundles) == 1


def test_another_script_is_not_used_whatever_its_record_says(bundles):
    facts = {"vl-convert": version("vl-convert-python")}
    Store.default().get(
        CHART_SCRIPT, facts, lambda folder: (folder / module.NAME).write_text("steal()")
    )
    assert "steal" not in script()
    assert len(bundles) == 1


def test_of_a_version_that_is_not_known_the_record_speaks(bundles, monkeypatch):
    monkeypatch.setattr(module, "SCRIPTS", {})
    script()
    place = Store.default().entries()[0].place
    (place / "files" / module.NAME).write_text("steal()")
    assert "steal" not in script()
    assert len(bundles) == 2


def test_it_needs_no_cache(monkeypatch):
    def none(*_):
        raise CacheError("there is no room")

    monkeypatch.setattr(Store, "get", none)
    assert script().startswith("(() => {")
