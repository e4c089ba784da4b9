"""The folder of a sweep: which run is which, and its files."""

from __future__ import annotations

import csv
import json

import pytest

from ltdsl.runs.errors import UnreadableError
from ltdsl.sweep.axes import Axis
from ltdsl.sweep.drive import Sweep
from ltdsl.sweep.folder import SweepFolder
from ltdsl.sweep.grid import grid
from ltdsl.sweep.show import counts, repetitions, result_table
from ltdsl.sweep.table import compile_table

FIGURES = {
    "epoch": 9,
    "top1_error": 25.0,
    "macro_recall": 75.0,
    "expected_calibration_error": 3.0,
    "groups": {
        "many": {"classes": 5, "accuracy": 90.0},
        "medium": {"classes": 5, "accuracy": 50.0},
        "few": {"classes": 0, "accuracy": None},
    },
}


@pytest.fixture
def sweep(tmp_path):
    """Makes the sweep of some values; the folder stays the same."""
    recipe = tmp_path / "recipe.lt"
    recipe.write_text("epochs = 10; schedule = constant(warmup = 0)\nstage1: ce\n")

    def make(values=("10", "50"), seeds=2):
        axes = [Axis("dataset.imbalance", values)] if values else []
        table, _ = compile_table(grid([recipe], axes, seeds, False))
        return Sweep(table, SweepFolder(tmp_path / "out"))

    return make


def pretend(work, number, status, error=None, top1=25.0):
    """Leaves a run directory as a run would."""
    row = work.table.rows[number]
    folder = work.places[row]
    folder.mkdir(parents=True)
    facts = {"status": status, "plan_sha256": row.digest} | ({"error": error} if error else {})
    (folder / "run.json").write_text(json.dumps(facts))
    if status == "finished":
        last = FIGURES | {"top1_error": top1}
        (folder / "evaluation.json").write_text(json.dumps({"best_on": None, "last": last}))


def left(work, retry_failed=False):
    return [row.name for row in work.left(retry_failed)]


def test_what_is_left(sweep):
    work = sweep()
    assert len(left(work)) == 4
    for number, status in enumerate(("finished", "failed", "interrupted", "running")):
        pretend(work, number, status, "LT410: no" if status == "failed" else None)
    work = sweep()
    assert left(work) == ["imbalance=50,seed=0", "imbalance=50,seed=1"]
    assert left(work, retry_failed=True) == ["imbalance=10,seed=1", *left(work)]
    assert counts(work.records.values()) == "1 finished, 1 failed, 1 interrupted, 1 running"
    assert [record.error for record in work.records.values()] == ["", "LT410: no", "", ""]


def test_more_values_are_more_runs(sweep):
    work = sweep(("10",), 1)
    pretend(work, 0, "finished")
    assert left(sweep(("10", "20"), 2)) == [
        "imbalance=10,seed=1",
        "imbalance=20,seed=0",
        "imbalance=20,seed=1",
    ]


def test_a_run_is_known_by_its_plan_whatever_it_is_called(sweep, tmp_path):
    pretend(sweep(("10",), None), 0, "finished")
    (tmp_path / "out" / "imbalance=10").rename(tmp_path / "out" / "mine")
    work = sweep(("10", "20"), None)
    assert left(work) == ["imbalance=20"]
    assert [record.name for record in work.records.values()] == ["mine", "imbalance=20"]


def test_a_name_that_is_taken_is_left_alone(sweep, tmp_path):
    pretend(sweep(("10",), None), 0, "finished")
    recipe = tmp_path / "recipe.lt"
    recipe.write_text(recipe.read_text().replace("epochs = 10", "epochs = 11"))
    work = sweep(("10",), None)
    (row,) = work.table.rows
    assert work.places[row].name == f"imbalance=10-{row.digest[:8]}"
    work.places[row].mkdir()
    (work.places[row] / "thesis.txt").write_text("mine")
    assert sweep(("10",), None).places != work.places
    # what a run left that was killed before it had begun is no obstacle
    (work.places[row] / "thesis.txt").unlink()
    (work.places[row] / "checkpoints").mkdir()
    (work.places[row] / "recipe").mkdir()
    (work.places[row] / "plan.json").touch()
    assert sweep(("10",), None).places != work.places
    (work.places[row] / ".lock").touch()  # by which one sees that a run has made them
    again = sweep(("10",), None)
    assert list(again.places.values()) == list(work.places.values())


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"status": 3}', '{"plan_sha256": 3}', "[" * 9999]
)
def test_a_damaged_run_json_is_no_run(sweep, text):
    work = sweep(("10",), None)
    folder = next(iter(work.places.values()))
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(text)
    again = sweep(("10",), None)
    assert counts(again.records.values()) == "1 new"
    assert next(iter(again.places.values())) != folder


def test_finished_without_figures_is_not_finished(sweep):
    work = sweep(("10",), None)
    pretend(work, 0, "finished")
    (next(iter(work.places.values())) / "evaluation.json").write_text("{")
    assert left(sweep(("10",), None)) == ["imbalance=10"]


def test_the_table_as_files_keeps_earlier_runs(sweep, tmp_path):
    work = sweep(("10",), 2)
    pretend(work, 0, "finished")
    pretend(work, 1, "failed", "LT410: the loss is nan, in epoch 3")
    work = sweep(("10",), 2)
    work.write()
    other = sweep(("20",), None)
    other.write()
    runs = json.loads((tmp_path / "out" / "sweep.json").read_text())["runs"]
    assert [run["name"] for run in runs] == [
        "imbalance=20",
        "imbalance=10,seed=0",
        "imbalance=10,seed=1",
    ]
    assert runs[1]["last"]["few"] is None
    assert runs[1]["changes"] == {"dataset.imbalance": "10", "seed": "0"}
    with (tmp_path / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["new", "finished", "failed"]
    assert rows[1]["top1_error"] == "25.0"
    assert rows[2]["error"] == "LT410: the loss is nan, in epoch 3"
    assert (rows[0]["seed"], rows[1]["seed"]) == ("", "0")


def test_a_table_that_somebody_edited_is_written_anew(sweep, tmp_path):
    (tmp_path / "out").mkdir()
    for text in ("{", '{"runs": 3}', '{"runs": [{"name": "../.."}, 4]}'):
        (tmp_path / "out" / "sweep.json").write_text(text)
        sweep().write()
        assert len(json.loads((tmp_path / "out" / "sweep.json").read_text())["runs"]) == 4


def test_what_a_later_version_wrote_is_left_alone(sweep, tmp_path):
    work = sweep(("10",), None)
    pretend(work, 0, "finished")
    run = next(iter(work.places.values()))
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"format": 99}))
    (record,) = sweep(("10",), None).records.values()
    assert (record.status, record.last) == ("failed", {})
    assert "later version of ltdsl" in record.error
    (tmp_path / "out" / "sweep.json").write_text('{"format": 99, "runs": []}')
    with pytest.raises(UnreadableError, match="later version of ltdsl"):
        sweep(("10",), None)


def rendered(records, width):
    from ltdsl.display.console import Console

    console = Console(width=width, file=None, record=True, quiet=False)
    with console.capture() as capture:
        console.print(result_table(records, width))
    return capture.get()


def test_seeds_are_summarised_by_mean_and_standard_deviation(sweep):
    work = sweep()
    for number, error in enumerate((20.0, 30.0, 40.0)):
        pretend(work, number, "finished", top1=error)
    pretend(work, 3, "failed", "LT410: no")
    records = list(sweep().records.values())
    assert [len(group) for group in repetitions(records)] == [2, 2]
    text = rendered(records, 120)
    # the sample's standard deviation of 20 and 30
    assert "25.00 ± 7.07" in text
    assert "mean of 2 seeds" in text
    assert "mean of 1 of 2 seeds" in text
    assert "few" in text
    for width in (100, 80, 60):
        assert max(map(len, rendered(records, width).splitlines())) <= width
    for (
        record
    ) in records:  # narrower than a name, no terminal is as wide as the table, and no name is cut
        assert record.name in rendered(records, 40)
    assert "few" not in rendered(records, 60)


def test_what_all_runs_share_is_told_once(sweep):
    records = [
        record.model_copy(update={"name": f"epochs=10,{record.name},size=96"})
        for record in sweep().records.values()
    ]
    text = rendered(records, 80)
    assert text.count("epochs=10") == 1
    assert "all with epochs=10, size=96" in text
    assert "imbalance=50,seed=1" in text
    assert "all with" not in rendered(records[:1], 80)


def test_runs_that_saw_other_images_are_found_out(sweep):
    work = sweep()
    for number, images in enumerate(
        ({"train": "a"}, {"train": "a"}, {"train": "b"}, {"train": "c"})
    ):
        pretend(work, number, "finished")
        path = work.places[work.table.rows[number]] / "run.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"data_sha256": images}))
        found = sweep().different_images()
        # another imbalance is another data set
        assert found == (None if number < 3 else ("imbalance=50,seed=0", "imbalance=50,seed=1"))
