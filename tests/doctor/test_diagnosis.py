"""What `ltdsl doctor` says of twenty machines, and of this one."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
from support.processes import ROOT, SOURCES, command, environment

from ltdsl.doctor import facts
from ltdsl.doctor.diagnosis import CUDA, diagnose
from ltdsl.doctor.facts import Machine
from ltdsl.system.packages import EXTRAS

NOTHING = dict.fromkeys((*CUDA, "libcuda.so.1", "libascend_hal.so", "libge_runner.so"), "missing")
NVIDIA = dict.fromkeys(("libcuda.so.1", *CUDA), "found")


def probe(devices=(), native=None, **libraries):
    return {
        "mindspore": "2.10.0",
        "devices": {name: name in devices for name in ("Ascend", "GPU")},
        "libraries": NOTHING | libraries,
        "native": native
        or {"kernels": "native-avx2", "origin": "compiled here", "compiler": "gcc 12.2.0"},
    }


#: A machine on which all is well.
WELL = Machine(
    ltdsl="0.2.0",
    memory=16 * 10**9,
    extras={name: [] for name in EXTRAS},
    probe=probe(),
    folder="/work",
    free=10**11,
    cache="/cache",
    cache_free=10**11,
)


def without(**missing):
    return {**WELL.extras, **missing}


#: Machines, and what is said of one thing about each: its state, a part of what is said, a part of what to do.
MACHINES = {
    "all is well": (WELL, "MindSpore", "fine", "2.10.0 finds CPU; --device auto takes CPU", ""),
    "a GPU": (
        replace(WELL, probe=probe(["GPU"], **NVIDIA)),
        "MindSpore",
        "fine",
        "auto takes GPU",
        "",
    ),
    "an Ascend and a GPU": (
        replace(WELL, probe=probe(["Ascend", "GPU"])),
        "MindSpore",
        "fine",
        "finds Ascend, GPU, CPU; --device auto takes Ascend",
        "",
    ),
    "no GPU at all": (
        WELL,
        "GPU",
        "told",
        "NVIDIA's driver (libcuda.so.1) is not there",
        "install its driver",
    ),
    "a driver without CUDA": (
        replace(WELL, probe=probe(**{"libcuda.so.1": "found"})),
        "GPU",
        "wrong",
        "libcudnn.so.8",
        "nvidia-cudnn-cu11",
    ),
    "one library is missing": (
        replace(WELL, probe=probe(**NVIDIA | {"libcufft.so.10": "missing"})),
        "GPU",
        "wrong",
        "are not: libcufft.so.10",
        "pip install nvidia-cufft-cu11",
    ),
    "libraries where nobody looks": (
        replace(WELL, probe=probe(**NVIDIA | {"libcudnn.so.8": "/site/nvidia/cudnn/lib"})),
        "GPU",
        "wrong",
        "not looked for: libcudnn.so.8",
        "export LD_LIBRARY_PATH=/site/nvidia/cudnn/lib",
    ),
    "a GPU that is too new": (
        replace(WELL, probe=probe(**NVIDIA)),
        "GPU",
        "wrong",
        "still finds no GPU",
        "6.0 to 8.6",
    ),
    "a Mac": (
        replace(WELL, system="Darwin", machine="arm64"),
        "GPU",
        "told",
        "not for Darwin on arm64",
        "",
    ),
    "an Arm server": (
        replace(WELL, machine="aarch64"),
        "GPU",
        "told",
        "not for Linux on aarch64",
        "",
    ),
    "an Ascend without CANN": (
        replace(WELL, probe=probe(libascend_hal="", **{"libascend_hal.so": "found"})),
        "Ascend",
        "wrong",
        "libge_runner.so",
        "source its set_env.sh",
    ),
    "an Ascend that does not answer": (
        replace(WELL, probe=probe(**{"libascend_hal.so": "found", "libge_runner.so": "found"})),
        "Ascend",
        "wrong",
        "still finds no Ascend",
        "npu-smi",
    ),
    "no compiler": (
        replace(
            WELL,
            probe=probe(native={"kernels": None, "error": "no C++ compiler is found", "hint": ""}),
        ),
        "CPU",
        "wrong",
        "slower: no C++ compiler is found",
        "GCC or Clang",
    ),
    "the language half alone": (
        replace(WELL, extras=without(train=["mindspore", "numpy"]), probe=None),
        "training",
        "wrong",
        "missing: mindspore, numpy",
        'pip install "ltdsl[train]"',
    ),
    "a Python without MindSpore": (
        replace(WELL, python=(3, 13, 1), extras=without(train=["mindspore"]), probe=None),
        "Python",
        "wrong",
        "Python 3.10 to 3.12",
        "python3.12 -m venv",
    ),
    "MindSpore that does not start": (
        replace(WELL, probe=None, trouble="exit code -11: it printed nothing"),
        "MindSpore",
        "wrong",
        "exit code -11",
        "reinstall",
    ),
    "extras are missing": (
        replace(WELL, extras=without(onnx=["onnx"], lsp=["pygls"])),
        "extras",
        "told",
        "not installed: lsp, onnx",
        'pip install "ltdsl[lsp,onnx]"',
    ),
    "little memory": (
        replace(WELL, memory=10**9),
        "memory",
        "wrong",
        "1.0 GB are too little",
        "batch_size",
    ),
    "a full disk": (replace(WELL, free=10**8), "folder", "wrong", "0.1 GB free", "free space"),
    "a folder of somebody else": (
        replace(WELL, writable=False),
        "folder",
        "wrong",
        "/work cannot be written to",
        "--out",
    ),
    "a folder that is gone": (
        replace(WELL, folder="", free=None),
        "folder",
        "wrong",
        "is gone",
        "change into another",
    ),
    "nobody's home": (
        replace(WELL, cache="", cache_free=None, cache_trouble="this user has no home folder"),
        "cache",
        "told",
        "no home folder: nothing is kept",
        "LTDSL_CACHE",
    ),
    "a full cache": (
        replace(WELL, cache_free=10**8),
        "cache",
        "wrong",
        "0.1 GB free",
        "ltdsl cache prune",
    ),
    "plug-ins": (replace(WELL, plugins=("ltdsl-x",)), "plug-ins", "fine", "enabled: ltdsl-x", ""),
    "a broken plug-in": (
        replace(WELL, broken=("`x` of the plug-in y cannot be loaded",)),
        "plug-ins",
        "wrong",
        "cannot be loaded",
        "ltdsl plugins list",
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_found_is_said_with_what_to_do(name):
    machine, about, state, said, hint = MACHINES[name]
    found = [each for each in diagnose(machine) if each.about == about]
    assert len(found) == 1
    assert found[0].state == state
    assert said in found[0].said
    assert hint in found[0].hint
    assert all(each.hint for each in diagnose(machine) if each.state == "wrong")


def test_nothing_is_wrong_where_all_is_well():
    assert {each.state for each in diagnose(WELL)} == {"fine", "told"}


@pytest.mark.parametrize(
    ("printed", "code", "why"),
    [("", 1, "exit code 1: boom"), ("[1]\n", 0, "boom"), ("not json\n", 0, "boom")],
)
def test_a_probe_that_fails_is_told(monkeypatch, printed, code, why):
    done = subprocess.CompletedProcess([], code, printed, "a\nboom\n")
    monkeypatch.setattr(facts.subprocess, "run", lambda *_, **__: done)
    found, trouble = facts._probed()
    assert found is None
    assert why in trouble


def test_this_machine(tmp_path):
    done = subprocess.run(
        command("doctor", "--format", "json"),
        cwd=tmp_path,
        env={**environment(), "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    assert told["facts"]["probe"]["mindspore"].startswith("2.")
    wrong = [each for each in told["findings"] if each["state"] == "wrong"]
    assert done.returncode == (1 if wrong else 0)
    assert str(ROOT) not in {each["about"] for each in wrong}
