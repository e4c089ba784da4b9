"""What holds for everything that strangers hand over: a sentence or a result, and nothing else is touched."""

from __future__ import annotations

import io
import json
import random
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from ltdsl_runtime.data import fetch, lists, npz, read
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.fetch.archives import Archive
from ltdsl_runtime.data.image import View
from ltdsl_runtime.data.inspect import inspect
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.directory import RunDirectory
from support.report import make_run

from ltdsl.catalogue import ImageFolder, Npz
from ltdsl.display.console import Console
from ltdsl.lsp.server import create
from ltdsl.report import ReportError, write_report
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.plan import read_plan
from ltdsl.runs.reading import read_run
from ltdsl.sweep.folder import SweepFolder
from ltdsl.system.terminal import json_shown, shown
from ltdsl.system.writing import append_to, write_in
from tests.hostile import inputs

VIEW = View.square(8, 1.0)
MINE = "mine"


class Place:
    """A folder for what strangers hand over, beside a file that is none of their business.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mine = folder / "mine"
        self.mine.write_text(MINE)
        self.whole = make_run(folder / "whole")
        (self.whole / "cam").mkdir()
        self.data = {path.name: json.loads(path.read_text()) for path in self.whole.glob("*.json")}
        self.given = folder / "given"

    def __enter__(self) -> Place:
        self.given.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.given)
        assert self.mine.read_text() == MINE
        left = {path.name for path in self.folder.iterdir()}
        assert left == {"mine", "whole"}, left


def run_folder(choose: random.Random, place: Place) -> None:
    """A run directory: it is read as far as it can be, gone on with or refused, and shown in a page."""
    run = place.given / "run"
    shutil.copytree(place.whole, run)
    for _ in range(choose.randrange(1, 4)):
        path = choose.choice(sorted(run.rglob("*")))
        plain = path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20
        if not plain or choose.random() < 0.2:
            inputs.in_place(choose, run / choose.choice(("cam/a.json", "report.html", path.name)))
        elif path.name in place.data and choose.random() < 0.7:
            path.write_text(json.dumps(inputs.changed(choose, place.data[path.name])))
        else:
            path.write_bytes(inputs.mutated(choose, path.read_bytes()))
    for reads in (read_run, read_plan, _go_on, _swept):
        try:
            reads(run)
        except (UnreadableError, RunError):
            continue
    if choose.random() < 0.03:
        try:
            write_report([run])
        except ReportError:
            return


def _go_on(run: Path) -> None:
    facts = run / "run.json"
    if facts.is_file() and not facts.is_symlink() and facts.stat().st_size < 1 << 20:
        facts.write_bytes(facts.read_bytes().replace(b'"finished"', b'"interrupted"'))
    with RunDirectory(run, resume=True) as directory:
        directory.plan()
        directory.go_on_after(directory.metrics())


def _swept(run: Path) -> None:
    list(SweepFolder(run.parent)._begun())


def archive(choose: random.Random, place: Place) -> None:
    """An archive: all of it is in the folder, or nothing is."""
    path = place.given / "x.tar.gz.part"
    path.write_bytes(inputs.archive(choose))
    try:
        fetch._unpack(path, place.given, Archive("https://x/x.tar.gz", "", "images", ""))
    except DataError as error:
        assert error.code == "LT442"
        assert [each.name for each in place.given.iterdir()] == [path.name]
    assert not any(each.is_symlink() for each in place.given.rglob("*"))
    assert not Path("/tmp/ltdsl-hostile").exists()


def image(choose: random.Random, place: Place) -> None:
    """An image: pixels, or the reason why there are none."""
    path = place.given / "x.png"
    if choose.random() < 0.02:
        path.write_bytes(b"")
        inputs.in_place(choose, path)
    else:
        path.write_bytes(inputs.image(choose))
    try:
        pixels = VIEW(VIEW.open(path))
    except DataError as error:
        assert error.code in ("LT401", "LT402")
        assert "\n" not in shown(error.message)
    except OSError as error:
        assert path.is_symlink(), error  # in a circle, say
    else:
        assert pixels.shape == (3, 8, 8)
        assert pixels.dtype == np.uint8


def image_folder(choose: random.Random, place: Place) -> None:
    """A folder of images: those that are some, all others named, and nothing outside of it but what links name."""
    root = place.given / "data"
    for label in "ab":
        (root / label).mkdir(parents=True)
        for number in range(3):
            (root / label / f"{number}.png").write_bytes(inputs.png(ord(label), number))
    for _ in range(choose.randrange(1, 5)):
        folder = choose.choice((root, root / "a", root / "b"))
        if not folder.is_dir() or folder.is_symlink():
            continue
        path = folder / choose.choice(("a", "c", "0.png", "1.png", inputs.file_name(choose)))
        if choose.random() < 0.6:
            inputs.in_place(choose, path)
        elif not path.exists() and not path.is_symlink():
            path.write_bytes(inputs.image(choose))
    try:
        found = read(ImageFolder(size=8), root)
        seen = inspect({"train": found.train, "test": found.test})
    except DataError as error:
        assert error.code in ("LT401", "LT402", "LT403", "LT404", "LT414"), error
        return
    assert len(found.train) + len(found.test) == len(seen.sides) + len(seen.unreadable)
    assert set(seen.sides) <= {9, 12}, seen.sides


def listing(choose: random.Random, place: Place) -> None:
    """A list: names in the folder and labels, or the reason why there are none."""
    path = place.given / "list.txt"
    path.write_bytes(inputs.listing(choose))
    try:
        found = lists.read_list(path)
    except DataError as error:
        assert error.code in ("LT401", "LT402", "LT403")
        return
    assert len(found.names) == len(found.labels)
    for name in found.names:
        assert (place.given / name).resolve().is_relative_to(place.given.resolve()), name


def arrays(choose: random.Random, place: Place) -> None:
    """A NumPy archive: parts, or the reason why there are none."""
    path = place.given / "x.npz"
    path.write_bytes(inputs.npz(choose))
    try:
        found = npz.load(Npz(path="x.npz"), path)
    except DataError:
        return
    for part in filter(len, found.parts.values()):
        assert part.labels.max() < len(part.class_names)


def traffic(choose: random.Random, place: Place) -> None:
    """Messages to the language server: it ends with its input, and answers what it could read."""
    del place
    sent, whole = inputs.traffic(choose)
    server, answers = create(), io.BytesIO()
    answers.close = lambda: None  # type: ignore[method-assign]
    server.serve(io.BytesIO(sent), answers)
    numbers = [answer.get("id") for answer in _messages(answers.getvalue())]
    assert not whole or 99 in numbers


def _messages(data: bytes) -> list[dict[str, Any]]:
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(head.split(b"\r\n")[0].split(b":")[1])
        found.append(json.loads(rest[:length]))
        data = rest[length:]
    return found


def names(choose: random.Random, place: Place) -> None:
    """Names: printed in any way, they do nothing; in JSON they are what they were."""
    del place
    text = "".join(inputs.name(choose) for _ in range(3))
    line = shown(text)
    harmless(line)
    assert shown(line) == line
    for char in text:
        assert char.isprintable() is False or char in line
    # to JSON, two halves of a pair side by side are that pair
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    value = {joined: [joined]}
    written = json_shown(json.dumps(value, ensure_ascii=False))
    assert json.loads(written) == value
    harmless(written, commands=False)
    console = Console(file=io.StringIO(), width=choose.randrange(10, 200))
    console.say(text)
    console.print(text, style="bold")
    for each in console.file.getvalue().splitlines():  # type: ignore[attr-defined]
        harmless(each)


#: Marks and joiners that scripts need.
_FINE = {"\t", "\u061c", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f"}


def harmless(line: str, commands: bool = True) -> None:
    steers = [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert set(steers) <= _FINE, ascii(line)
    assert not commands or not line.lstrip().startswith("::")
    assert "##[" not in line or not commands
    line.encode()


def writing(choose: random.Random, place: Place) -> None:
    """A folder of links: what is written into it stays in it."""
    root = place.given / "root"
    folders = [root, root / "a", root / "a" / "b"]
    folders[-1].mkdir(parents=True)
    for _ in range(choose.randrange(1, 5)):
        inputs.in_place(choose, choose.choice(folders) / choose.choice(("x", "y", "c")))
    target = "/".join(choose.choice(("a", "b", "c", "x", "y", "..")) for _ in range(3))
    try:
        if choose.random() < 0.5:
            write_in(root, target, "stranger")
        else:
            with append_to(root, target) as file:
                file.write(b"stranger")
    except OSError:
        return
    assert (root / target).resolve().is_relative_to(root.resolve())


#: What half of the inputs are is quick; a run takes a hundred times as long.
TARGETS = (
    *(run_folder, archive, image, image_folder, listing, arrays, traffic, writing),
    *(names, image, names),
)
