"""Build the documentation as a site, with the playground: `make site`."""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import shutil
import subprocess
import sys
from pathlib import Path

import archive
import fetch
import links
import pages
import policy

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "site"


#: How it ends where what the playground is made of cannot be had; 1 is for mistakes in the pages, 2 for wrong use.
UNFETCHED = 3


def main() -> int:
    """Build it; says where it is, or why it is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "site", help="where (site/)")
    parser.add_argument("--without-playground", action="store_true", help="take no Node.js")
    options = parser.parse_args()
    target: Path = options.to.resolve()
    if target.exists() and not (target / "searchindex.js").is_file():
        print(
            f"error: {target} is there and is no site built before: name another", file=sys.stderr
        )
        return 2
    extra, source, draft = WORK / "extra", WORK / "source", WORK / "html"
    for folder in (extra, draft):
        shutil.rmtree(folder, ignore_errors=True)
    extra.mkdir(parents=True)
    shown, licences = None, {}
    if not options.without_playground:
        try:
            pyodide, wheels = fetch.fetch(WORK / "fetched")
            shown = _playground(extra, pyodide, wheels)
        except fetch.FetchError as error:
            print(f"error: {error}", file=sys.stderr)
            print(
                "`.venv/bin/python docs/site/build.py --without-playground` builds all but it",
                file=sys.stderr,
            )
            return UNFETCHED
        licences = archive.licences(wheels)
    pages.stage(source, shown, licences)
    line = [
        sys.executable,
        "-m",
        "sphinx",
        "--builder",
        "html",
        "--fail-on-warning",
        "--keep-going",
    ]
    line += ["--quiet", "--conf-dir", str(HERE), "--doctree-dir", str(WORK / "doctrees")]
    line += ["--define", f"html_extra_path={extra}", str(source), str(draft)]
    if subprocess.run(line, check=False).returncode:
        return 1
    (draft / ".buildinfo").unlink(missing_ok=True)
    if shown is not None:
        policy.lock(draft / "playground.html")
    if wrong := list(links.broken(draft)):
        print("error: " + "\nerror: ".join(wrong), file=sys.stderr)
        return 1
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(draft, target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.0f} MB; python3 -m http.server --directory {target}")
    return 0


def _playground(extra: Path, pyodide: Path, wheels: Path) -> str:
    """Put what the playground loads where Sphinx takes it from; returns what its page shows."""
    name = archive.build(pyodide, wheels, WORK / "compiling", WORK / "playground")
    folder = extra / "playground"
    shutil.copytree(WORK / "playground", folder)
    scripts = {}
    for path in (HERE / "playground").iterdir():
        if path.suffix in (".js", ".css"):
            shutil.copy(path, folder)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
            scripts[path.name] = f"{path.name}?v={digest}"
    data = json.dumps(_data(name, scripts["worker.js"]), ensure_ascii=False)
    data = data.replace("<", "\\u003c")  # nothing in a recipe ends the script
    return (
        f'<link rel="stylesheet" href="playground/{scripts["playground.css"]}">\n'
        + (HERE / "playground" / "playground.html").read_text(encoding="utf-8")
        + f'<script type="application/json" id="playground-data">{data}</script>\n'
        + f'<script type="module" src="playground/{html.escape(scripts["playground.js"])}"></script>'
    )


def _data(folder: str, worker: str) -> dict[str, object]:
    """What the page knows before Python has started: examples, the answer to the first, where codes are explained."""
    sys.path[:0] = [str(HERE / "playground")]
    from answer import answer

    from ltdsl.codes.links import link
    from ltdsl.codes.table import CODES

    examples = [(path.name, path.read_text(encoding="utf-8")) for path in archive.recipes()]
    examples.sort(key=lambda each: each[0] != "quickstart.lt")
    return {
        "folder": folder,
        "worker": worker,
        "files": dict(examples),
        "examples": [{"name": name, "text": text} for name, text in examples],
        "first": answer(examples[0][1].encode()),
        "codes": {code: link(code, "diagnostics.html") for code in CODES},
    }


if __name__ == "__main__":
    sys.exit(main())
