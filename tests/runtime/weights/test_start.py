"""Where training starts: checkpoints of runs, of published models, and of other classes."""

import json

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import build_network
from ltdsl_runtime.weights import checkpoints, start
from ltdsl_runtime.weights.classes import FACT, as_fact, names_in, related
from ltdsl_runtime.weights.restore import restored_network
from ltdsl_runtime.weights.start import started_from
from mindspore import nn
from support.training import assert_same, conv_network, plan, weights

START = 'init = "i.ckpt"; model = resnet8; '


def saved(path, network):
    checkpoints.save(path, network.get_parameters(), epoch=1)
    return weights(network)


def drawn(classes, seed=0):
    return build_network("resnet8", {}, classes, 2, seed)


def test_a_checkpoint_of_the_same_classes_is_taken_whole(tmp_path):
    expected = saved(tmp_path / "i.ckpt", drawn(4, seed=3))
    network, whole, _ = started_from(plan(START + "a: cam_bs"), 4, 2, tmp_path / "i.ckpt")
    assert whole
    assert_same(weights(network), expected)


def test_other_classes_leave_the_classifier_as_it_was_drawn(tmp_path):
    expected = saved(tmp_path / "i.ckpt", drawn(7, seed=3))
    network, whole, _ = started_from(plan(START + "seed = 5; a: crt"), 4, 2, tmp_path / "i.ckpt")
    assert not whole
    fresh = weights(drawn(4, seed=5))
    for name, value in weights(network).items():
        own = name.startswith("classifier.")
        np.testing.assert_array_equal(value, fresh[name] if own else expected[name], name)


def test_another_kind_of_classifier_starts_anew(tmp_path):
    saved(tmp_path / "i.ckpt", drawn(4, seed=3))
    network, whole, _ = started_from(plan(START + "a: ldam"), 4, 2, tmp_path / "i.ckpt")
    assert not whole
    assert network.classifier.weight.name == "classifier.cosine_weight"


@pytest.mark.parametrize("trick", ["cam_bs", "lws"])
def test_tricks_that_need_a_trained_classifier_refuse_a_new_one(tmp_path, trick):
    saved(tmp_path / "i.ckpt", drawn(7))
    with pytest.raises(RunError, match=f"`{trick}` in the first stage") as caught:
        started_from(plan(START + f"a: {trick}"), 4, 2, tmp_path / "i.ckpt")
    assert caught.value.code == "LT412"


@pytest.mark.parametrize("classes", [4, 7])
def test_names_of_a_published_model(tmp_path, monkeypatch, classes):
    """One name may stand for the same parameter here and there, as the classifier's does in some models."""

    def published(names, seed):
        network = conv_network(seed)
        body = [p.name for p in network.body.get_parameters()]
        network.plain_names = {name: f"features.{i}" for i, name in enumerate(body)}
        network.plain_names |= {p.name: p.name for p in network.classifier.get_parameters()}
        if names:
            for parameter in network.get_parameters():
                parameter.name = network.plain_names[parameter.name]
        return network

    monkeypatch.setattr(start, "planned_network", lambda *_: published(False, seed=1))
    there = published(True, seed=2)
    if classes != 4:
        there.classifier = nn.Dense(5, classes)
    saved(tmp_path / "i.ckpt", there)
    network, whole, _ = started_from(plan(START + "a: ce"), 4, 2, tmp_path / "i.ckpt")
    assert whole == (classes == 4)
    expected = weights(published(False, seed=2))
    if not whole:
        expected |= weights(published(False, seed=1).classifier)
    assert_same(weights(network), expected)


NAMES = ("cat", "dog", "cow", "bee")


def named(path, network, names):
    checkpoints.save(path, network.get_parameters(), epoch=1, **{FACT: as_fact(names)})
    return weights(network)


def test_rows_of_the_same_classes_are_matched_by_name(tmp_path):
    expected = named(tmp_path / "i.ckpt", drawn(4, seed=3), NAMES)
    there = ("bee", "cat", "dog", "cow")
    network, whole, said = started_from(plan(START + "a: cam_bs"), 4, 2, tmp_path / "i.ckpt", there)
    assert whole
    assert "matched by name" in said
    for name, value in weights(network).items():
        rows = [NAMES.index(each) for each in there] if name.startswith("classifier.") else ...
        np.testing.assert_array_equal(value, expected[name][rows], name)
    same = started_from(plan(START + "a: ce"), 4, 2, tmp_path / "i.ckpt", NAMES)
    assert same.said is None
    assert_same(weights(same.network), expected)


def test_as_many_other_classes_leave_the_classifier_as_it_was_drawn(tmp_path):
    named(tmp_path / "i.ckpt", drawn(4, seed=3), NAMES)
    other = ("cat", "dog", "cow", "ant")
    network, whole, said = started_from(
        plan(START + "seed = 5; a: ce"), 4, 2, tmp_path / "i.ckpt", other
    )
    assert not whole
    assert "starts anew" in said
    np.testing.assert_array_equal(
        weights(network)["classifier.weight"], weights(drawn(4, seed=5))["classifier.weight"]
    )
    with pytest.raises(RunError, match="needs one that is trained"):
        started_from(plan(START + "a: cam_bs"), 4, 2, tmp_path / "i.ckpt", other)


def test_where_nobody_knows_the_classes(tmp_path):
    saved(tmp_path / "i.ckpt", drawn(4, seed=3))
    start = started_from(plan(START + "a: ce"), 4, 2, tmp_path / "i.ckpt", NAMES)
    assert start.whole
    assert start.said.startswith("warning[LT407]: nothing says which classes")
    for text in ("{", "3", '["a", 3]', "[" * 100_000):
        checkpoints.save(tmp_path / "i.ckpt", drawn(4).get_parameters(), **{FACT: text})
        assert started_from(plan(START + "a: ce"), 4, 2, tmp_path / "i.ckpt", NAMES).whole


def test_a_teacher_knows_the_classes_by_name(tmp_path):
    recipe = plan("model = resnet8; a: ce")
    expected = named(tmp_path / "t.ckpt", drawn(4, seed=3), NAMES)
    content = checkpoints.load(tmp_path / "t.ckpt")
    turned = restored_network(recipe, 4, 2, content, tmp_path / "t.ckpt", NAMES[::-1])
    np.testing.assert_array_equal(
        weights(turned)["classifier.weight"], expected["classifier.weight"][::-1]
    )
    with pytest.raises(RunError, match="knows `bee`, which the data do not have") as caught:
        restored_network(recipe, 4, 2, content, tmp_path / "t.ckpt", ("cat", "dog", "cow", "ant"))
    assert caught.value.code == "LT414"


def test_names_that_the_run_of_a_checkpoint_knows(tmp_path):
    path = tmp_path / "run" / "checkpoints" / "last.ckpt"
    path.parent.mkdir(parents=True)
    data = {"classes": NAMES, "train_counts": [1] * 4, "mean": [0.5], "std": [0.5]}
    data["view"] = {"channels": 1, "height": 8, "width": 8, "ratio": 1}
    facts = {"format": 0, "status": "finished", "plan_sha256": "a" * 64, "data": data}
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    for digest, expected in (("a" * 64, NAMES), ("b" * 64, None)):
        checkpoints.save(path, drawn(4).get_parameters(), plan_sha256=digest)
        assert names_in(checkpoints.load(path), path) == expected
    assert related(NAMES, ("0", "1", "2", "3")).kind == "unknown"
    assert related(NAMES, NAMES[:3]).kind == "other"


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_weights_of_pytorch_are_told_apart(tmp_path, ending):
    (tmp_path / f"i.{ending}").write_bytes(b"PK\x03\x04" + bytes(64))
    with pytest.raises(RunError) as caught:
        started_from(plan(START + "a: ce"), 4, 2, tmp_path / f"i.{ending}")
    assert "PyTorch" in caught.value.hint
