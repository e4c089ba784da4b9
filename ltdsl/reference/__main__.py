"""Write anew what the code writes of documentation and recipes: ``make docs``.

``python -m ltdsl.reference [ROOT]``, ROOT a checkout: pages and schemas in ``docs/``, and those recipes of published
rows that are in ``recipes/paper/``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from ltdsl.reference.cards import reference
from ltdsl.reference.diagnostics_page import page
from ltdsl.reference.published import names, text_of
from ltdsl.reference.run_files import page as run_files_page
from ltdsl.reference.schema import Subject, to_json
from ltdsl.system.files import write_atomically


def wanted(root: Path) -> Mapping[str, str]:
    """What each generated file of a checkout should hold, by its path."""
    docs = {
        "docs/reference.md": reference(),
        "docs/diagnostics.md": page(),
        "docs/run_files.md": run_files_page(),
    }
    schemas = {f"docs/schema/{name}.schema.json": to_json(name) for name in get_args(Subject)}
    chosen = sorted(path.stem for path in (root / "recipes" / "paper").glob("*.lt"))
    recipes = {f"recipes/paper/{name}.lt": text_of(names()[name]) for name in chosen}
    return {**docs, **schemas, **recipes}


def stale(root: Path) -> Mapping[str, str]:
    """Those of them that hold something else, or are not there."""
    found = {}
    for name, text in wanted(root).items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            found[name] = text
    return found


def main(root: Path) -> None:
    """Write what is stale, and say so."""
    for name, text in stale(root).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(root / name, text)
        print(f"wrote {root / name}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
