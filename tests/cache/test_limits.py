"""The size limit, and folders that are of no use."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.cache import FACTS, PLAIN, get, python, writes

from ltdsl.cache import CacheError, Store, place
from ltdsl.cache import store as module
from ltdsl.cache.keys import key_of
from ltdsl.cache.units import ago, parse_age, parse_size


def fill(store, name, size=100, kind=PLAIN):
    return get(store, kind, {"name": name}, writes("x" * size))


def used(store, name, when):
    for entry in store.entries():
        if entry.record.facts["name"] == name:
            os.utime(entry.place / "entry.json", (when, when))


def names(store):
    return {entry.record.facts["name"] for entry in store.entries()}


def test_what_was_used_longest_ago_makes_room(tmp_path):
    store = Store(tmp_path, 350)
    for age, name in enumerate("cab"):
        fill(store, name)
        used(store, name, time.time() - 100 + age)
    fill(store, "c")  # used now
    fill(store, "d")
    assert names(store) == {"b", "c", "d"}
    fill(store, "e", 200)
    assert names(store) == {"d", "e"}


def test_what_is_in_use_makes_no_room(tmp_path):
    store = Store(tmp_path, 250)
    with store.get(PLAIN, {"name": "a"}, writes("x" * 100)):
        used(store, "a", 0)
        fill(store, "b")
        fill(store, "c")
        assert names(store) == {"a", "c"}


def test_a_clock_that_was_ahead_keeps_nothing_for_ever(tmp_path):
    store = Store(tmp_path, 250)
    fill(store, "future")
    used(store, "future", time.time() + 10**8)
    fill(store, "b")
    assert all(entry.last_used <= time.time() for entry in store.entries())
    get(store, PLAIN, {"name": "future"})  # used now: its time is put right
    used(store, "b", time.time() + 10)
    time.sleep(0.02)
    fill(store, "c")
    assert names(store) == {"b", "c"}


def test_a_kind_has_its_share(tmp_path):
    store = Store(tmp_path, 1000)
    small = replace(PLAIN, name="small", share=0.25)
    for name in "abc":
        fill(store, name, kind=small)
        used(store, name, time.time() - 100 + ord(name))
    fill(store, "d", 500)
    assert names(store) == {"b", "c", "d"}


def test_an_entry_beyond_the_limit_is_used_once_and_pushes_nothing_out(tmp_path):
    store = Store(tmp_path, 350)
    fill(store, "a")
    with store.get(PLAIN, {"name": "big"}, writes("x" * 400)) as entry:
        assert not entry.kept
        assert (entry.folder / "text").stat().st_size == 400
    assert names(store) == {"a"}
    assert not entry.folder.exists()


def test_pruning_by_age_size_and_damage(tmp_path):
    store = Store(tmp_path, 10**6)
    for age, name in enumerate("abcd"):
        fill(store, name)
        used(store, name, time.time() - 1000 * age)
    (store.entries()[0].place / "files" / "text").write_text("y" * 100)
    assert not store.prune().gone
    assert [entry.record.facts["name"] for entry in store.prune(verify=True).gone] == ["a"]
    assert [entry.record.facts["name"] for entry in store.prune(older=2500).gone] == ["d"]
    assert [entry.record.facts["name"] for entry in store.prune(limit=100).gone] == ["c"]
    assert names(store) == {"b"}


def test_clearing_a_kind_leaves_the_others_and_what_is_not_the_caches(tmp_path):
    store = Store(tmp_path, 10**6)
    fill(store, "a")
    fill(store, "b", kind=replace(PLAIN, name="other"))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / ("0" * 64)).write_text("mine")
    store.clear(["plain"])
    assert names(store) == {"b"}
    store.clear()
    assert (tmp_path / "thesis" / ("0" * 64)).read_text() == "mine"


def test_a_thousand_entries_are_listed_at_once(tmp_path):
    store = Store(tmp_path, 10**6)
    one = fill(store, "a").folder.parent
    text = (one / "entry.json").read_text()
    for number in range(1000):
        at = one.with_name(key_of("plain", 1, {"name": f"a{number}"}))
        (at / "files").mkdir(parents=True)
        at.chmod(0o700)
        (at / "files").chmod(0o700)
        (at / "files" / "text").write_text("x" * 100)
        (at / "entry.json").write_text(text.replace('"name": "a"', f'"name": "a{number}"'))
    begun = time.perf_counter()
    found = store.entries()
    assert time.perf_counter() - begun < 3
    assert len(found) == 1001
    assert not any(entry.problem for entry in found)


def test_a_full_disk_is_no_hindrance(tmp_path, capsys):
    store = Store(tmp_path, 10**6)

    def build(folder):
        if folder.is_relative_to(tmp_path):
            raise OSError(errno.ENOSPC, "No space left on device")
        (folder / "text").write_text("made")

    entry = store.get(PLAIN, FACTS, build)
    assert (entry.folder / "text").read_text() == "made"
    assert "No space left on device; a temporary folder takes its place" in capsys.readouterr().err
    assert not store.entries()
    assert len(list((tmp_path / "plain").iterdir())) == 1


def test_a_compiler_that_fails_on_a_full_disk_is_called_again_elsewhere(tmp_path, monkeypatch):
    usage = module.shutil.disk_usage

    def full(path):
        found = usage(path)
        return found._replace(free=0) if Path(path).is_relative_to(tmp_path) else found

    def build(folder):
        if folder.is_relative_to(tmp_path):
            raise LookupError("the compiler fails")
        (folder / "text").write_text("made")

    monkeypatch.setattr(module.shutil, "disk_usage", full)
    assert Store(tmp_path, 10**6).get(PLAIN, FACTS, build).folder.is_dir()


def test_where_no_disk_has_room_it_is_said(tmp_path):
    def build(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CacheError, match="No space left"):
        Store(tmp_path, 10**6).get(PLAIN, FACTS, build)


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch, capsys, error):
    real = os.mkdir

    def refuse(path, *rest, **more):
        if Path(path).is_relative_to(tmp_path):
            raise OSError(error, os.strerror(error))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "mkdir", refuse)
    store = Store(tmp_path / "cache", 10**6)
    build = writes()
    first = store.get(PLAIN, FACTS, build)
    assert store.get(PLAIN, FACTS, build).folder == first.folder
    assert build.calls == 1
    assert store.lookup(PLAIN, FACTS) is None
    assert store.entries() == []
    said = capsys.readouterr().err
    assert said.count("warning") == 1
    assert os.strerror(error) in said


def test_a_temporary_folder_ends_with_its_process(tmp_path):
    code = """
from ltdsl.cache import Kind, Store
entry = Store.default().get(Kind("plain", 1, "a text"), {}, lambda folder: (folder / "text").touch())
print(entry.folder)
"""
    process = python(code, LTDSL_CACHE="/dev/null/cache", TMPDIR=tmp_path)
    out, said = process.communicate(timeout=60)
    assert Path(out.strip()).is_relative_to(tmp_path)
    assert "/dev/null/cache: Not a directory; a temporary folder takes its place" in said
    assert list(tmp_path.iterdir()) == []


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LTDSL_CACHE", raising=False)
    assert Store.default().folder == tmp_path / "ltdsl"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", ".")
    assert Store.default().folder == tmp_path / "ltdsl"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Store.default().folder.is_relative_to(tmp_path / "home")
    monkeypatch.setenv("LTDSL_CACHE", "here")
    assert Store.default().folder == tmp_path / "here"


@pytest.mark.parametrize("answer", ["~/.cache/ltdsl", RuntimeError("no home")])
def test_a_user_without_a_home_has_a_temporary_cache(monkeypatch, capsys, answer):
    def nowhere(*_, **__):
        if isinstance(answer, Exception):
            raise answer
        return Path(answer)

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LTDSL_CACHE", raising=False)
    monkeypatch.setattr(place.platformdirs, "user_cache_path", nowhere)
    assert Store.default().get(PLAIN, FACTS, writes()).folder.is_dir()
    assert "no home folder; a temporary folder takes its place" in capsys.readouterr().err


def test_limits_as_they_are_written(monkeypatch):
    sizes = {"10 GB": 10**10, "1.5k": 1500, "2GiB": 2**31, "0": 0, "7b": 7, "3 MiB": 3 * 2**20}
    assert {text: parse_size(text) for text in sizes} == sizes
    for text in ("", "many", "-1", "1 XB", "i", "1ib"):
        with pytest.raises(ValueError, match="no size"):
            parse_size(text)
    assert (parse_age("30d"), parse_age("1.5 h"), parse_age("2W")) == (2_592_000, 5400, 1_209_600)
    with pytest.raises(ValueError, match="no age"):
        parse_age("30")
    assert [ago(s) for s in (-5, 59, 60, 7300, 90_000, 10**6)] == [
        "just now", "just now", "1 minute ago", "2 hours ago", "1 day ago", "11 days ago"
    ]  # fmt: skip
    monkeypatch.setenv("LTDSL_CACHE_LIMIT", "lots")
    with pytest.raises(CacheError, match="LTDSL_CACHE_LIMIT: `lots` is no size"):
        Store.of_user()
