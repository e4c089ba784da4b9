"""`ltdsl export`: files that compute what the run's evaluation computed, run without this project."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import mindspore as ms
import numpy as np
import onnx
import onnxruntime
import pytest
from ltdsl_runtime.models import build_network
from ltdsl_runtime.use.export import export_run
from ltdsl_runtime.weights.foreign.fitting import fit
from ltdsl_runtime.weights.foreign.reading import read_foreign
from mindspore import Tensor, nn
from safetensors.numpy import load_file
from support.processes import command, environment
from support.use import change, opened

from ltdsl.runs.facts import Facts


def described(path):
    return json.loads(path.with_name(f"{path.name}.json").read_text())


def agrees(outputs, figures, test_part):
    """Whether logits and probabilities of the test images give a run's figures."""
    logits, probabilities = outputs
    cells, expected = figures["confusion"], np.zeros((10, 10), int)
    expected[cells["label"], cells["prediction"]] = cells["count"]
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (test_part.labels, logits.argmax(1)), 1)
    np.testing.assert_array_equal(confusion, expected)
    bins = [found for found in figures["calibration"] if found["count"]]
    mean = sum(found["count"] * found["confidence"] for found in bins) / 400
    assert 100 * probabilities.max(1).mean() == pytest.approx(mean, rel=1e-5)


def sigmoid(z):
    return 1 / (1 + np.exp(-np.float64(z)))


def softmax(z):
    z = np.exp(np.float64(z) - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def test_onnx_by_the_command_line(ltdsl, trained, evaluation, test_part, tmp_path):
    done = ltdsl("export", trained, "--format", "onnx")
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "run.onnx"  # of the best epoch, there being one
    assert {entry.name for entry in tmp_path.iterdir()} == {"run.onnx", "run.onnx.json"}
    assert os.stat(path).st_mode & 0o777 == 0o644  # noqa: PTH116
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    assert json.loads(model.metadata_props[0].value) == list("0123456789")
    session = onnxruntime.InferenceSession(str(path))
    facts = described(path)
    for ours, theirs in (
        (facts["inputs"], session.get_inputs()),
        (facts["outputs"], session.get_outputs()),
    ):
        assert [entry["name"] for entry in ours] == [entry.name for entry in theirs]
        assert [entry["shape"] for entry in ours] == [entry.shape for entry in theirs]
    outputs = session.run(["logits", "probabilities"], {"image": test_part.images})
    agrees(outputs, evaluation["best"], test_part)
    np.testing.assert_allclose(outputs[1], softmax(outputs[0]), rtol=1e-4, atol=1e-6)
    one = session.run(None, {"image": test_part.images[7:8]})
    np.testing.assert_allclose(one[0], outputs[0][7:8], rtol=1e-4, atol=1e-5)
    assert facts["epoch"] == evaluation["best"]["epoch"]
    assert facts["correction"]["name"] == "posthoc_logit_adjustment"
    assert (
        facts["run"]["plan_sha256"] == json.loads((trained / "run.json").read_text())["plan_sha256"]
    )
    assert facts["preprocessing"] == {"channels": 1, "height": 16, "width": 16, "ratio": 1.0}


def test_mindir(trained, evaluation, test_part, tmp_path):
    path = tmp_path / "model.mindir"
    facts = export_run(opened(trained), "mindir", path, "last")
    loaded = nn.GraphCell(ms.load(str(path)))
    outputs = [output.asnumpy() for output in loaded(Tensor(test_part.images))]
    agrees(outputs, evaluation["last"], test_part)
    np.testing.assert_allclose(outputs[1], sigmoid(outputs[0]), rtol=1e-5)
    assert loaded(Tensor(test_part.images[:2]))[0].shape == (2, 10)
    assert described(path) == facts


def test_a_fixed_number_of_images(trained, test_part, tmp_path):
    path = tmp_path / "model.onnx"
    facts = export_run(opened(trained), "onnx", path, "last", batch_size=5)
    session = onnxruntime.InferenceSession(str(path))
    assert session.get_inputs()[0].shape == facts["inputs"][0]["shape"] == [5, 1, 16, 16]
    assert session.run(None, {"image": test_part.images[:5]})[0].shape == (5, 10)


def test_weights_alone(cli, trained, tmp_path):
    path = tmp_path / "weights.ckpt"
    assert cli("export", trained, "--out", path, "--checkpoint", "last")[0] == 0
    network = build_network("resnet8", {}, 10, 1, seed=9)
    # refuses whatever does not fit exactly
    assert ms.load_checkpoint(str(path), network, strict_load=True).keys() == {
        p.name for p in network.get_parameters()
    }
    saved = ms.load_checkpoint(str(trained / "checkpoints" / "last.ckpt"))
    for parameter in network.get_parameters():
        np.testing.assert_array_equal(parameter.asnumpy(), saved[parameter.name].asnumpy())
    assert described(path)["model"] == {"name": "resnet8", "arguments": {}}
    # it is a checkpoint for the other commands too
    assert cli("eval", trained, "--checkpoint", path)[0] == 0


def test_weights_for_pytorch_have_its_names_and_shapes(cli, trained, tmp_path):
    path = tmp_path / "weights.safetensors"
    assert cli("export", trained, "--out", path, "--checkpoint", "last")[0] == 0
    held = load_file(path)
    saved = ms.load_checkpoint(str(trained / "checkpoints" / "last.ckpt"))
    pairs = {
        "conv1.weight": "body.stem.0.weight",
        "bn1.running_var": "body.stem.1.moving_variance",
        "layer2.0.bn2.bias": "body.layer2.0.bn2.beta",
        "linear.weight": "classifier.weight",
    }
    for there, here in pairs.items():
        np.testing.assert_array_equal(held[there], saved[here].asnumpy())
    network = build_network("resnet8", {}, 10, 1, seed=9)
    assert len(held) == len(list(network.get_parameters()))
    # a run can start from it
    assert fit(network, "resnet8", read_foreign(path), path).whole


def test_weights_of_a_mindcv_model_have_its_own_names():
    mindcv = pytest.importorskip("mindcv")
    network = build_network("mindcv", {"name": "mobilenet_v2_035_128"}, 4, 3)
    model = mindcv.create_model("mobilenet_v2_035_128", num_classes=4, in_channels=3)
    plain = {network.plain_names.get(p.name, p.name): p.shape for p in network.get_parameters()}
    assert plain == {p.name: p.shape for p in model.get_parameters()}


def test_a_training_step_learns_as_the_live_one(trained, tmp_path):
    """Of a stage with `cam_bs` and mixup; two steps, so that the first one's update has its effect.

    The export itself compares them with the live step's losses, and keeps those.
    """
    from ltdsl_runtime.data import load_data
    from ltdsl_runtime.use.export.training import _stage

    path = tmp_path / "step.mindir"
    run = opened(trained)
    facts = export_run(run, "mindir", path, "last", training=True)
    live, epoch = _stage(run, "last", load_data(run.plan, None), run.path)
    assert facts["stage"] == live.plan.name == "stage2"
    assert facts["epoch"] == epoch == 3
    assert [entry["name"] for entry in facts["inputs"]] == list(live.source.columns)
    loaded = nn.GraphCell(ms.load(str(path)))
    loaded.set_train()
    batches = [live.source[number] for number in (0, 1)]
    for batch in batches:
        assert [entry["shape"] for entry in facts["inputs"]] == [list(c.shape) for c in batch]
    losses = [float(loaded(*map(Tensor, batch)).asnumpy()) for batch in batches]
    assert losses == facts["checked"]["losses"]
    assert facts["checked"]["largest_difference"] < 1e-6
    again = nn.GraphCell(ms.load(str(path)))  # without the first one's update
    again.set_train()
    assert float(again(*map(Tensor, batches[1])).asnumpy()) != losses[1]


#: What changes the graph, beyond the plain network of the run above.
GRAPHS = {
    "cosine": "model = resnet10; a: ldam",
    "lengths": "a: ce + tau_norm",
}


@pytest.mark.parametrize("what", GRAPHS)
def test_every_kind_of_network_can_be_onnx(what, tmp_path):
    from ltdsl_runtime.use.inference import load_model
    from ltdsl_runtime.use.trained import Trained
    from ltdsl_runtime.weights import checkpoints
    from support.training import plan

    run = plan(f"epochs = 2; schedule = constant(warmup = 0); {GRAPHS[what]}")
    facts = {
        "classes": list("0123456789"),
        "train_counts": list(range(20, 10, -1)),
        "mean": [0.3],
        "std": [0.2],
        "view": {"channels": 1, "height": 16, "width": 16, "ratio": 1},
    }
    network = build_network(run.model.name, {}, 10, 1, 3, run.logit_scale)
    checkpoints.save(tmp_path / "w.ckpt", network.get_parameters())
    known = Facts.leniently({"data": facts}, [])
    opened = Trained(tmp_path, run, known.data, known)
    export_run(opened, "onnx", tmp_path / "m.onnx", str(tmp_path / "w.ckpt"))
    images = np.random.default_rng(1).integers(0, 256, (4, 1, 16, 16), dtype=np.uint8)
    live = load_model(opened, str(tmp_path / "w.ckpt")).inference()(Tensor(images))
    found = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run(None, {"image": images})
    for ours, theirs in zip(live, found, strict=True):
        np.testing.assert_allclose(theirs, ours.asnumpy(), rtol=1e-3, atol=1e-4)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_there_is_kept(cli, trained, tmp_path):
    for name in ("m.ckpt", "m.ckpt.json"):
        (tmp_path / name).write_text("precious")
        code, out, err = cli("export", trained, "--out", tmp_path / "m.ckpt")
        assert (code, out, "error[LT432]" in err, name in err) == (1, "", True, True)
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()
    (tmp_path / "m.ckpt").write_text("not precious")
    assert cli("export", trained, "--out", tmp_path / "m.ckpt", "--force")[0] == 0
    assert described(tmp_path / "m.ckpt")["purpose"] == "weights"


def test_places_that_cannot_be_written(cli, trained, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.ckpt").mkdir()
    for out in ("missing/m.ckpt", "file/m.ckpt", "folder.ckpt"):
        code, _, err = cli("export", trained, "--out", tmp_path / out, "--force")
        assert (code, "error[LT432]" in err) == (1, True)
    assert {entry.name for entry in tmp_path.iterdir()} == {"file", "folder.ckpt"}
    assert not any((tmp_path / "folder.ckpt").iterdir())


@pytest.mark.parametrize("form", ["ckpt", "mindir"])
def test_a_full_disk(trained, tmp_path, form):
    limited = f"ulimit -f 100; exec {shlex.join(command('export', trained, '--format', form))}"
    done = subprocess.run(
        ["bash", "-c", limited], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error[LT432]: cannot write run.{form}: File too large")
    assert "ME(" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_misuse(cli, trained, tmp_path):
    for arguments in (
        ("--format", "onnx", "--training"),
        ("--training", "--batch-size", "3"),
        ("--data", tmp_path),
        ("--out", "m.pt"),
        ("--out", "m.onnx", "--format", "ckpt"),
        ("--batch-size", "0"),
        ("--format", "pt"),
    ):
        code, out, err = cli("export", trained, *arguments)
        assert (code, out) == (2, "")
        assert err


def test_a_training_step_is_of_the_images_of_its_run(cli, copy, tmp_path):
    facts = json.loads((copy / "run.json").read_text())
    change(copy / "run.json", data_sha256=facts["data_sha256"] | {"validation": "0" * 64})
    code, _, err = cli("export", copy, "--training", "--out", tmp_path / "m.mindir")
    assert (code, "error[LT403]: these are not the images" in err) == (1, True)
    assert not (tmp_path / "m.mindir").exists()


def test_a_network_that_a_format_cannot_hold(cli, trained, tmp_path, monkeypatch):
    def export(*_, file_name, **__):
        (tmp_path / f"{file_name}.onnx").write_bytes(b"half")
        raise RuntimeError("Can not find key HSwish in convert map.\n---- C++ ----\nmore")

    monkeypatch.setattr(ms, "export", export)
    code, _, err = cli("export", trained, "--out", tmp_path / "m.onnx")
    assert code == 1
    assert "error[LT433]: MindSpore cannot write this network: Can not find key HSwish" in err
    assert "more" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_computes_something_else_is_not_kept(cli, trained, tmp_path, monkeypatch):
    from ltdsl_runtime.use.export import prediction

    real = prediction.run_onnx
    monkeypatch.setattr(prediction, "run_onnx", lambda *a: [x * 1.01 for x in real(*a)])
    code, _, err = cli("export", trained, "--out", tmp_path / "m.onnx")
    assert (code, "error[LT433]" in err, "differ" in err) == (1, True, True)
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_missing(cli, trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, _, err = cli("export", trained, "--out", tmp_path / "m.onnx")
    assert (code, "error[LT430]" in err, "ltdsl[onnx]" in err) == (1, True, True)


def test_the_language_does_not_load_what_exports_need():
    text = "import ltdsl.cli, sys; ltdsl.cli.make_app(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment(), capture_output=True, text=True, check=True
    )
    assert not {"onnx", "onnxruntime", "mindspore", "numpy"} & set(done.stdout.split())
