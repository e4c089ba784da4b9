"""`ltdsl cache` as its users call it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ltdsl.cache import CHART_SCRIPT, NATIVE_KERNELS, Store
from ltdsl.cli import make_app
from ltdsl.cli.complete import cache_entries, cache_kinds

APP = make_app(["cache"])


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Two entries: kernels used two hours ago, a script used now."""
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "cache"))
    store = Store.of_user()
    facts = {"compiler": "gcc 12.2\nmore", "machine": "x86_64"}
    with store.get(
        NATIVE_KERNELS, facts, lambda folder: write(folder / "native.so", 2000)
    ) as entry:
        past = time.time() - 7300
        os.utime(entry.folder.parent / "entry.json", (past, past))
    store.get(
        CHART_SCRIPT, {"vl-convert": "1.9.0"}, lambda folder: write(folder / "vega.js", 500)
    ).close()
    return store


def write(path: Path, size: int) -> None:
    path.write_text("x" * size)


def call(*arguments, code=0):
    done = CliRunner().invoke(APP, ["cache", *arguments], env={"COLUMNS": "100"})
    assert done.exit_code == code, done.output
    return done.output


def kinds(store):
    return [entry.kind for entry in store.entries()]


def test_listing(store):
    lines = call("list").splitlines()
    assert lines[0] == f"{store.folder}: 2 entries, 2.5 kB of 10.0 GB"
    assert lines[2].split() == ["entry", "kind", "size", "last", "used"]
    keys = [entry.key[:12] for entry in store.entries()]
    assert lines[3].split() == [keys[0], "chart-script", "500", "bytes", "just", "now", "1.9.0"]
    assert (
        " ".join(lines[4].split())
        == f"{keys[1]} native-kernels 2.0 kB 2 hours ago gcc 12.2, x86_64"
    )


def test_listing_for_programs(store):
    data = json.loads(call("list", "--format", "json"))
    assert (data["folder"], data["size"], data["limit"]) == (str(store.folder), 2500, 10**10)
    assert [entry["kind"] for entry in data["entries"]] == ["chart-script", "native-kernels"]
    assert data["entries"][0]["facts"] == {"vl-convert": "1.9.0"}
    assert data["entries"][0]["files"]["vega.js"]["size"] == 500


def test_an_empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "none"))
    assert call("list") == f"{tmp_path / 'none'}: 0 entries, 0 bytes of 10.0 GB\n"
    assert call("prune") == call("clear") == "removed 0 entries, 0 bytes\n"
    assert not (tmp_path / "none").exists()


def test_showing(store):
    entry = store.entries()[1]
    shown = call("show", entry.key[:5].upper())
    assert f"native-kernels: {NATIVE_KERNELS.holds}\n" in shown
    assert '"compiler": "gcc 12.2\\nmore"' in shown
    assert entry.record.files["native.so"].sha256 in shown
    assert shown.splitlines()[-1].split() == ["state", "whole"]

    path = entry.place / "files" / "native.so"
    path.write_text("y" * 2000)
    assert f"{path} is not what was kept" in call("show", entry.key, code=1)
    assert json.loads(call("show", entry.key, "--format", "json", code=1))["problem"]
    (entry.place / "entry.json").write_text("{")
    assert "entry.json cannot be read" in call("show", entry.key, code=1)
    assert call("list").splitlines()[-1].endswith("  damaged")


def test_pruning(store):
    assert call("prune") == "removed 0 entries, 0 bytes\n"
    assert call("prune", "--older", "3h") == "removed 0 entries, 0 bytes\n"
    assert call("prune", "--limit", "1kB") == "removed 1 entry, 2.0 kB\n"
    assert kinds(store) == ["chart-script"]
    (store.entries()[0].place / "files" / "vega.js").write_text("y" * 500)
    removed = json.loads(call("prune", "--verify", "--format", "json"))
    assert (len(removed["removed"]), removed["size"], removed["in_use"]) == (1, 500, [])


def test_clearing(store):
    assert call("clear", "chart-script") == "removed 1 entry, 500 bytes\n"
    assert kinds(store) == ["native-kernels"]
    with store.lookup(NATIVE_KERNELS, store.entries()[0].record.facts):
        assert call("clear") == "removed 0 entries, 0 bytes; 1 is in use and stays\n"
    assert call("clear") == "removed 1 entry, 2.0 kB\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "xyz"], "has no entry xyz; see `ltdsl cache list`"),
        (["show", ""], "2 entries begin with "),
        (
            ["clear", "native-kernel"],
            "the cache has no kind native-kernel; did you mean native-kernels?",
        ),
        (["clear", "zzz"], "known: chart-script, decoded-images, features, native-kernels"),
        (["prune", "--limit", "lots"], "--limit: `lots` is no size: write it like 10GB or 500MB"),
        (["prune", "--older", "30"], "--older: `30` is no age: write it like 30d, 12h or 2w"),
    ],
)
def test_wrong_use_is_said_in_a_sentence(store, arguments, says):
    output = call(*arguments, code=2)
    assert says in output
    assert len(output.splitlines()) == 1


def test_a_limit_that_is_none(store, monkeypatch):
    monkeypatch.setenv("LTDSL_CACHE_LIMIT", "lots")
    assert call("list", code=1).splitlines() == [
        "error[LT480]: LTDSL_CACHE_LIMIT: `lots` is no size: write it like 10GB or 500MB",
        "  = help: write it like LTDSL_CACHE_LIMIT=10GB",
    ]


def test_completion(store):
    assert [name for name, _ in cache_kinds("n")] == ["native-kernels"]
    key = store.entries()[0].key
    assert cache_entries(key[:6]) == [(key[:12], "chart-script")]
