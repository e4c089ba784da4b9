"""`ltdsl eval`: the run's own numbers, and whatever a run directory may hold instead."""

from __future__ import annotations

import io
import json
import pickle
import shutil

import numpy as np
import pytest
from ltdsl_runtime.data.arrays import ImageArrays
from PIL import Image
from support.use import change, opened

from ltdsl.runs.arrays import read_predictions

ENDS = ("json", "npz")


def test_the_same_numbers_bit_for_bit(ltdsl, trained, evaluation):
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    done = ltdsl("eval", trained, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == evaluation
    assert evaluation["best"]["epoch"] < 3 < evaluation["last"]["epoch"] + 1  # both losses judged
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before


def test_a_checkpoint_of_a_run_that_is_not_finished(ltdsl, copy, evaluation):
    change(copy / "run.json", status="running")
    (copy / "checkpoints" / "best.ckpt").unlink()
    (copy / "evaluation.json").unlink()
    done = ltdsl("eval", copy)
    assert done.returncode == 0
    assert "is not finished: it has got to the end of epoch 3, of 0 to 3" in done.stderr
    assert f"{evaluation['last']['top1_error']:.2f} %" in done.stdout
    assert "best" not in done.stdout
    assert not (copy / "evaluation.json").exists()


def test_predictions_are_the_runs_own_bit_for_bit(cli, trained, copy, evaluation, tmp_path):
    """The recipe corrects logits, chooses on a validation part and changes its confidence on the way."""
    kept = {path.name: path.read_bytes() for path in (trained / "predictions").iterdir()}
    names = {f"{c}-{p}.{e}" for c in ("last", "best") for p in ("test", "validation") for e in ENDS}
    assert kept.keys() == names
    assert cli("eval", trained, "--predictions", tmp_path / "new")[0] == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == kept
    shutil.rmtree(copy / "predictions")
    assert cli("eval", copy, "--predictions", copy, "--checkpoint", "best")[0] == 0
    made = {path.name: path.read_bytes() for path in (copy / "predictions").iterdir()}
    assert made == {name: each for name, each in kept.items() if name.startswith("best")}


def test_predictions_are_what_the_figures_are_made_of(trained, evaluation):
    for which in ("last", "best"):
        about, found = read_predictions(trained, which, "test", logits=True)
        figures = evaluation[which]
        assert about.epoch == figures["epoch"]
        assert 100 * (found.prediction != found.label).mean() == pytest.approx(
            figures["top1_error"]
        )
        cells = figures["confusion"]
        matrix = np.zeros((10, 10), int)
        matrix[cells["label"], cells["prediction"]] = cells["count"]
        counted = np.zeros((10, 10), int)
        np.add.at(counted, (found.label, found.prediction), 1)
        assert np.array_equal(matrix, counted)
        # before the correction, which the recipe's last stage asks for
        counts = np.float64(opened(trained).data.train_counts)
        corrected = found.logits - np.log(counts / counts.sum())
        assert np.array_equal(corrected.argmax(-1), found.prediction)
        probabilities = {
            "softmax": lambda z: np.exp(z - z.max(-1, keepdims=True)),
            "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        }[about.confidence](np.float64(corrected))
        if about.confidence == "softmax":
            probabilities /= probabilities.sum(-1, keepdims=True)
        assert probabilities.max(-1) == pytest.approx(found.confidence, abs=1e-5)


def test_a_checkpoint_by_its_path(trained, evaluation, tmp_path):
    from ltdsl_runtime.use.reevaluate import evaluate_run

    path = shutil.copy(trained / "checkpoints" / "best.ckpt", tmp_path / "other.ckpt")
    figures = evaluate_run(opened(trained), str(path))
    assert figures["checkpoint"] == evaluation["best"]
    assert figures.keys() == {"best_on", "best_by", "test_images", "checkpoint"}


def test_other_data_only_when_asked_for(cli, copy, evaluation):
    facts = json.loads((copy / "run.json").read_text())
    change(copy / "run.json", data_sha256=facts["data_sha256"] | {"test": "0" * 64})
    code, _, err = cli("eval", copy)
    assert (code, "error[LT403]" in err) == (1, True)
    assert "--other-data" in err
    assert cli("eval", copy, "--other-data")[0] == 2  # which data?
    code, out, err = cli("eval", copy, "--other-data", "--data", ".", "--format", "json")
    assert code == 0
    assert "these are not the test images of the run" in err
    assert json.loads(out) == evaluation | {"other_data": facts["data_sha256"]["test"]}

    names = [*facts["data"]["classes"][:3], "three", *facts["data"]["classes"][4:]]
    change(copy / "run.json", data=facts["data"] | {"classes": names})
    code, _, err = cli("eval", copy, "--other-data", "--data", ".")
    assert (code, "error[LT414]" in err) == (1, True)
    assert "class 3 is called `three`" in err


def test_the_same_classes_numbered_in_another_way(copy, evaluation, test_part, monkeypatch):
    """Matched by name where other data are allowed; a contradiction where they are the run's own."""
    from ltdsl_runtime.data.reading import Reading
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use import reevaluate

    names = tuple("abcdefghij")
    facts = json.loads((copy / "run.json").read_text())
    change(copy / "run.json", data=facts["data"] | {"classes": names})
    turned = test_part.relabelled(np.arange(10)[::-1], names[::-1])
    monkeypatch.setattr(reevaluate, "read", lambda *_: Reading(turned, turned))
    figures = reevaluate.evaluate_run(opened(copy), "last", other_data=True)
    assert figures["last"]["top1_error"] == evaluation["last"]["top1_error"]
    assert figures["last"]["confusion"] == evaluation["last"]["confusion"]

    other = ImageArrays(test_part.images, test_part.labels, names[::-1])
    monkeypatch.setattr(reevaluate, "read", lambda *_: Reading(other, other))
    with pytest.raises(RunError, match="class 0 is called `a` where the model was trained"):
        reevaluate.evaluate_run(opened(copy), "last")


def test_a_checkpoint_of_other_classes(copy, evaluation, trained, tmp_path):
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.reevaluate import evaluate_run
    from ltdsl_runtime.weights import checkpoints
    from ltdsl_runtime.weights.classes import FACT, as_fact
    from mindspore import Parameter, Tensor

    path = trained / "checkpoints" / "last.ckpt"
    content = checkpoints.load(path)
    assert json.loads(content[FACT]) == list("0123456789")
    arrays = {name: value for name, value in content.items() if not isinstance(value, str)}
    arrays = {name: value for name, value in arrays.items() if value.ndim}
    names = tuple("abcdefghij")
    facts = json.loads((copy / "run.json").read_text())
    change(copy / "run.json", data=facts["data"] | {"classes": names})

    def write(to, classes, turn):
        parameters = [
            Parameter(
                Tensor(value[::-1].copy() if turn and name.startswith("classifier.") else value),
                name=name,
            )
            for name, value in arrays.items()
            if name.startswith(("classifier.", "body."))
        ]
        checkpoints.save(tmp_path / to, parameters, **{FACT: as_fact(classes)})
        return str(tmp_path / to)

    figures = evaluate_run(opened(copy), write("a.ckpt", names[::-1], turn=True))
    assert "matched by name" in figures["notes"][0]
    assert figures["checkpoint"]["confusion"] == evaluation["last"]["confusion"]
    with pytest.raises(RunError, match="is of other classes: it knows `k`"):
        evaluate_run(opened(copy), write("b.ckpt", (*names[:9], "k"), turn=False))
    figures = evaluate_run(opened(copy), str(path))
    assert "nothing says which classes" in figures["notes"][0]


def test_images_in_class_folders(cli, trained, evaluation, test_part, tmp_path):
    """Of some of the classes; groups and means are of those that there are."""
    for label in (1, 2, 8):
        folder = tmp_path / "images" / str(label)
        folder.mkdir(parents=True)
        for number, image in enumerate(test_part.images[test_part.labels == label]):
            Image.fromarray(image[0]).save(folder / f"{number}.png")
    arguments = ("--images", tmp_path / "images", "--checkpoint", "last", "--format", "json")
    code, out, err = cli("eval", trained, *arguments)
    assert code == 0
    assert "not the test images" in err
    figures, whole = json.loads(out)["last"], evaluation["last"]["per_class"]
    expected = [
        row if label in (1, 2, 8) else row | {"test_images": 0, "accuracy": None}
        for label, row in enumerate(whole)
    ]
    assert figures["per_class"] == expected
    mean = sum(whole[label]["accuracy"] for label in (1, 2, 8)) / 3
    assert figures["macro_recall"] == pytest.approx(mean)
    assert figures["top1_error"] == pytest.approx(100 - mean)

    damaged = tmp_path / "images" / "2" / "damaged.png"
    damaged.write_bytes(b"no image")
    code, out, err = cli("eval", trained, *arguments)
    assert (code, json.loads(out)["last"]["per_class"]) == (1, expected)
    assert err.count("error[LT402]") == 1
    assert str(damaged) in err
    damaged.unlink()

    (tmp_path / "images" / "eight").mkdir()
    code, _, err = cli("eval", trained, *arguments)
    assert (code, "error[LT414]" in err, "class eight" in err) == (1, True, True)
    assert cli("eval", trained, *arguments, "--data", ".")[0] == 2
    code, _, err = cli("eval", trained, "--images", tmp_path / "missing")
    assert (code, "error[LT401]" in err) == (1, True)


#: What may be wrong with a run directory, by what is done to it.
BROKEN = {
    "no run.json": lambda run: (run / "run.json").unlink(),
    "no plan.json": lambda run: (run / "plan.json").unlink(),
    "run.json is a folder": lambda run: ((run / "run.json").unlink(), (run / "run.json").mkdir()),
    "garbage": lambda run: (run / "run.json").write_bytes(b"\xff\xfe{]"),
    "a list": lambda run: (run / "run.json").write_text("[1, 2]"),
    "deep": lambda run: (run / "run.json").write_text("[" * 100_000),
    "deep plan": lambda run: (run / "plan.json").write_text("[" * 100_000),
    "empty plan": lambda run: (run / "plan.json").write_text("{}"),
    "another plan": lambda run: change(run / "plan.json", seed=7),
    "no stages": lambda run: change(run / "plan.json", stages=[]),
    "of an older version": lambda run: change(run / "run.json", data=None),
    "classes": lambda run: edit(run, classes=["a"]),
    "counts": lambda run: edit(run, classes=["a"], train_counts=[3]),
    "deviation": lambda run: edit(run, std=[0.0]),
    "mean": lambda run: edit(run, mean=["NaN"]),
    "channels": lambda run: edit(run, view={"channels": 3, "height": 8, "width": 8, "ratio": 1}),
    "huge": lambda run: edit(run, view={"channels": 1, "height": 10**9, "width": 8, "ratio": 1}),
    "a path for a name": lambda run: rename_stage(run, "../../secret"),
}


def edit(run, **entries):
    facts = json.loads((run / "run.json").read_text())
    change(run / "run.json", data=facts["data"] | entries)


def rename_stage(run, name):
    """A plan's hash does not cover names."""
    plan = json.loads((run / "plan.json").read_text())
    plan["stages"][0]["name"] = name
    (run / "plan.json").write_text(json.dumps(plan))


@pytest.mark.parametrize("what", BROKEN)
def test_a_folder_that_is_no_run(cli, copy, what):
    BROKEN[what](copy)
    code, out, err = cli("eval", copy)
    assert (code, out) == (1, "")
    assert err.startswith("error[LT413]: ")
    assert len(err) < 600


def test_no_folder_at_all(cli, tmp_path):
    for path in (tmp_path / "missing", tmp_path / "empty", tmp_path / "file"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        (tmp_path / "file").write_text("{}")
        code, _, err = cli("eval", path)
        assert (code, "error[LT413]" in err) == (1, True)


class Trap:
    """Does harm when it is unpickled."""

    def __reduce__(self):
        return open, ("harm", "w")


def test_checkpoints_that_cannot_be_used(cli, copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    last, best = (copy / "checkpoints" / f"{name}.ckpt" for name in ("last", "best"))
    good = last.read_bytes()
    previous = copy / "checkpoints" / "previous.ckpt"
    previous.write_bytes(good)

    def fails(code, *arguments):
        status, out, err = cli("eval", copy, *arguments)
        assert (status, out) == (1, "")
        assert f"error[{code}]: " in err
        return err

    harmful = io.BytesIO()
    pickle.dump(Trap(), harmful)
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    for damage in (b"", b"garbage", harmful.getvalue(), good[: len(good) // 2], bytes(flipped)):
        last.write_bytes(damage)
        assert "--checkpoint" in fails("LT411")
        fails("LT411", "--checkpoint", str(last))
    assert not (tmp_path / "harm").exists()
    assert cli("eval", copy, "--checkpoint", previous)[0] == 0
    previous.unlink()
    assert "--checkpoint" not in fails("LT411")
    fails("LT411", "--checkpoint", "missing.ckpt")
    fails("LT411", "--checkpoint", str(tmp_path))
    last.unlink()
    assert "has not come to the end of an epoch" in fails("LT413")
    best.unlink()
    fails("LT413", "--checkpoint", "best")


def test_weights_of_another_model(cli, copy, tmp_path):
    import mindspore as ms
    from ltdsl_runtime.models import build_network
    from ltdsl_runtime.weights import checkpoints

    network = build_network("resnet8", {}, 7, 1)
    ms.save_checkpoint(network, str(tmp_path / "seven.ckpt"))
    code, _, err = cli("eval", copy, "--checkpoint", tmp_path / "seven.ckpt")
    assert (code, "error[LT412]" in err) == (1, True)

    # another run's, under the name of this one's
    last = copy / "checkpoints" / "last.ckpt"
    network = build_network("resnet8", {}, 10, 1)
    checkpoints.save(last, network.get_parameters(), epoch=1, plan_sha256="0" * 64)
    code, _, err = cli("eval", copy, "--checkpoint", "last")
    assert (code, "error[LT412]" in err, "another plan" in err) == (1, True, True)
    # by its path it is just weights
    assert cli("eval", copy, "--checkpoint", last)[0] == 0

    own = opened(copy).plan.digest()
    for epoch in (-1, 4, 10**12, "one", float("nan"), float("inf")):
        checkpoints.save(last, network.get_parameters(), epoch=epoch, plan_sha256=own)
        code, _, err = cli("eval", copy, "--checkpoint", "last")
        assert (code, "error[LT412]" in err) == (1, True)
