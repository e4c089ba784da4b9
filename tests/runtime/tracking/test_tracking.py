"""Trackers are told exactly what a run directory holds; one that is slow or gone costs a run nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from ltdsl_runtime.tracking import Told, Tracking
from ltdsl_runtime.tracking.told import About
from ltdsl_runtime.tracking.wandb import WandB
from ltdsl_runtime.training.tracked import _files
from support.processes import SOURCES, command, environment

from ltdsl.options import RunOptions
from ltdsl.runs import read_run
from ltdsl.runs.metrics import Epoch
from ltdsl.system.writing import LeadsOutError

ABOUT = About("ab" * 8, "first", {"epochs": "3"}, {"ltdsl.device": "cpu"}, ".")


def record(number: int) -> Epoch:
    return Epoch(epoch=number, stage="a", loss=1.0 / 3 + number, lr=0.1, seconds=1.0)


class Noted:
    """An adapter that notes what it is told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *given: self.told.append((name, *given))


@pytest.fixture
def noted(monkeypatch):
    made = Noted()
    monkeypatch.setattr("ltdsl_runtime.tracking.tracker", lambda name: made)
    monkeypatch.setattr(
        "ltdsl_runtime.tracking.Told",
        lambda name, warn: Told(name, warn, make=lambda name: made),
    )
    return made


def epochs_of(noted):
    return [given[0].epoch for name, *given in noted.told if name == "epoch"]


def test_epochs_are_told_once_and_in_order_those_of_before_included(noted):
    records = [record(n) for n in range(4)]
    tracking = Tracking(["mlflow"], ABOUT, lambda: records, pytest.fail)
    tracking.epoch(records[2])  # 0 and 1 were trained before, or taken from the cache
    tracking.end({"last/top1_error": 5.0}, [])  # 3 was not told live
    assert epochs_of(noted) == [0, 1, 2, 3]
    assert noted.told[0] == ("begin", ABOUT)
    assert noted.told[-1] == ("end", {"last/top1_error": 5.0}, True)


def test_a_run_that_ends_early_is_told_so(noted):
    tracking = Tracking(["mlflow"], ABOUT, list, pytest.fail)
    tracking.end(None, [])
    assert noted.told[-1] == ("end", {}, False)


def test_a_tracker_that_fails_is_warned_of_at_the_end():
    class Fails(Noted):
        def epoch(self, record):
            raise ConnectionError("nobody\nthere")

    said = []
    told = Told("mlflow", said.append, make=lambda name: Fails())
    for what, given in (("begin", ABOUT), ("epoch", record(0)), ("epoch", record(1))):
        told.tell(what, given)
    told.close()
    assert said == [
        "--track mlflow was told 1 of 3 things: ConnectionError: nobody; the run directory has all"
    ]


def test_a_tracker_that_hangs_is_not_waited_for():
    class Hangs(Noted):
        def begin(self, about):
            time.sleep(60)

    said, before = [], time.monotonic()
    told = Told("wandb", said.append, make=lambda name: Hangs())
    told.tell("begin", ABOUT)
    told.tell("epoch", record(0))
    told.close(patience=0.2)
    assert time.monotonic() - before < 10
    assert "told 0 of 2 things: it has not answered for 0 s" in said[0]


def test_a_client_that_cannot_be_made_is_told():
    def make(name):
        raise SystemExit("no account")

    said = []
    told = Told("wandb", said.append, make=make)
    told.tell("begin", ABOUT)
    told.close()
    assert "SystemExit: no account" in said[0]


def test_no_link_of_a_run_gives_a_tracker_what_lies_elsewhere(tmp_path):
    run = tmp_path / "run"
    (run / "recipe").mkdir(parents=True)
    (tmp_path / "secret").write_text("mine")
    (run / "recipe" / "r.lt").symlink_to(tmp_path / "secret")
    (run / "evaluation.json").symlink_to(tmp_path / "secret")
    (run / "plan.json").write_text("{}")
    assert list(_files(run, RunOptions())) == [run / "plan.json"]


def test_no_link_of_a_run_leads_what_a_client_writes_elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_DIR", raising=False)
    (tmp_path / "run").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "wandb").symlink_to(tmp_path / "elsewhere")
    adapter = WandB.__new__(WandB)
    adapter._wandb = None  # never reached
    with pytest.raises(LeadsOutError):
        adapter.begin(replace(ABOUT, folder=str(tmp_path / "run")))


# ── the command, with the clients themselves ─────────────────────────────────────────────────────

RECIPE = "epochs = 3; schedule = constant; batch_size = 150; validation = 20%\n"
RECIPE += "stage1: ce; stage2: cs_ce(gamma = 0.5) @ 50%\n"


@pytest.fixture
def trained(tmp_path):
    """Trains the recipe in a process, with variables of a tracker."""
    (tmp_path / "r.lt").write_text(RECIPE)

    def train(*arguments, **variables):
        line = arguments or ("run", "r.lt", "--out", "run")
        return subprocess.run(
            command(*line, "--device", "cpu"),
            cwd=tmp_path,
            env={**environment(), "PYTHONPATH": SOURCES, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return train


@pytest.fixture
def mlflow(tmp_path, monkeypatch) -> Iterator[str]:
    """Where MLflow's runs go: a folder, or a server of the command that LTDSL_MLFLOW names (of all of `mlflow`)."""
    pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    server_of = os.environ.get("LTDSL_MLFLOW")
    if server_of is None:
        yield (tmp_path / "mlruns").as_uri()
        return
    port = free_port()
    line = [server_of, "server", f"--port={port}", "--workers=1"]
    line += [f"--backend-store-uri=sqlite:///{tmp_path}/store.db"]
    line += [f"--artifacts-destination={tmp_path / 'artifacts'}"]
    with subprocess.Popen(
        line, cwd=tmp_path, stdout=-3, stderr=-3, start_new_session=True
    ) as server:
        try:
            until_it_listens(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until_it_listens(port: int, server: subprocess.Popen) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail("the server does not listen")


def exact(tmp_path):
    return {
        each.epoch: (each.loss, each.lr, each.top1_error, each.macro_recall)
        for each in read_run(tmp_path / "run").metrics
    }


def test_mlflow_has_what_the_run_has(trained, tmp_path, mlflow):
    uri = {"MLFLOW_TRACKING_URI": mlflow}
    stopped = trained(
        "run", "r.lt", "--out", "run", "--track", "mlflow", "--stop-after", "2", **uri
    )
    assert stopped.returncode == 0, stopped.stderr
    done = trained("run", "--resume", "run", "--track", "mlflow", "--track-checkpoints", **uri)
    assert done.returncode == 0, done.stderr
    assert "LT417" not in done.stderr

    from mlflow import MlflowClient

    client = MlflowClient(uri["MLFLOW_TRACKING_URI"])
    (experiment,) = client.search_experiments(filter_string="name = 'ltdsl'")
    (found,) = client.search_runs([experiment.experiment_id])
    names = ("loss/train", "learning_rate", "top1_error/validation", "macro_recall/validation")
    columns = [
        {point.step: point.value for point in client.get_metric_history(found.info.run_id, name)}
        for name in names
    ]
    assert {n: tuple(column[n] for column in columns) for n in columns[0]} == exact(tmp_path)
    assert all(len(client.get_metric_history(found.info.run_id, name)) == 3 for name in names)
    assert found.data.params["stage2.loss"] == "cs_ce(gamma = 0.5)"
    assert found.data.params["dataset"] == "digits_lt"
    assert found.info.status == "FINISHED"
    evaluation = read_run(tmp_path / "run").evaluation
    assert found.data.metrics["last/top1_error"] == evaluation.last.top1_error
    kept = {each.path for each in client.list_artifacts(found.info.run_id)}
    assert {"plan.json", "run.json", "evaluation.json", "report.html", "r.lt", "last.ckpt"} <= kept


def test_a_server_that_is_gone_stops_nothing(trained, tmp_path):
    pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    port = free_port()
    done = trained(
        "run", "r.lt", "--out", "run", "--track", "mlflow",
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "warning[LT417]: --track mlflow was told 0 of" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(exact(tmp_path)) == 3


def log_records(data: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log, as the client writes it: blocks of 32 KiB, a header of 7 bytes before each part."""
    at, parts = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def test_wandb_keeps_what_the_run_has_where_it_is_offline(trained, tmp_path):
    pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
    done = trained(
        "run", "r.lt", "--out", "run", "--track", "wandb",
        WANDB_MODE="offline", HOME=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "LT417" not in done.stderr
    from wandb.proto import wandb_internal_pb2

    found = {}
    for file in sorted(tmp_path.glob("run/wandb/offline-run-*/*.wandb")):
        for data in log_records(file.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            if record.WhichOneof("record_type") == "history":
                row = {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json)
                    for item in record.history.item
                }
                found[row["_step"]] = tuple(
                    row[name]
                    for name in (
                        "loss/train",
                        "learning_rate",
                        "top1_error/validation",
                        "macro_recall/validation",
                    )
                )
    assert found == exact(tmp_path)


def test_what_is_missing_is_said_before_anything_is_trained(trained, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "sitecustomize.py").write_text(
        "import sys\nsys.modules['mlflow'] = sys.modules['wandb'] = None\n"
    )
    done = trained(
        "run", "r.lt", "--out", "run", "--track", "wandb",
        PYTHONPATH=f"{tmp_path / 'empty'}:{SOURCES}",
    )  # fmt: skip
    assert done.returncode == 1
    assert 'pip install "ltdsl[wandb]"' in done.stderr
    assert not (tmp_path / "run").exists()
    wrong = trained("run", "r.lt", "--track-checkpoints")
    assert wrong.returncode == 2
