"""The playground's Python: what ltdsl's language half takes, put together and compiled once."""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

from fetch import HERE, PARTS, FetchError

ROOT = HERE.parents[1]

#: Of the wheels, what nothing here ever loads.
UNUSED = ("pydantic/v1/", "pydantic/mypy.py", "lark/tools/", "lark/__pyinstaller/")


def build(pyodide: Path, wheels: Path, work: Path, target: Path) -> str:
    """Write the files that a browser loads into a folder of ``target`` named like a digest of what they are made of.

    Args:
        pyodide: Its files.
        wheels: Those of the packages.
        work: A folder for what lies between.
        target: Where the folder is made, unless it is there.

    Returns:
        The folder's name.

    Raises:
        FetchError: They could not be compiled.
    """
    name = digest()
    folder = target / name
    if folder.is_dir():
        return name
    shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    draft = work / "out"
    draft.mkdir(parents=True)
    _lay_out(wheels, work / "in")
    line = ["node", str(HERE / "compile.mjs"), str(pyodide), str(work / "in"), str(draft)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FetchError(f"the playground's Python cannot be compiled:\n{done.stdout}{done.stderr}")
    for part in PARTS:
        if part.startswith("pyodide"):
            shutil.copy(pyodide / part, draft / part)
    target.mkdir(parents=True)
    draft.rename(folder)
    return name


def digest() -> str:
    """Twelve digits that change with whatever the folder is made of."""
    total = hashlib.sha256()
    ours = [*modules(), *_data(), *recipes(), HERE / "wheels.txt"]
    ours += [HERE / name for name in ("fetch.py", "archive.py", "compile.py", "compile.mjs")]
    for path in sorted(ours):
        total.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def modules() -> list[Path]:
    """Of ltdsl, what answer.py imports, and what that imports, in functions too."""
    known: dict[str, Path] = {}
    todo = list(_imported(HERE / "playground" / "answer.py"))
    while todo:
        name = todo.pop()
        parents = [name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)]
        for each in [name, *parents]:
            path = _file(each)
            if path is not None and each not in known:
                known[each] = path
                todo += _imported(path)
    return [*known.values(), HERE / "playground" / "answer.py"]


def recipes() -> list[Path]:
    """The examples."""
    return sorted((ROOT / "recipes").glob("*.lt"))


def licences(wheels: Path) -> dict[str, str]:
    """Texts of licences, as the wheels have them, by the names of packages."""
    texts = {}
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            for name in packed.namelist():
                if ".dist-info/licenses/" in name:
                    texts[wheel.name.split("-")[0]] = packed.read(name).decode().strip()
    return texts


def _data() -> list[Path]:
    return [ROOT / "grammar/recipe.lark", ROOT / "ltdsl/evidence/published-results.csv"]


def _file(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    return next((p for p in (base / "__init__.py", base.with_suffix(".py")) if p.is_file()), None)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("ltdsl"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ltdsl"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _lay_out(wheels: Path, folder: Path) -> None:
    packages = folder / "packages"
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            for name in packed.namelist():
                metadata = ".dist-info/" in name and not name.endswith("/METADATA")
                if not metadata and not name.startswith(UNUSED):
                    packed.extract(name, packages)
    for path in [*modules(), *_data()]:
        inside = path.relative_to(HERE if path.is_relative_to(HERE) else ROOT)
        if inside.parts[0] == "grammar":
            inside = Path("ltdsl") / inside
        (packages / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, packages / inside)
    (folder / "recipes").mkdir()
    for path in recipes():
        shutil.copy(path, folder / "recipes")
