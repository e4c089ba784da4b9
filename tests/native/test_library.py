"""How the kernels are compiled, kept and found again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.native import library as module
from support import environment

#: Uses two threads, then does so again in a child.
FORKS = """
import ctypes, os, sys
import numpy as np

loaded = ctypes.CDLL(sys.argv[1])
loaded.ltdsl_set_threads(2)
x = np.ones((4, 2, 5, 5), np.float32)
of = [np.ones(2, np.float32) for _ in range(4)]
y = np.zeros_like(x)
arrays = [x, *of, np.float32([0]), y]
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


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ltdsl"


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


def refused():
    with pytest.raises(RunError) as caught:
        module.library.__wrapped__()
    assert caught.value.code == "LT428"
    assert "--device cpu" in caught.value.hint
    return caught.value


def test_it_is_compiled_once(cache, compiled):
    assert module._built() == module._built()
    assert len([line for line in compiled if "-o" in line]) == 1
    assert [path.suffix for path in cache.iterdir()] == [".so"]


@pytest.mark.parametrize("links", [True, False])
def test_of_two_processes_that_compile_at_once_one_is_kept(links, cache, compiled, monkeypatch):
    """Whoever loaded the first by its name must find that one again."""
    first, before = [], module._run

    def slow(command):
        if "-o" in command:
            monkeypatch.setattr(module, "_run", before)
            first.append(module._built().read_text())
        return before(command)

    def none(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module, "_run", slow)
    if not links:  # whoever is last, it is whole
        monkeypatch.setattr(os, "link", none)
    assert (module._built().read_text() == first[0]) == links
    assert len(list(cache.iterdir())) == 1


def test_the_compiler_may_have_arguments(compiled, monkeypatch):
    monkeypatch.setenv("CC", "env -i  cc")
    plain = module._built()
    assert all(line[0].endswith("/env") and line[1:3] == ["-i", "cc"] for line in compiled)
    monkeypatch.setenv("CC", "env cc")
    assert module._built() != plain
    monkeypatch.setenv("CC", " ")
    assert "C compiler" in refused().message


def test_folders_of_no_use(tmp_path, compiled, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a:b"))
    assert "colon" in refused().message

    monkeypatch.setenv("XDG_CACHE_HOME", f"/{'x' * 300}")  # as one that may not be looked into
    assert "too long" in refused().message

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nobody)
    assert "no home" in refused().message


def test_a_path_that_is_relative_is_that_of_now(tmp_path, compiled, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", ".")
    assert module._built().is_absolute()


def test_a_damaged_library_is_named(cache, compiled):
    error = refused()
    assert "cannot be loaded" in error.message
    assert f"remove {next(cache.iterdir())}" in error.hint


def test_systems_whose_mindspore_has_no_such_operators(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert "Linux" in refused().message


def test_a_forked_process_has_threads_of_its_own():
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS, module.library()], env=environment(), start_new_session=True
    )
    try:
        assert process.wait(timeout=30) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
