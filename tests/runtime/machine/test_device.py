"""Which kernels a device's name stands for, and what takes their place."""

from __future__ import annotations

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine import device as module
from ltdsl_runtime.machine.device import Device, as_begun, prepare
from ltdsl_runtime.machine.native import library

from ltdsl.runs.facts import Leg


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setattr(module, "_native", module.native())


@pytest.fixture
def missing(monkeypatch):
    def refuse():
        raise RunError("LT428", "the native kernels need a C compiler, and there is no `cc`")

    monkeypatch.setattr(library, "in_use", refuse)


@pytest.mark.parametrize("name", ["auto", "cpu", "cpu-native"])
def test_a_cpu_takes_the_native_kernels(name):
    assert prepare(name) == Device("cpu", library.name(), compiler=library.in_use().compiler)
    assert module.native()


def test_unless_they_are_not_wanted():
    assert prepare("cpu-plain") == Device("cpu", "mindspore")
    assert not module.native()
    assert prepare("cpu", portable=True) == Device("cpu", "mindspore")
    assert not module.native()


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_without_them_mindspores_take_their_place_and_it_is_said(name, missing):
    chosen = prepare(name)
    assert chosen.facts() == {"device": "cpu", "kernels": "mindspore", "compiler": None}
    assert chosen.note == (
        "note: the native kernels need a C compiler, and there is no `cc`; MindSpore's own, which are slower, take "
        "their place"
    )
    assert not module.native()


def test_other_formats_are_mindspores():
    chosen = prepare("cpu", "fp16")
    assert chosen.kernels == "mindspore"
    assert "do not compute in fp16" in chosen.note


def test_who_asks_for_them_alone_is_refused(missing):
    with pytest.raises(RunError, match="no `cc`"):
        prepare("cpu-native")
    with pytest.raises(RunError, match="do not compute in fp16"):
        prepare("cpu-native", "fp16")


@pytest.mark.parametrize(
    ("device", "kernels", "then"),
    [
        ("cpu", "mindspore", "cpu-plain"),
        ("cpu", "native-avx2", "cpu"),
        ("gpu", None, "auto"),
        (None, None, "auto"),
    ],
)
def test_a_run_goes_on_with_its_kernels(device, kernels, then):
    before = Leg(0, {}, device, kernels)
    assert as_begun("auto", before) == then
    assert as_begun("cpu-plain", before) == "cpu-plain"
