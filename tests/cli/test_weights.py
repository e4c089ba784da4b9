"""`ltdsl weights`, and recipes that start from published weights."""

from __future__ import annotations

import json

from ltdsl_runtime.models import build_network
from ltdsl_runtime.weights.foreign.naming import namings
from ltdsl_runtime.weights.foreign.reading import read_foreign
from support.torch_files import write_zip
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

APP = make_app(["weights"])


def call(*arguments):
    return CliRunner().invoke(APP, ["weights", *map(str, arguments)])


def published(path, classes=3):
    """A file as akamaster's repository has them."""
    network = build_network("resnet8", {}, classes, 3, seed=1)
    names = namings(network, "resnet8")[0].names
    arrays = {f"module.{names[p.name]}": p.asnumpy() for p in network.get_parameters()}
    write_zip(path, {"state_dict": arrays, "best_prec1": 92.6})
    return arrays


def test_inspect_lists_tensors(tmp_path):
    path = tmp_path / "w.th"
    arrays = published(path)
    shown = call("inspect", path)
    assert shown.exit_code == 0, shown.output
    assert f"{len(arrays)} tensors" in shown.output.splitlines()[0]
    assert "module.linear.weight" in shown.output
    assert "3 × 64" in shown.output
    facts = json.loads(call("inspect", path, "--format", "json").stdout)
    assert {each["name"] for each in facts["tensors"]} == set(arrays)


def test_convert_makes_a_checkpoint_and_says_what_became_of_the_tensors(tmp_path):
    path, out = tmp_path / "w.th", tmp_path / "w.ckpt"
    arrays = published(path)
    done = call("convert", path, "--model", "resnet8", "-o", out)
    assert done.exit_code == 0, done.output
    assert "35 of 35 tensors" in done.output
    assert "taken over, 3 classes" in done.output
    again = call("convert", path, "--model", "resnet8", "-o", out)
    assert again.exit_code == 1
    assert "LT432" in again.output
    facts = json.loads(call("inspect", out, "--format", "json").stdout)
    assert facts["form"] == "MindSpore"
    assert facts["numbers"] == sum(value.size for value in arrays.values())
    assert read_foreign(out) is None


def test_wrong_use_and_wrong_files_end_in_a_sentence(tmp_path):
    path = tmp_path / "w.th"
    published(path)
    unknown = call("convert", path, "--model", "reset8", "-o", tmp_path / "w.ckpt")
    assert unknown.exit_code == 2
    assert "did you mean" in unknown.output
    other = call("convert", path, "--model", "resnet20", "-o", tmp_path / "w.ckpt")
    assert other.exit_code == 1
    assert "LT412" in other.output
    assert call("convert", path, "--model", "resnet8", "-o", tmp_path / "w.pth").exit_code == 2
    assert "LT411" in call("inspect", tmp_path / "none.pth").output
    assert not list(tmp_path.glob("*.ckpt"))


def test_pretrained_is_a_name_and_a_file_is_text():
    def init(written):
        return compile_recipe(Source("r.lt", f"init = {written}\nstage1: ce"))

    assert init("pretrained").plan.init_file is None
    assert not init("pretrained").failed
    assert init('"w.pth"').plan.init_file == "w.pth"
    wrong = init("pretraned")
    assert wrong.failed
    assert "text in quotes or `pretrained`" in wrong.diagnostics[0].message
    assert wrong.diagnostics[0].help == "write `pretrained`"
    assert init("weights").diagnostics[0].help == 'write `"weights"`'


def test_what_no_package_brings_is_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "r.lt"
    path.write_text("model = resnet32; init = pretrained; stage1: ce")
    done = CliRunner().invoke(make_app(["check"]), ["check", str(path), "--data", str(tmp_path)])
    assert done.exit_code == 1
    assert "LT411" in done.output
    assert "resnet32-d509ac18.th" in done.output
