"""Keeping, finding again, and what is damaged."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import replace

import pytest
from support.cache import FACTS, PLAIN, RUN, get, writes

from ltdsl.cache import Kind, Store
from ltdsl.cache.keys import key_of


def place(store, kind=PLAIN, facts=FACTS):
    return store.folder / kind.name / key_of(kind.name, kind.version, facts)


def test_an_entry_is_made_once_and_found_again(store):
    build = writes()
    first = get(store, build=build)
    again = get(store, build=build)
    assert build.calls == 1
    assert first.folder == again.folder
    assert (again.folder / "text").read_text() == "made"
    with store.lookup(PLAIN, FACTS) as found:
        assert found.record.facts == FACTS
    assert store.lookup(PLAIN, FACTS | {"size": 4}) is None


def test_the_key_is_the_digest_of_what_the_facts_mean():
    text = '{"facts":{"a":[1,"é"],"b":null},"kind":"plain","version":1}'
    assert (
        key_of("plain", 1, {"b": None, "a": (1, "é")}) == hashlib.sha256(text.encode()).hexdigest()
    )
    keys = {key_of("plain", 1, {"a": value}) for value in (1, 1.0, "1", True, [1], {"1": 1}, None)}
    assert len(keys) == 7


@pytest.mark.parametrize("facts", [{"a": {1: 2}}, {"a": {2}}, {"a": float("nan")}, {"a": "\ud800"}])
def test_facts_that_json_would_change_are_refused(facts):
    with pytest.raises((TypeError, ValueError)):
        key_of("plain", 1, facts)


def test_kinds_and_versions_are_apart(store):
    other = replace(PLAIN, name="other")
    newer = replace(PLAIN, version=2)
    places = {get(store, kind).folder for kind in (PLAIN, other, newer)}
    assert len(places) == 3


def test_folders_of_files_are_kept_whole(store):
    def build(folder):
        (folder / "weights").mkdir()
        (folder / "weights" / "last").write_bytes(bytes(range(256)))
        (folder / "run.json").write_text("{}")

    durable = replace(PLAIN, durable=True)
    entry = get(store, durable, build=build)
    assert (entry.folder / "weights" / "last").read_bytes() == bytes(range(256))
    assert set(entry.record.files) == {"run.json", "weights/last"}
    assert entry.record.size == 258


def test_what_a_builder_raises_is_raised_and_leaves_nothing(store):
    def fails(folder):
        (folder / "half").write_text("half")
        raise LookupError("no compiler")

    with pytest.raises(LookupError, match="no compiler"):
        store.get(PLAIN, FACTS, fails)
    assert [path.name for path in (store.folder / "plain").iterdir()] == ["CACHEDIR.TAG"]


def test_links_are_not_kept(store):
    with pytest.raises(ValueError, match="no regular file"):
        store.get(PLAIN, FACTS, lambda folder: (folder / "link").symlink_to("/etc/passwd"))


def test_put_keeps_what_is_there(store):
    first = get(store, build=writes("first"))
    with store.put(PLAIN, FACTS, writes("second")) as entry:
        assert (entry.folder / "text").read_text() == "first"
        assert entry.folder == first.folder
    with store.put(PLAIN, {"name": "b"}, writes("third")) as entry:
        assert (entry.folder / "text").read_text() == "third"
    assert len(store.entries()) == 2


def test_nobody_else_may_look_into_it(store):
    before = os.umask(0)
    try:
        get(store, RUN)
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    for path in store.folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == 0o700 if path.is_dir() else not mode & 0o022


def damage_text(at):
    (at / "files" / "text").write_text("mad.")


def lengthen(at):
    (at / "files" / "text").write_text("made, and more")


def remove_text(at):
    (at / "files" / "text").unlink()


def add_file(at):
    (at / "files" / "more").write_text("more")


def link_text(at):
    (at / "files" / "text").unlink()
    (at / "away").write_text("made")
    (at / "files" / "text").symlink_to(at / "away")


def pipe_text(at):
    (at / "files" / "text").unlink()
    os.mkfifo(at / "files" / "text")


def pipe_record(at):
    (at / "entry.json").unlink()
    os.mkfifo(at / "entry.json")


def link_files(at):
    (at / "files").rename(at / "away")
    (at / "files").symlink_to(at / "away")


def link_entry(at):
    at.rename(at.with_name("away"))
    at.symlink_to("away")


def file_entry(at):
    at.rename(at.with_name("away"))
    at.write_text("no folder")


def record_of_others(at):
    record = json.loads((at / "entry.json").read_text())
    record["facts"]["name"] = "b"
    (at / "entry.json").write_text(json.dumps(record))


def cut_record(at):
    text = (at / "entry.json").read_text()
    (at / "entry.json").write_text(text[: len(text) // 2])


def nest_record(at):
    (at / "entry.json").write_text('{"facts":' * 100_000)


def remove_record(at):
    (at / "entry.json").unlink()


def open_text(at):
    (at / "files" / "text").chmod(0o666)


def open_entry(at):
    at.chmod(0o770)


DAMAGES = [
    damage_text, lengthen, remove_text, add_file, link_text, pipe_text, pipe_record, link_files, link_entry,
    file_entry, record_of_others, cut_record, nest_record, remove_record, open_text, open_entry,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_said_and_made_anew(store, damage, capsys):
    get(store)
    damage(place(store))
    assert store.lookup(PLAIN, FACTS) is None
    entry = get(store, build=writes("anew"))
    assert entry.kept
    assert (entry.folder / "text").read_text() == "anew"
    said = capsys.readouterr().err
    assert said.startswith("warning[LT480]: an entry of the cache is not used: ")
    assert len(said.splitlines()) == 1
    get(store, build=None)
    assert not capsys.readouterr().err


def test_sizes_alone_are_compared_where_a_kind_says_so(store):
    quick = replace(PLAIN, verify="size")
    get(store, quick)
    damage_text(place(store, quick))
    assert (get(store, quick).folder / "text").read_text() == "mad."
    lengthen(place(store, quick))
    assert (get(store, quick).folder / "text").read_text() == "made"


def test_what_is_executed_is_always_read():
    with pytest.raises(ValueError, match="digest"):
        Kind("x", 1, "x", executed=True, verify="size")


def test_a_file_in_the_place_of_the_folder_is_no_hindrance(tmp_path, capsys):
    (tmp_path / "cache").write_text("a file")
    entry = Store(tmp_path / "cache", 10**6).get(PLAIN, FACTS, writes())
    assert (entry.folder / "text").read_text() == "made"
    assert "nothing can be kept in" in capsys.readouterr().err
