"""Bytecode of all that the playground loads; runs inside its own Python, see compile.mjs.

In: ``/in/packages`` (what is on the path, as source), ``/in/recipes`` (what is tried), ``/stdlib/python_stdlib.zip``.
Out: ``/out/stdlib.zip`` and ``/out/packages.bin``: a length in four bytes, names and sizes in JSON, the files one
after another. A browser lays them into its Python's file system without having to unpack anything.
"""

import json
import sys
import time
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc
from pathlib import Path, PurePosixPath

SITE = Path("/lib/python3.14/site-packages")
#: A file's time in archives, so that the same sources give the same bytes.
THEN = (1980, 1, 1, 0, 0, 0)


def bytecode(text: bytes, name: str) -> bytes:
    """That of a module; never compared with a source, which is not there."""
    return bytes(_code_to_hash_pyc(compile(text, name, "exec", dont_inherit=True), bytes(8), False))


def lay_out() -> list[Path]:
    """Put the packages where a browser has them, as bytecode alone."""
    placed = []
    for path in sorted(Path("/in/packages").rglob("*")):
        if path.is_dir() or path.suffix == ".pyi" or "__pycache__" in path.parts:
            continue
        inside = path.relative_to("/in/packages")
        data = path.read_bytes()
        if path.suffix == ".py":
            data, inside = bytecode(data, inside.as_posix()), inside.with_suffix(".pyc")
        (SITE / inside).parent.mkdir(parents=True, exist_ok=True)
        (SITE / inside).write_bytes(data)
        placed.append(SITE / inside)
    return placed


def warm_up() -> None:
    """Answer for every recipe and a hopeless text: writes the parser's tables, and loads what answers take."""
    from playground.answer import answer, fixed

    for path in sorted(Path("/in/recipes").glob("*.lt")):
        before = time.monotonic()
        answer(path.read_bytes(), path.name)
        print(f"{path.name}: {1000 * (time.monotonic() - before):.0f} ms")
    answer(b"a: input_mixpu + ; {", "none.lt")
    fixed(b"a: input_mixpu", "slip.lt")


def with_tables(placed: list[Path]) -> list[Path]:
    """What was laid out, and the parser's tables, which were made of the grammar by now."""
    tables = sorted((SITE / "ltdsl/syntax/__pycache__").glob("recipe.lark.json"))
    assert tables, "the parser kept no tables"
    return [*placed, *tables]


def pack(files: list[Path]) -> None:
    """Write packages.bin."""
    names = [[path.relative_to(SITE).as_posix(), path.stat().st_size] for path in files]
    head = json.dumps(names, separators=(",", ":")).encode()
    with Path("/out/packages.bin").open("wb") as out:
        out.write(len(head).to_bytes(4, "little") + head)
        for path in files:
            out.write(path.read_bytes())


def standard_library() -> None:
    """Write stdlib.zip: what was loaded as bytecode, and not packed, so that it is there at once; the rest as it is."""
    loaded = {
        PurePosixPath(file).relative_to("/lib/python314.zip").as_posix()
        for module in list(sys.modules.values())
        if (file := getattr(module, "__file__", None)) and file.startswith("/lib/python314.zip/")
    }
    with (
        zipfile.ZipFile("/stdlib/python_stdlib.zip") as source,
        zipfile.ZipFile("/out/stdlib.zip", "w") as out,
    ):
        for name in source.namelist():
            if name.endswith("/"):
                continue
            data = source.read(name)
            if name in loaded and name.endswith(".py"):
                out.writestr(zipfile.ZipInfo(f"{name}c", THEN), bytecode(data, name))
            else:
                out.writestr(zipfile.ZipInfo(name, THEN), data, zipfile.ZIP_DEFLATED)


sys.dont_write_bytecode = False  # else Lark keeps no tables
placed = lay_out()
(SITE / "ltdsl/syntax/__pycache__").mkdir()
warm_up()
pack(with_tables(placed))
standard_library()
