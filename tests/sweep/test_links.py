"""A sweep's folder from a stranger: nothing in it is written through a link that leads out."""

from __future__ import annotations

import pytest

from ltdsl.options import Origin, RunOptions
from ltdsl.sweep.axes import read_axes
from ltdsl.sweep.drive import Sweep
from ltdsl.sweep.folder import SweepFolder
from ltdsl.sweep.grid import grid
from ltdsl.sweep.process import Job, run_job
from ltdsl.sweep.table import compile_table
from ltdsl.system.writing import LeadsOutError


@pytest.fixture
def job(tmp_path):
    """A job that ends at once; where its log is, is the stranger's."""
    (tmp_path / "mine.txt").write_text("mine")
    folder = tmp_path / "sweep"
    folder.mkdir()
    return Job(folder / "run", folder / "logs" / "run.txt", "{}", Origin(), RunOptions("cpu"))


@pytest.mark.parametrize("what", ["file", "hard", "folder"])
def test_no_log_is_added_to_what_a_link_leads_to(tmp_path, job, what):
    logs = tmp_path / "sweep" / "logs"
    (tmp_path / "run.txt").write_text("mine")
    if what == "folder":
        logs.symlink_to(tmp_path)
    else:
        logs.mkdir()
        link = logs / "run.txt"
        if what == "file":
            link.symlink_to(tmp_path / "run.txt")
        else:
            link.hardlink_to(tmp_path / "run.txt")
    with pytest.raises(LeadsOutError):
        run_job(job, {}, lambda: False)
    assert (tmp_path / "run.txt").read_text() == "mine"


def test_no_run_is_trained_where_a_link_leads(tmp_path):
    recipe = tmp_path / "recipe.lt"
    recipe.write_text("stage1: ce\n")
    (tmp_path / "elsewhere").mkdir()
    table, _ = compile_table(grid([recipe], read_axes([], print), None, False))
    sweep = Sweep(table, SweepFolder(tmp_path / "sweep"), RunOptions("cpu"))
    [row] = table.rows
    place = sweep.places[row]
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LeadsOutError):
        sweep.job(row)
