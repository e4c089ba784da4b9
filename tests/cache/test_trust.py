"""What other users may have put into a cache, or exchanged there."""

from __future__ import annotations

import os
import stat

import pytest
from support.cache import FACTS, PLAIN, RUN, get, writes

from ltdsl.cache import Store
from ltdsl.cache.trust import exchangeable

STRANGER = 12_345

as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)


@pytest.fixture
def reachable(tmp_path):
    """Other users get to the test's folder, which pytest keeps them from."""
    closed = [each for each in (tmp_path, *tmp_path.parents) if not each.stat().st_mode & 0o011]
    for each in closed:
        each.chmod(0o711)
    yield
    for each in closed:
        each.chmod(0o700)


def give_away(path):
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


@as_root
@pytest.mark.parametrize("part", [".", "entry.json", "files", "files/text"])
def test_what_belongs_to_another_user_is_not_used(store, part, capsys):
    at = get(store, RUN, build=writes("planted")).folder.parent
    give_away(at / part)
    entry = get(store, RUN, build=writes("own"))
    assert (entry.folder / "text").read_text() == "own"
    assert f"belongs to user {STRANGER}" in capsys.readouterr().err


@as_root
def test_a_folder_of_another_user_is_not_used(store, capsys):
    planted = get(store, RUN, build=writes("planted")).folder
    give_away(store.folder / "run")
    entry = store.get(RUN, FACTS, writes("own"))
    assert entry.folder != planted
    assert (entry.folder / "text").read_text() == "own"
    assert store.lookup(RUN, FACTS) is None
    assert not [each for each in store.entries() if each.kind == "run"]
    said = capsys.readouterr().err
    assert f"run belongs to user {STRANGER}; a temporary folder takes its place" in said
    assert said.count("warning") == 1


@as_root
def test_what_root_has_put_there_is_used(store, reachable):
    """As from a folder that an administrator fills, and nobody else can write to."""
    folder = get(store, build=writes("shared")).folder
    for each in (store.folder, *store.folder.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    child = os.fork()
    if not child:
        try:
            os.setuid(STRANGER)
            good = Store(store.folder, 10**6, private=False).lookup(PLAIN, FACTS).folder == folder
        finally:
            os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_folder_that_was_open_is_closed(store):
    get(store)
    (store.folder / "plain").chmod(0o777)
    store.folder.chmod(0o755)
    get(store)
    assert stat.S_IMODE((store.folder / "plain").stat().st_mode) == 0o700
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_a_folder_that_the_user_named_stays_as_it_is(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    get(Store(shared, 10**6, private=False))
    assert stat.S_IMODE(shared.stat().st_mode) == 0o775
    assert [path.name for path in shared.iterdir()] == ["plain"]


def test_nothing_executed_is_kept_where_others_can_exchange_folders(tmp_path, reachable, capsys):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    store = Store(shared / "cache", 10**6)
    assert get(store).folder.is_relative_to(shared)
    entry = store.get(RUN, FACTS, writes())
    assert not entry.folder.is_relative_to(shared)
    assert f"{shared} can be written to by others; a temporary folder" in capsys.readouterr().err


def test_links_above_are_followed_once(tmp_path, reachable):
    """Whoever could point the link elsewhere afterwards changes nothing."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    entry = get(Store(tmp_path / "link" / "cache", 10**6), RUN)
    assert entry.folder.is_relative_to((tmp_path / "real").resolve())


def test_who_can_exchange_a_folder(tmp_path, reachable):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert exchangeable(inner) is None
    (tmp_path / "a").chmod(0o775)
    assert exchangeable(inner) == (tmp_path / "a").resolve()
    (tmp_path / "a").chmod(0o1777)
    assert exchangeable(inner) is None
    (tmp_path / "a").chmod(0o775)
    tmp_path.chmod(0o700)  # nobody gets there
    assert exchangeable(inner) is None


@as_root
def test_the_owner_of_a_folder_above_can_exchange_it(tmp_path, reachable):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    give_away(tmp_path / "a")
    assert exchangeable(inner) == (tmp_path / "a").resolve()
