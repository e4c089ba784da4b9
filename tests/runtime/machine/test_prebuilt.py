"""The kernels of `ltdsl-kernels`: used where they are those of the sources at hand, else named and left aside."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import platform
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import prepare
from ltdsl_runtime.machine.native import library as module
from ltdsl_runtime.machine.native.sources import built_from
from ltdsl_runtime.machine.probe import probe
from support.kernels import draw_convolution
from support.processes import ROOT

from ltdsl import __version__
from ltdsl.doctor.diagnosis import diagnose
from ltdsl.doctor.facts import Machine

MACHINE = platform.machine()
NAME = module._instructions()[0]

LOCAL = module.in_use()


@pytest.fixture(scope="module")
def build_kernels():
    path = ROOT / "runtime" / "kernels_wheel" / "build_kernels.py"
    spec = importlib.util.spec_from_file_location("build_kernels", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    try:
        found.tool(MACHINE, "objcopy")
        found.tool(MACHINE, "gcc")
    except found.BuildError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="module")
def built(build_kernels, tmp_path_factory):
    """The library for this processor, as the wheel has it."""
    folder = tmp_path_factory.mktemp("built")
    build_kernels.compiled(MACHINE, NAME, folder / f"{NAME}.so")
    return folder / f"{NAME}.so"


@pytest.fixture
def installed(build_kernels, built, tmp_path, monkeypatch):
    """The package's folder, as pip would leave it; nothing is loaded."""
    folder = tmp_path / "site" / "ltdsl_kernels"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('nobody imports this')\n")
    copy = shutil.copy(built, folder)
    build_kernels.manifest(MACHINE, __version__, [folder / f"{NAME}.so"])
    assert copy == str(folder / f"{NAME}.so")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setattr(module, "_in_use", [])
    return folder


def changed(folder, **entries):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def exchanged(folder):
    path = folder / f"{NAME}.so"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # what is loaded stays as it is
    path.write_bytes(data)


def not_a_library(folder):
    (folder / f"{NAME}.so").write_text("none")
    changed(folder, sha256={NAME: hashlib.sha256(b"none").hexdigest()})


def moved(folder):
    shutil.move(folder.parent, folder.parents[1] / "a:b")
    sys.path.insert(0, str(folder.parents[1] / "a:b"))  # of which the fixture restores the whole


UNFIT = {
    "tampered": (exchanged, f"{NAME}.so of ltdsl-kernels {__version__} is not the file"),
    "stale": (
        lambda folder: changed(folder, built_from={NAME: "0" * 64}, version="0.0.9"),
        "ltdsl-kernels 0.0.9 was built from other sources than this ltdsl has",
    ),
    "of another machine": (
        lambda folder: changed(folder, machine="riscv64"),
        f"ltdsl-kernels {__version__} is for riscv64, and this machine is {MACHINE}",
    ),
    "without these instructions": (
        lambda folder: changed(folder, built_from={}),
        f"has no kernels for {NAME}",
    ),
    "without a digest": (lambda folder: changed(folder, sha256={}), "is not the file"),
    "without the file": (lambda folder: (folder / f"{NAME}.so").unlink(), "cannot be read: "),
    "without a manifest": (
        lambda folder: (folder / "manifest.json").unlink(),
        "ltdsl-kernels cannot be read: ",
    ),
    "no JSON": (
        lambda folder: (folder / "manifest.json").write_bytes(b"\xff{"),
        "manifest.json of ltdsl-kernels in ",
    ),
    "deep": (lambda folder: (folder / "manifest.json").write_text("[" * 10**5), "is damaged"),
    "hostile": (lambda folder: changed(folder, version="\x1b[2J"), "is damaged"),
    "no library": (not_a_library, "cannot be loaded: "),
    "behind a colon": (moved, "MindSpore opens no kernels in "),
}


def test_one_that_fits_is_used_without_a_compiler(installed, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CC", "no-such-compiler")
    found = module.in_use()
    assert found.path == installed / f"{NAME}.so"
    assert found.origin == f"ltdsl-kernels {__version__}"
    assert re.fullmatch(r"gcc \d+\.\d+\.\d+", found.compiler)
    chosen = prepare("cpu-native")
    assert (chosen.note, chosen.compiler) == ("", found.compiler)


@pytest.mark.parametrize(("spoil", "says"), UNFIT.values(), ids=UNFIT)
def test_one_that_does_not_fit_is_named_and_left_aside(installed, spoil, says):
    spoil(installed)
    found = module.in_use()
    assert (found.path, found.origin) == (LOCAL.path, "compiled here")
    assert says in found.aside
    assert "\n" not in found.aside
    assert prepare("cpu").note == f"note: {found.aside}; they are compiled here instead"


def test_without_a_compiler_either_both_are_told(installed, monkeypatch):
    exchanged(installed)
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(RunError, match=r"no `no-such-compiler`; .*is not the file") as caught:
        module.in_use()
    assert caught.value.code == "LT428"


def test_the_doctor_says_where_they_are_from(installed):
    def told():
        module._in_use.clear()
        return {each.about: each for each in diagnose(Machine(probe=probe()))}

    assert f"{module.name()}, ltdsl-kernels {__version__} by gcc " in told()["CPU"].said
    exchanged(installed)
    found = told()
    assert f"{module.name()}, compiled here by {LOCAL.compiler}" in found["CPU"].said
    assert found["kernels"].state == "told"
    assert "is not the file" in found["kernels"].said
    assert "pip uninstall ltdsl-kernels" in found["kernels"].hint


def test_sources_and_options_are_what_they_are_built_from(tmp_path):
    copy = tmp_path / "kernels"
    shutil.copytree(module.SOURCES, copy)
    names = ("avx512", "avx2")
    whole = [built_from("x86_64", name, copy) for name in names]
    assert whole == [built_from("x86_64", name) for name in names]
    assert len({*whole, built_from("aarch64", "neon")}) == 3
    (copy / "notes.txt").write_text("no source")
    assert built_from("x86_64", "avx2", copy) == whole[1]
    (copy / "new.h").write_text("")
    assert built_from("x86_64", "avx2", copy) != whole[1]


def test_old_systems_have_what_it_needs(build_kernels, built):
    said = subprocess.run(["objdump", "-T", built], capture_output=True, text=True, check=True)
    versions = re.findall(r"GLIBC_([\d.]+)", said.stdout)
    assert versions
    assert max(map(build_kernels.number, versions)) <= (2, 28)
    assert "pthread_create" in said.stdout


def call(path, name, *arrays):
    pointers = (ctypes.c_void_p * len(arrays))(*[each.ctypes.data for each in arrays])
    kept = [(ctypes.c_int64 * max(each.ndim, 1))(*each.shape) for each in arrays]
    shapes = (ctypes.c_void_p * len(arrays))(*[ctypes.addressof(each) for each in kept])
    operator = getattr(ctypes.CDLL(str(path)), name)
    assert operator(len(arrays), pointers, None, shapes, None, None, None) == 0


@pytest.mark.parametrize("shape", [(32, 49, 50, 7, 8, 3, 1), (3, 3, 5, 7, 9, 3, 2)])
def test_the_same_compiler_gives_the_same_bits(built, shape, monkeypatch):
    """Winograd's method and direct sums, and what the C library computes: exponentials and logarithms."""
    if module._load(built) != LOCAL.compiler:
        pytest.skip("cc is another compiler")
    x, w, g = draw_convolution(*shape)
    by_half = np.zeros(1, np.float32)
    logits = np.concatenate([x.reshape(-1, 7), 1000 * x.reshape(-1, 7)])
    labels = np.zeros(len(logits), np.int32)

    def computed(path):
        y, dx, dw = (np.empty_like(each) for each in (g, x, w))
        loss, shares = np.empty(len(logits), np.float32), np.empty_like(logits)
        call(path, "ltdsl_convolve", x, w, by_half, y)
        call(path, "ltdsl_images_gradient", g, w, x, by_half, dx)
        call(path, "ltdsl_weights_gradient", g, x, w, by_half, dw)
        call(path, "ltdsl_cross_entropy", logits, labels, loss, shares)
        return [each.tobytes() for each in (y, dx, dw, loss, shares)]

    assert computed(built) == computed(LOCAL.path)
