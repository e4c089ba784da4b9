"""Put the built site beside those of other versions: `python docs/site/publish.py FOLDER`."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Publish it; says where."""
    sys.path[:0] = [str(ROOT)]
    from ltdsl import __version__

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what a web server shows")
    parser.add_argument("--site", type=Path, default=ROOT / "site", help="what was built (site/)")
    parser.add_argument("--name", default=__version__, help=f"of the version ({__version__})")
    options = parser.parse_args()
    if not (options.site / "index.html").is_file():
        print(f"error: there is no site in {options.site}: run `make site` first", file=sys.stderr)
        return 1
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", options.name):
        print(f"error: `{options.name}` names no version: letters, digits, . + -", file=sys.stderr)
        return 2
    publish(options.site, options.folder, options.name)
    print(f"{options.folder / options.name}")
    return 0


def publish(site: Path, folder: Path, name: str) -> None:
    """Copy a site into ``folder/name``, and write the list of versions and what leads to the newest.

    Args:
        site: A built one.
        folder: With other versions or not.
        name: The version's; one of this name that is there is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{name}.part"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(site, draft)
    (draft / "_static" / "published.json").write_text("true\n", encoding="utf-8")
    shutil.rmtree(folder / name, ignore_errors=True)
    draft.rename(folder / name)
    names = sorted(
        (path.parent.name for path in folder.glob("[!.]*/index.html")), key=_order, reverse=True
    )
    (folder / "versions.json").write_text(json.dumps(names) + "\n", encoding="utf-8")
    newest = next((each for each in names if _order(each)[0] == 2), names[0])
    (folder / "index.html").write_text(
        f'<!doctype html><meta charset="utf-8"><title>ltdsl</title>'
        f'<meta http-equiv="refresh" content="0; url={newest}/">'
        f'<p><a href="{newest}/">ltdsl {newest}</a></p>\n',
        encoding="utf-8",
    )
    (folder / ".nojekyll").touch()  # GitHub Pages leaves out folders that begin with _ otherwise


def _order(name: str) -> tuple[int, list[int], str]:
    """Releases above candidates, and both above names such as `main`."""
    found = re.fullmatch(r"v?(\d+(?:\.\d+)*)(.*)", name)
    if not found:
        return 0, [], name
    return (1 if found[2] else 2), [int(part) for part in found[1].split(".")], name


if __name__ == "__main__":
    sys.exit(main())
