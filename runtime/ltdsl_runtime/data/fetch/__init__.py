"""Downloads of published data sets: from their authors, resumed, checked, and unpacked with suspicion."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ltdsl.system.opening import GIB, open_file
from ltdsl.system.writing import append_to
from ltdsl_runtime.data.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltdsl_runtime.data.fetch.archives import Archive

    Told = Callable[[int, int | None], None]

_BLOCK = 1 << 20

#: A server that says nothing for so many seconds has gone.
_TIMEOUT = 30


def fetch(archive: Archive, folder: Path, told: Told, mirror: str | None = None) -> bool:
    """Download an archive and unpack it into a folder.

    What was downloaded before is kept and gone on with. The archive is removed once it is unpacked.

    Args:
        archive: What to get.
        folder: Made where it is missing.
        told: Called with bytes so far and bytes in all, where the server says.
        mirror: Address of a folder with the same file, instead of the authors'.

    Returns:
        False where it was there already.

    Raises:
        DataError: LT440 the server cannot be reached or breaks off, LT441 the checksum is another, LT442 the archive is
            no data set, LT444 the folder cannot be written to.
    """
    if (folder / archive.holds).exists():
        return False
    url = f"{mirror.rstrip('/')}/{archive.name}" if mirror else archive.url
    part = folder / f"{archive.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _download(url, part, told)
        found = _md5(part)
        if found != archive.md5:
            part.unlink()
            message = f"{url} has the MD5 {found}, and {archive.md5} was published"
            raise DataError("LT441", message, "what came was removed: try again later, or a mirror")
        _unpack(part, folder, archive)
        part.unlink()
    except OSError as error:
        message = f"{folder} cannot be written to: {error.strerror or error}"
        raise DataError(
            "LT444", message, "free space or choose another folder with --to"
        ) from error
    return True


def _download(url: str, part: Path, told: Told) -> None:
    """Fill ``part``; a connection that breaks is taken up again as long as something came over it."""
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _receive(url, part, before, told):
                return
            why = "the connection broke off"
        except urllib.error.HTTPError as error:
            message = f"{url}: the server answers {error.code} {error.reason}"
            raise DataError(
                "LT440", message, "try again later, or name a mirror with --from"
            ) from error
        except (
            urllib.error.URLError,
            http.client.HTTPException,
            TimeoutError,
            ConnectionError,
        ) as error:
            why = str(getattr(error, "reason", "") or error or type(error).__name__)
        except ValueError as error:
            raise DataError(
                "LT440", f"{url} is no address: {error}", "start it with https://"
            ) from error
        after = part.stat().st_size if part.exists() else 0
        if after == before:
            message = f"{url} cannot be downloaded: {why}"
            hint = "check the network, or name a mirror with --from; what has come is kept and gone on with"
            raise DataError("LT440", message, hint)


def _receive(url: str, part: Path, start: int, told: Told) -> bool:
    """Receive what is missing of a file; False where the connection broke off before its end."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("it is neither https nor http")
    request = urllib.request.Request(url)  # noqa: S310 - checked above
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:  # nothing is missing; the checksum will tell
            return True
        raise
    with answer:
        if answer.status != 206:  # the server sends all of it
            start = 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        if not start:
            part.unlink(missing_ok=True)
        with append_to(part.parent, part.name) as file:
            done = start
            while block := _read(answer):
                file.write(block)
                done += len(block)
                told(done, total)
    return total is None or done >= total


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The next block; what came before a break is kept, hence not ``read``, which would lose it."""
    try:
        return answer.read1(_BLOCK)
    except OSError as error:  # the network's, not the disk's
        raise ConnectionError(error.strerror or str(error)) from error


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open_file(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _unpack(path: Path, folder: Path, archive: Archive) -> None:
    """Unpack into a folder of its own first, so that a half unpacked data set is never taken for a whole one."""
    apart = folder / f".{archive.name}.unpacking"
    shutil.rmtree(apart, ignore_errors=True)
    try:
        with tarfile.open(path) as tar:
            kept = _Filter(max(GIB, _MOST_TIMES * path.stat().st_size))
            # the filter refuses all but files and folders
            if _PYTHON_FILTERS:
                tar.extractall(apart, filter=kept)  # noqa: S202
            else:
                tar.extractall(apart, members=(kept(each, str(apart)) for each in tar))  # noqa: S202
        if not (apart / archive.holds).exists():
            raise tarfile.TarError(f"it holds no {archive.holds}")
        (apart / archive.holds).rename(folder / archive.holds)
    except (OSError, tarfile.TarError, EOFError, ValueError, MemoryError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno not in _OF_NAMES:
            raise  # the disk's
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError("LT442", f"{archive.name} is refused: {why}", "nothing was kept") from error
    finally:
        shutil.rmtree(apart, ignore_errors=True)


#: What the system says of names that no archive should have, a file where a folder belongs among them; and nothing,
#: where Python found what is wrong by itself.
_OF_NAMES = {
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, None),
}

#: How many times as large as an archive its content may be: images do not become smaller in one, lists by ten.
_MOST_TIMES = 50

#: Python filters what it unpacks since 3.10.12, 3.11.4 and 3.12.
_PYTHON_FILTERS = hasattr(tarfile, "data_filter")

#: Files that a data set may have.
_MOST_FILES = 50_000_000


class _Filter:
    """Python's filter for data, and no links or devices at all: data sets have none. And no more than fits.

    Args:
        most: Bytes that the files may have together.
    """

    def __init__(self, most: int) -> None:
        self._left, self._files = most, 0

    def __call__(self, member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
        """The member as it is unpacked."""
        self._left -= member.size
        self._files += 1
        if self._left < 0 or self._files > _MOST_FILES:
            raise tarfile.TarError("it unpacks to far more than a data set of its size")
        if not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} is neither a file nor a folder")
        if member.name.startswith(("/", "\\")):
            raise tarfile.TarError(f"{member.name} is an absolute path")
        return tarfile.data_filter(member, folder) if _PYTHON_FILTERS else _tame(member)


def _tame(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """What Python's filter for data does of a file or folder, for a Python that has none."""
    if ".." in PurePath(member.name).parts or ":" in member.name:
        raise tarfile.TarError(f"{member.name} would be unpacked outside the folder")
    member.mode = 0o755 if member.isdir() else 0o644
    if hasattr(os, "getuid"):
        member.uid, member.gid = os.getuid(), os.getgid()
    member.uname = member.gname = ""
    return member
