"""What happens to a run when something breaks under way, and how it goes on."""

from __future__ import annotations

import errno
import io
import json
import resource
import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError, StoppedAsAsked
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training import keeping
from mindspore import Tensor
from support.training import PLAIN, conv_network, given, plan, read_checkpoint, stop_after, trainer

from ltdsl.options import RunOptions

#: Batches that no number of threads shares evenly, and a loss of many operators.
RECIPE = (
    PLAIN
    + """
epochs = 6; batch_size = 13; validation = 0.1
one: input_mixup
two: cb_focal(beta = 0.9) @ epoch 3 { optimizer = sgd(lr = 0.02); sharpness = sam; handoff = best }
"""
)


@pytest.fixture
def begun(data, tmp_path):
    """Makes trainers of one recipe, in a folder of their own or in that of a run that was begun."""

    def make(name: str, resume: bool = False):
        folder = tmp_path / name
        if not resume:
            made = trainer(plan(RECIPE), data, folder, conv_network())
            made.run.begin(made.plan, {}, **given())
            return made
        made = trainer(plan(RECIPE), data, Path(mkdtemp(dir=tmp_path)) / "unused", conv_network())
        made.run = RunDirectory(folder, resume=True)
        made.reporter.console.file = io.StringIO()
        return made

    return make


def result(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    states = {
        name: {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in read_checkpoint(folder / "checkpoints" / f"{name}.ckpt").items()
        }
        for name in ("last", "best", "one-best")
    }
    return lines, states, json.loads((folder / "evaluation.json").read_text())


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """What a run comes to that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    trainer(plan(RECIPE), data, folder, conv_network())()
    return result(folder)


@pytest.mark.parametrize(("harm", "epochs"), [(flip, 3), (cut, 5)])
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_used(
    begun, whole, tmp_path, capsys, monkeypatch, harm, epochs
):
    monkeypatch.setattr(keeping, "PUT_OFF", 0)
    stop_after(begun("run"), epochs)
    harm(tmp_path / "run" / "checkpoints" / "last.ckpt")
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": ')  # killed while it wrote
    made = begun("run", resume=True)
    made(resume=True)
    told = capsys.readouterr().err
    assert told.count("warning[LT417]") == 1, told
    assert f"after epoch {epochs - 2}" in told
    assert result(tmp_path / "run") == whole
    assert len(json.loads((tmp_path / "run" / "run.json").read_text())["warnings"]) == 1


@pytest.mark.parametrize("epochs", [2, 5])
def test_short_epochs_share_a_checkpoint(begun, whole, tmp_path, monkeypatch, epochs):
    """Who is killed repeats them; who is stopped does not."""
    monkeypatch.setattr(keeping, "PUT_OFF", 60)
    made, kept = begun("run"), []
    tell = made.reporter.epoch

    def epoch(record):
        tell(record)
        path = tmp_path / "run" / "checkpoints" / "last.ckpt"
        kept.append(read_checkpoint(path)["epoch"])
        if record.epoch + 1 == epochs:  # as a `kill -9` would leave it
            shutil.copytree(tmp_path / "run", tmp_path / "killed")

    made.reporter.epoch = epoch
    stop_after(made, epochs)
    assert kept == [0, 0, 2, 2, 2][:epochs]  # the first and a stage's last are written at once
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["epoch"] == epochs - 1
    for name in ("run", "killed"):
        begun(name, resume=True)(resume=True)
        assert result(tmp_path / name) == whole


def test_both_damaged(begun, tmp_path):
    stop_after(begun("run"), 3)
    before = (tmp_path / "run" / "metrics.jsonl").read_text()
    for name in ("last", "previous"):
        flip(tmp_path / "run" / "checkpoints" / f"{name}.ckpt")
    with pytest.raises(RunError, match=r"last\.ckpt.*previous\.ckpt") as caught:
        begun("run", resume=True)(resume=True)
    assert caught.value.code == "LT411"
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == before


def test_lines_that_are_lost_count_as_epochs_that_are(begun, whole, tmp_path):
    stop_after(begun("run"), 4)
    path = tmp_path / "run" / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "\x00\x00\x00"]))
    begun("run", resume=True)(resume=True)  # from the checkpoint of the third epoch
    assert result(tmp_path / "run") == whole

    path.write_bytes(b"\xff\xfe" + b"x" * 50)
    with pytest.raises(RunError, match="0 whole lines") as caught:
        begun("run", resume=True)(resume=True)
    assert caught.value.code == "LT411"


def test_a_damaged_best_is_noticed_at_once_and_can_be_done_without(begun, tmp_path, capsys):
    stop_after(begun("run"), 2)
    flip(tmp_path / "run" / "checkpoints" / "best.ckpt")
    with pytest.raises(RunError, match=r"best\.ckpt is no") as caught:
        begun("run", resume=True)(resume=True)
    assert "remove it" in caught.value.hint
    (tmp_path / "run" / "checkpoints" / "best.ckpt").unlink()
    made = begun("run", resume=True)
    figures = made(resume=True)
    assert figures["best"]["epoch"] >= 2
    assert "is gone" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_is_placed_and_evaluated_by_nobody(begun, tmp_path):
    made = begun("run")
    evaluate, seen = made.evaluate, []
    made.evaluate = lambda arrays: seen.append(arrays) or evaluate(arrays)
    steps = iter(range(1000))

    def poison():
        # after the second of the second epoch's five; an epoch's last is not told
        if next(steps) == 5:
            bias = made.network.classifier.bias
            bias.set_data(Tensor(np.full(bias.shape, np.inf, np.float32)))

    made.reporter.on_step = poison
    with pytest.raises(
        RunError, match=r"in epoch 1 \(stage `one`\), from step 3 of 5 on"
    ) as caught:
        made()
    assert caught.value.code == "LT410"
    assert "last.ckpt holds the epoch before" in caught.value.hint
    assert len(seen) == 1
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["epoch"] == 0


def test_weights_that_the_last_update_broke(begun, tmp_path):
    made = begun("run")
    evaluate, seen, finish = made.evaluate, [], made.finish_epoch
    made.evaluate = lambda arrays: seen.append(arrays) or evaluate(arrays)

    def broken(index, stage, epoch, *more):
        if epoch == 1:
            bias = made.network.classifier.bias
            bias.set_data(Tensor(np.full(bias.shape, np.nan, np.float32)))
        finish(index, stage, epoch, *more)

    made.finish_epoch = broken
    with pytest.raises(RunError, match=r"`classifier.bias` is not finite after epoch 1") as caught:
        made()
    assert caught.value.code == "LT410"
    assert len(seen) == 1
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["epoch"] == 0


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "Input/output error", "a.jpg"), MemoryError()]
)
def test_a_batch_that_the_system_does_not_give(begun, whole, tmp_path, monkeypatch, error):
    made = begun("run")
    part, calls = type(made.data.train), iter(range(1000))
    batch = part.batch

    def fail(self, *arguments):
        if self is made.data.train and next(calls) == 6:
            raise error
        return batch(self, *arguments)

    monkeypatch.setattr(part, "batch", fail)
    with pytest.raises(
        RunError, match=r"a batch cannot be read: (Input.*a.jpg|MemoryError)"
    ) as caught:
        made()
    assert caught.value.code == "LT425"
    if isinstance(error, OSError):
        begun("run", resume=True)(resume=True)
        assert result(tmp_path / "run") == whole


def test_a_full_disk(begun, whole, tmp_path):
    made = begun("run")
    tell, before = made.reporter.epoch, resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(record):
        tell(record)
        if record.epoch == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))

    made.reporter.epoch = fill
    try:
        with pytest.raises(RunError, match=r"cannot write .*: File too large") as caught:
            made()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "LT424"
    assert "free space" in caught.value.hint
    begun("run", resume=True)(resume=True)
    assert result(tmp_path / "run") == whole


def test_a_folder_that_is_removed_is_not_made_again(begun, tmp_path):
    made = begun("run")
    tell = made.reporter.epoch

    def remove(record):
        tell(record)
        shutil.rmtree(tmp_path / "run")

    made.reporter.epoch = remove
    with pytest.raises(RunError, match="cannot write") as caught:
        made()
    assert caught.value.code == "LT424"
    assert not (tmp_path / "run").exists()


def test_the_loss_scale_goes_on_where_it_was(data, tmp_path, monkeypatch):
    """It starts too large, so steps are skipped; a resumed run that began anew would skip some again."""
    monkeypatch.setattr("ltdsl_runtime.graph.precision.START", 2.0**20)
    run = plan(PLAIN + "epochs = 3; batch_size = 8; precision = fp16; a: cs_ce")

    def made(name):
        return trainer(run, data, tmp_path / name, conv_network())

    made("whole")()
    broken = made("run")
    broken.run.begin(run, {}, **given())
    stop_after(broken, 1)
    resumed = made("unused")
    resumed.run = RunDirectory(tmp_path / "run", resume=True)
    resumed(resume=True)
    lines = []
    for name in ("whole", "run"):
        metrics = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        lines.append([json.loads(line) | {"seconds": 0} for line in metrics])
    assert lines[0] == lines[1]
    assert 0 < lines[0][0]["skipped"] < 8
    first, second = (
        read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt") for name in ("whole", "run")
    )
    assert first["loss_scale.factor"] == second["loss_scale.factor"] < 2.0**20
    np.testing.assert_array_equal(first["classifier.weight"], second["classifier.weight"])


def test_a_run_that_stops_as_asked_goes_on_exactly(begun, whole, tmp_path):
    """In a stage, and where one ends; the last epoch is no place to stop."""
    for number, asked in enumerate((2, 3, 6)):
        made = begun("run", resume=number > 0)
        made.options = RunOptions(stop_after=asked)
        if asked == 6:
            made(resume=True)
        else:
            with pytest.raises(StoppedAsAsked) as stopped:
                made(resume=number > 0)
            assert stopped.value.epochs == asked
        assert len(made.run.metrics()) == asked
        made.run.close()
    assert result(tmp_path / "run") == whole
