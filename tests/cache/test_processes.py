"""Several processes, and killed ones."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest
from support.cache import FACTS, PLAIN, get, python, writes

from ltdsl.cache import Store, locks

#: Takes an entry that takes a while to make, and tells of each call of its builder.
SLOW = """
import os, sys, time
from pathlib import Path
from ltdsl.cache import Kind, Store

def build(folder):
    with open(sys.argv[2], "a") as calls:
        calls.write(f"{os.getpid()}\\n")
    (folder / "half").write_text("half")
    time.sleep(float(sys.argv[3]))
    (folder / "text").write_text("made")

store = Store(Path(sys.argv[1]), 10**6)
with store.get(Kind("plain", 1, "a text"), {"name": "a", "size": 3}, build) as entry:
    print((entry.folder / "text").read_text(), flush=True)
    if sys.argv[4:]:
        time.sleep(600)
"""


def until(happened, seconds=30):
    end = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value


def names(store):
    return sorted(path.name for path in (store.folder / "plain").iterdir())


def test_of_many_processes_one_makes_it(store, tmp_path):
    processes = [python(SLOW, store.folder, tmp_path / "calls", 0.5) for _ in range(6)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert outputs == [("made\n", "")] * 6
    assert len((tmp_path / "calls").read_text().split()) == 1
    assert names(store)[1:] == [store.entries()[0].key]


def test_without_locks_each_makes_it_and_the_first_stays(store, tmp_path, monkeypatch):
    code = "import errno, fcntl\ndef none(*_): raise OSError(errno.ENOLCK, 'none')\nfcntl.flock = none\n"
    processes = [python(code + SLOW, store.folder, tmp_path / "calls", 0.5) for _ in range(3)]
    assert [process.communicate(timeout=60) for process in processes] == [("made\n", "")] * 3
    assert len(store.entries()) == 1


def test_what_a_killed_builder_leaves_is_swept_and_made_anew(store, tmp_path):
    process = python(SLOW, store.folder, tmp_path / "calls", 600)
    until((tmp_path / "calls").exists)
    assert len(names(store)) == 3  # the tag, the draft, the lock
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (get(store, build=writes("anew")).folder / "text").read_text() == "anew"
    assert len(names(store)) == 2


def test_pruning_leaves_the_drafts_of_living_processes(store, tmp_path):
    process = python(SLOW, store.folder, tmp_path / "calls", 1)
    until((tmp_path / "calls").exists)
    before = names(store)
    store.prune()
    store.clear()
    assert names(store) == before
    assert process.communicate(timeout=30) == ("made\n", "")


def test_a_draft_is_never_seen_unlocked(store, monkeypatch):
    """Others sweep at the moment when its record is there and not locked yet."""
    lock = locks.try_lock

    def late(handle, *, exclusive):
        store.prune()
        return lock(handle, exclusive=exclusive)

    monkeypatch.setattr("ltdsl.cache.draft.try_lock", late)
    assert (get(store).folder / "text").read_text() == "made"


def test_what_is_in_use_stays_until_its_process_is_killed(store, tmp_path):
    process = python(SLOW, store.folder, tmp_path / "calls", 0, "and stay")
    try:
        process.stdout.readline()
        removed = store.clear()
        assert (len(removed.gone), len(removed.in_use)) == (0, 1)
        assert store.prune(limit=0).in_use
        with store.lookup(PLAIN, FACTS):  # others may use it too
            pass
    finally:
        process.kill()
        process.communicate()
    assert len(store.clear().gone) == 1


def test_letting_go_of_an_entry_is_enough(store):
    entry = store.get(PLAIN, FACTS, writes())
    assert store.clear().in_use
    del entry
    assert store.clear().gone


def test_patience_ends(store, tmp_path):
    """One that hangs, or was stopped, holds nobody up for good."""
    process = python(SLOW, store.folder, tmp_path / "calls", 600)
    until((tmp_path / "calls").exists)
    try:
        entry = get(store, replace(PLAIN, patience=0.1), build=writes("own"))
        assert (entry.folder / "text").read_text() == "own"
    finally:
        process.kill()
        process.communicate()


def test_an_entry_that_is_removed_meanwhile_is_made_anew(store, monkeypatch):
    """Removal between opening an entry's record and locking it."""
    get(store)
    place, lock = store.entries()[0].place, locks.try_lock

    def late(handle, *, exclusive):
        if not exclusive and place.exists():
            place.rename(place.with_name(".trash-x"))
        return lock(handle, exclusive=exclusive)

    monkeypatch.setattr("ltdsl.cache.entry.try_lock", late)
    build = writes("anew")
    assert (get(store, build=build).folder / "text").read_text() == "anew"
    assert build.calls == 1


def test_a_child_shares_and_does_not_remove(tmp_path):
    """What is lent to a process outlives its forked children."""
    entry = Store(tmp_path / "cache", 0).get(PLAIN, FACTS, writes())
    assert not entry.kept
    child = os.fork()
    if not child:
        entry.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert (entry.folder / "text").read_text() == "made"
    entry.close()
    assert not entry.folder.exists()


@pytest.mark.parametrize("left", [".trash-1", ".draft-1", ".lock-1"])
def test_old_remains_are_swept(store, left):
    get(store)
    path = store.folder / "plain" / left
    path.touch() if "lock" in left else path.mkdir()
    os.utime(path, (0, 0))
    store.prune()
    assert not path.exists()
