"""Reports: what a run did, or how several compare, as one page of HTML that needs nothing else.

Reads run directories alone, and imports what it needs when it is asked for.
"""

from __future__ import annotations

import contextlib
import glob
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.report.errors import ReportError
from ltdsl.runs.layout import REPORT
from ltdsl.system.files import write_atomically
from ltdsl.system.opening import open_file

if TYPE_CHECKING:
    from ltdsl.report.run_page import Pictures

__all__ = ["ReportError", "write_card", "write_report"]

#: Seconds that no page takes to be written.
LONG_AGO = 3600

#: What a comparison is called.
SEVERAL = "comparison.html"

#: What a model card is called.
CARD = "card.md"


def write_report(
    paths: list[Path], out: Path | None = None, pictures: Pictures | None = None
) -> Path:
    """Write the report of one run, or the comparison of several.

    Args:
        paths: Run directories, and folders that hold some.
        out: The file. Where it is not given, ``report.html`` in the run directory; for several runs
            ``comparison.html``, in the one folder that holds them or in the working directory.
        pictures: Where test images are from, for the report of one run that is to show some.

    Returns:
        The file.

    Raises:
        ReportError: LT450, a path is no run directory; LT451, the file cannot be written.
    """
    from ltdsl.report.comparison_page import comparison_page
    from ltdsl.report.page import MARK
    from ltdsl.report.run_page import run_page
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.runs.reading import found_runs, read_run

    try:
        runs = [read_run(path) for path in found_runs(paths)]
    except UnreadableError as error:
        raise ReportError("LT450", str(error), error.hint) from error
    if len(runs) == 1:
        out = out or runs[0].path / REPORT
        html = run_page(runs[0], pictures)
    else:
        folder = paths[0] if len(paths) == 1 else Path()
        out = out or folder / SEVERAL
        html = comparison_page(runs, out)
    _write(out, html, MARK)
    return out


def write_card(path: Path, out: Path | None = None) -> Path:
    """Write the model card of a run.

    Args:
        path: The run directory.
        out: The file; ``card.md`` in the run directory where it is not given.

    Returns:
        The file.

    Raises:
        ReportError: LT450, it is no run directory; LT451, the file cannot be written.
    """
    from ltdsl.report.card import MARK, card
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.runs.reading import read_run

    try:
        run = read_run(path)
    except UnreadableError as error:
        raise ReportError("LT450", str(error), error.hint) from error
    out = out or run.path / CARD
    _write(out, card(run), MARK, "model card")
    return out


def _write(path: Path, text: str, mark: str, what: str = "report") -> None:
    try:
        if path.exists() and not _is_ours(path, mark):
            raise ReportError(
                "LT451",
                f"{path} is no {what}, and is left as it is",
                "choose another file with --out",
            )
        _tidy(path)
        write_atomically(path, text)
    except OSError as error:
        raise ReportError(
            "LT451",
            f"cannot write {path}: {error.strerror or error}",
            "choose another file with --out",
        ) from error


def _tidy(path: Path) -> None:
    """Remove what processes left that were killed while they wrote the page; one that just writes it is left alone."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime > LONG_AGO:
                left.unlink()


def _is_ours(path: Path, mark: str) -> bool:
    with open_file(path) as file:
        return mark.encode() in file.read(4096)
