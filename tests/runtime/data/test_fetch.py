"""Downloads from a server of this machine that misbehaves in every way that servers do."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.fetch import fetch
from ltdsl_runtime.data.fetch.archives import ARCHIVES, Archive


class Kind(Enum):
    DIR = tarfile.DIRTYPE
    SYM = tarfile.SYMTYPE
    LNK = tarfile.LNKTYPE
    FIFO = tarfile.FIFOTYPE
    CHR = tarfile.CHRTYPE


def packed(*members, mode="w:gz"):
    """A tar archive of (name, content or kind, link target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content, *target in members:
            info = tarfile.TarInfo(name)
            if not isinstance(content, Kind):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type = content.value
                info.linkname = target[0] if target else ""
                tar.addfile(info)
    return buffer.getvalue()


GOOD = packed(("images", Kind.DIR), ("images/a.bin", bytes(range(256)) * 4000))


class Server(ThreadingHTTPServer):
    """Serves one file, and breaks off after each of ``breaks`` bytes in turn."""

    daemon_threads = True

    def __init__(self, content, breaks=(), ranges=True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.ranges = content, list(breaks), ranges
        self.asked: list[str | None] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers["Range"]
        server.asked.append(asked)
        start = 0
        if "archive" not in self.path:
            self.send_error(404)
            return
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        end = start + server.breaks.pop(0) if server.breaks else len(server.content)
        self.wfile.write(server.content[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def served():
    servers = []

    def serve(*arguments, **options):
        servers.append(Server(*arguments, **options))
        return servers[-1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def archive(server, content=None, holds="images"):
    md5 = hashlib.md5(server.content if content is None else content).hexdigest()
    return Archive(f"{server.url}/archive.tar.gz", md5, holds, "small")


def get(server, folder, **changes):
    told = []
    result = fetch(archive(server, **changes), folder, lambda *at: told.append(at))
    return result, told


def content(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_download_and_unpack(served, tmp_path):
    server = served(GOOD)
    folder = tmp_path / "new" / "data"
    new, told = get(server, folder)
    assert new
    assert told[-1] == (len(GOOD), len(GOOD))
    assert content(folder) == ["images", "images/a.bin"]  # the archive is gone
    assert (folder / "images" / "a.bin").stat().st_size == 1_024_000
    assert get(server, folder) == (False, [])
    assert len(server.asked) == 1


def test_a_broken_connection_is_taken_up_again(served, tmp_path):
    server = served(GOOD, breaks=[1000, 1, 500])
    new, told = get(server, tmp_path)
    assert new
    assert server.asked == [None, "bytes=1000-", "bytes=1001-", "bytes=1501-"]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_second_call_goes_on_where_the_first_ended(served, tmp_path):
    server = served(GOOD, breaks=[700, 0])
    with pytest.raises(DataError, match="broke off") as caught:
        get(server, tmp_path)
    assert caught.value.code == "LT440"
    assert content(tmp_path) == ["archive.tar.gz.part"]
    assert get(server, tmp_path)[0]
    assert server.asked == [None, "bytes=700-", "bytes=700-"]


def test_a_whole_part_is_not_downloaded_again(served, tmp_path):
    server = served(GOOD)
    (tmp_path / "archive.tar.gz.part").write_bytes(GOOD)
    assert get(server, tmp_path)[0]
    assert server.asked == [f"bytes={len(GOOD)}-"]


def test_a_server_without_ranges_starts_over(served, tmp_path):
    server = served(GOOD, breaks=[len(GOOD) - 10], ranges=False)
    assert get(server, tmp_path)[0]
    assert (tmp_path / "images" / "a.bin").stat().st_size == 1_024_000


def test_a_wrong_checksum_keeps_nothing(served, tmp_path):
    server = served(GOOD[:-1] + b"!")
    with pytest.raises(DataError, match="has the MD5") as caught:
        get(server, tmp_path, content=GOOD)
    assert caught.value.code == "LT441"
    assert content(tmp_path) == []


@pytest.mark.parametrize(
    "bad",
    [
        packed(("images/a", b"x"), ("../escaped", b"x")),
        packed(("images/a", b"x"), ("images/../../escaped", b"x")),
        packed(("images/a", b"x"), ("/tmp/ltdsl-escaped", b"x")),
        packed(("images/a", b"x"), ("images/link", Kind.SYM, "/etc/passwd")),
        packed(("images", Kind.SYM, ".."), ("images/escaped", b"x")),
        packed(("images/a", b"x"), ("images/hard", Kind.LNK, "../../escaped")),
        packed(("images/a", b"x"), ("images/pipe", Kind.FIFO)),
        packed(("images/a", b"x"), ("images/device", Kind.CHR)),
        packed(("other/a", b"x")),
        packed(("images", b"a file"), ("images/a", b"x")),
        packed(("images/a", b"x"), ("images", b"a file")),
        packed(("images/a/b", b"x"), ("images/a", b"a file")),
        packed(("images/" + "x" * 300, b"x")),
        GOOD[:-2000],
        b"no archive at all",
    ],
    # an archive has the second of its making in it, and every process has to collect the same names
    ids=lambda _: "archive",
)
def test_archives_from_strangers(served, tmp_path, bad):
    """Nothing is written outside the folder, and nothing in it is kept."""
    folder = tmp_path / "a" / "b"
    with pytest.raises(DataError, match=r"archive.tar.gz is refused: ") as caught:
        get(served(bad), folder)
    assert caught.value.code == "LT442"
    assert not [
        path for path in tmp_path.rglob("*") if path.name not in ("a", "b", "archive.tar.gz.part")
    ]
    assert not (tmp_path.parent / "escaped").exists()


def test_an_archive_of_nothing_but_zeros_does_not_fill_the_disk(served, tmp_path, monkeypatch):
    monkeypatch.setattr("ltdsl_runtime.data.fetch.GIB", 1 << 20)
    bomb = packed(*((f"images/{number}", bytes(1 << 20)) for number in range(20)))
    with pytest.raises(DataError, match="unpacks to far more") as caught:
        get(served(bomb), tmp_path)
    assert caught.value.code == "LT442"
    assert content(tmp_path) == ["archive.tar.gz.part"]


def test_nothing_is_downloaded_through_a_link(served, tmp_path):
    (tmp_path / "mine").write_text("mine")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "archive.tar.gz.part").symlink_to(tmp_path / "mine")
    with pytest.raises(DataError, match="it is a link") as caught:
        get(served(GOOD), folder)
    assert caught.value.code == "LT444"
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_servers_and_disks_say(served, tmp_path):
    server = served(GOOD)
    gone = Archive(f"{server.url}/gone.tar.gz", "0" * 32, "images", "")
    with pytest.raises(DataError, match="404") as caught:
        fetch(gone, tmp_path, lambda *_: None)
    assert caught.value.code == "LT440"
    for url in ("file:///etc/passwd", "ftp://127.0.0.1/x", "nonsense"):
        with pytest.raises(DataError, match="is no address") as caught:
            fetch(Archive(f"{url}/x.tar.gz", "0" * 32, "images", ""), tmp_path, lambda *_: None)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(DataError, match="cannot be written to") as caught:
        get(server, file / "below")
    assert caught.value.code == "LT444"


def test_published_archives():
    for archives in ARCHIVES.values():
        for each in archives:
            assert each.url.startswith("https://")
            assert len(each.md5) == 32
            assert int(each.md5, 16)
