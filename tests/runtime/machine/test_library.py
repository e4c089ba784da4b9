"""How the kernels are compiled, kept and found again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.native import library as module
from support.processes import environment

from ltdsl.cache.store import _temporary

#: What AVX-512 is taken to be.
WIDE = ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"]

#: Uses two threads, then does so again in a child.
FORKS = """
import ctypes, os, sys
import numpy as np

loaded = ctypes.CDLL(sys.argv[1])
loaded.ltdsl_set_threads(2)
x = np.ones((4, 2, 5, 5), np.float32)
of = [np.ones(2, np.float32) for _ in range(4)]
y = np.zeros_like(x)
arrays = [x, *of, np.float32([0, 0, 0]), y]
pointers = (ctypes.c_void_p * 7)(*[each.ctypes.data for each in arrays])
kept = [(ctypes.c_int64 * each.ndim)(*each.shape) for each in arrays]
shapes = (ctypes.c_void_p * 7)(*[ctypes.addressof(each) for each in kept])

def compute():
    y[:] = 5
    assert loaded.ltdsl_kept_norm(7, pointers, None, shapes, None, None, None) == 0
    assert (y == 1).all()

compute()
child = os.fork()
compute()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(autouse=True)
def not_loaded(monkeypatch):
    monkeypatch.setattr(module, "_in_use", [])
    monkeypatch.setattr(module, "prebuilt", lambda _: None)  # whatever is installed


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "native-kernels"


@pytest.fixture
def compiled(cache, monkeypatch):
    """Command lines, of which none is run: what is compiled is text."""
    lines = []

    def run(command):
        lines.append(command)
        if "-o" in command:
            Path(command[command.index("-o") + 1]).write_text(f"compiled {len(lines)}")
        return "version"

    monkeypatch.setattr(module, "_run", run)
    return lines


def refused(hint="--device cpu"):
    with pytest.raises(RunError) as caught:
        module.library()
    assert caught.value.code == "LT428"
    assert hint in caught.value.hint
    return caught.value


def kept(cache):
    return [path for path in cache.iterdir() if len(path.name) == 64]


def test_it_is_compiled_once(cache, compiled):
    assert module._compiled().folder == module._compiled().folder
    assert len([line for line in compiled if "-o" in line]) == 1
    assert len(kept(cache)) == 1


def test_the_compiler_may_have_arguments(compiled, monkeypatch):
    monkeypatch.setenv("CC", "env -i  cc")
    plain = module._compiled()
    assert all(line[0].endswith("/env") and line[1:3] == ["-i", "cc"] for line in compiled)
    monkeypatch.setenv("CC", "env cc")
    assert module._compiled().folder != plain.folder
    monkeypatch.setenv("CC", " ")
    assert "C compiler" in refused().message


def test_other_sources_are_other_kernels(cache, compiled, monkeypatch, tmp_path):
    module._compiled()
    copy = tmp_path / "kernels"
    shutil.copytree(module.SOURCES, copy)
    monkeypatch.setattr(module, "SOURCES", copy)
    module._compiled()
    assert len(kept(cache)) == 1
    next(copy.glob("*.h")).write_text("")
    module._compiled()
    assert len(kept(cache)) == 2


def test_a_folder_with_a_colon_is_refused(tmp_path, compiled, monkeypatch):
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "a:b"))
    assert "colon" in refused().message


def test_without_a_folder_they_are_compiled_for_now(tmp_path, compiled, monkeypatch, capsys):
    monkeypatch.setenv("LTDSL_CACHE", f"/{'x' * 300}")
    folder = module._compiled().folder
    assert folder.is_dir()
    assert "too long; a temporary folder takes its place" in capsys.readouterr().err


def test_where_nothing_can_be_written_it_is_said(tmp_path, compiled, monkeypatch):
    def none(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("LTDSL_CACHE", f"/{'x' * 300}")
    monkeypatch.setattr("ltdsl.cache.store.tempfile.mkdtemp", none)
    _temporary.cache_clear()
    assert "no temporary folder either: No space left" in refused().message


def test_a_library_that_cannot_be_loaded_is_named(cache, compiled):
    error = refused()
    assert "cannot be loaded" in error.message
    assert "ltdsl cache clear native-kernels" in error.hint


def test_a_damaged_library_is_compiled_anew(cache, compiled):
    path = module._compiled().folder / module.NAME
    path.write_text("damaged 1!")
    assert module._compiled().folder == path.parent
    assert path.read_text() == "compiled 4"  # two lines before, and the version


def test_systems_whose_mindspore_has_no_such_operators(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert "Linux" in refused().message


@pytest.mark.parametrize(
    ("machine", "flags", "says"),
    [
        ("x86_64", "fpu avx2 sse", "need a processor with avx2 and fma"),
        ("aarch64", "fp", "need a processor with asimd"),
        ("riscv64", "", "no native kernels for processors of the kind riscv64"),
    ],
)
def test_processors_are_looked_at_before(compiled, monkeypatch, machine, flags, says):
    monkeypatch.setattr(module.platform, "machine", lambda: machine)
    monkeypatch.setattr(module, "_processor_flags", flags.split)
    assert says in refused().message
    assert compiled == []


def test_what_is_compiled_is_for_the_processor(cache, compiled, monkeypatch):
    for machine, flags, name, taken in (
        ("x86_64", ["avx2", "fma", "avx512f"], "native-avx2", ["-mavx2", "-mfma"]),
        ("x86_64", WIDE, "native-avx512", [f"-m{flag}" for flag in WIDE]),
        ("aarch64", ["fp", "asimd"], "native-neon", []),
    ):
        monkeypatch.setattr(module.platform, "machine", lambda m=machine: m)
        monkeypatch.setattr(module, "_processor_flags", lambda f=flags: f)
        assert module.name() == name
        module._compiled()
        line = next(each for each in reversed(compiled) if "-o" in each)
        assert [each for each in line if each.startswith("-m")] == taken


def test_the_method_is_a_choice(compiled, monkeypatch):
    monkeypatch.setenv("LTDSL_KERNELS", "direct")
    assert module.name().endswith("-direct")
    monkeypatch.setenv("LTDSL_KERNELS", "fast")
    assert "LTDSL_KERNELS is `fast`" in refused("leaves out").message
    assert compiled == []


def test_they_are_loaded_again_where_their_folder_is_gone(cache):
    path = module.library()
    assert module.library() == path
    shutil.rmtree(cache)
    assert module.library().is_file()


def test_a_forked_process_has_threads_of_its_own():
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS, module.library()], env=environment(), start_new_session=True
    )
    try:
        assert process.wait(timeout=30) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
