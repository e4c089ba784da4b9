"""From facts to findings, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from ltdsl.doctor.facts import TOLD, Machine
from ltdsl.system.packages import NEWEST

State = Literal["fine", "told", "wrong"]

#: Bytes below which a run is likely to fail: checkpoints of a large network, and what MindSpore takes.
_LEAST_DISK, _LEAST_MEMORY = 2 * 10**9, 3 * 10**9

#: What brings a library of CUDA 11 that MindSpore's GPU part needs.
CUDA = {
    "libcudart.so.11.0": "nvidia-cuda-runtime-cu11",
    "libcublas.so.11": "nvidia-cublas-cu11",
    "libcudnn.so.8": "nvidia-cudnn-cu11",
    "libcufft.so.10": "nvidia-cufft-cu11",
    "libcurand.so.10": "nvidia-curand-cu11",
    "libcusolver.so.11": "nvidia-cusolver-cu11",
    "libcusparse.so.11": "nvidia-cusparse-cu11",
    "libnvrtc.so.11.2": "nvidia-cuda-nvrtc-cu11",
}


class Finding(NamedTuple):
    """One thing about a machine.

    Attributes:
        about: In a word or two.
        state: Whether all is well, something is worth knowing, or something is in the way.
        said: What was found.
        hint: What to do; empty where there is nothing to do.
    """

    about: str
    state: State
    said: str
    hint: str = ""


def diagnose(machine: Machine) -> list[Finding]:
    """Everything worth telling about a machine, what it stands on first."""
    return [
        *_python(machine),
        *_extras(machine),
        *_devices(machine),
        *_kernels(machine),
        *_memory(machine),
        *_disk(machine),
        *_plugins(machine),
    ]


def _python(machine: Machine) -> Iterator[Finding]:
    version = ".".join(map(str, machine.python))
    said = f"{version}, {machine.system} {machine.machine}, ltdsl {machine.ltdsl}"
    if machine.python[:2] > NEWEST:
        newest = ".".join(map(str, NEWEST))
        hint = f"python{newest} -m venv .venv, and install ltdsl there"
        said += f"; MindSpore is there for Python 3.10 to {newest}, so nothing can be trained"
        yield Finding("Python", "wrong", said, hint)
    else:
        yield Finding("Python", "fine", said)


def _extras(machine: Machine) -> Iterator[Finding]:
    missing = {name: machine.extras.get(name, []) for name in TOLD}
    if missing["train"]:
        said = (
            f"missing: {', '.join(missing['train'])}; recipes can be checked, and nothing trained"
        )
        yield Finding("training", "wrong", said, 'pip install "ltdsl[train]"')
    else:
        yield Finding("training", "fine", "its packages are there")
    others = [name for name, lacks in missing.items() if lacks and name != "train"]
    if others:
        line = f'pip install "ltdsl[{",".join(others)}]" for all of them'
        yield Finding("extras", "told", f"not installed: {', '.join(others)}", line)


def _devices(machine: Machine) -> Iterator[Finding]:
    if machine.extras.get("train"):
        return
    if machine.probe is None:
        said = f"MindSpore cannot be imported: {machine.trouble}"
        hint = "reinstall it: pip install --force-reinstall --no-deps mindspore"
        yield Finding("MindSpore", "wrong", said, hint)
        return
    probe = machine.probe
    found = [name for name in ("Ascend", "GPU") if probe.get("devices", {}).get(name)]
    said = f"{probe.get('mindspore', '?')} finds {', '.join([*found, 'CPU'])}"
    yield Finding("MindSpore", "fine", f"{said}; --device auto takes {(found or ['CPU'])[0]}")
    if "GPU" not in found:
        yield _why_no_gpu(machine)
    if "Ascend" not in found:
        yield _why_no_ascend(machine)


def _why_no_gpu(machine: Machine) -> Finding:
    probe = machine.probe or {}
    libraries = probe.get("libraries", {})
    if machine.system != "Linux" or machine.machine != "x86_64":
        said = f"MindSpore has GPU kernels for Linux on x86_64, not for {machine.system} on {machine.machine}"
        return Finding("GPU", "told", said)
    if libraries.get("libcuda.so.1") != "found":
        said = "none: NVIDIA's driver (libcuda.so.1) is not there"
        return Finding("GPU", "told", said, "where there is a GPU, install its driver")
    absent = [name for name in CUDA if libraries.get(name) == "missing"]
    if absent:
        said = f"a driver is there, and libraries of CUDA 11 are not: {', '.join(absent)}"
        return Finding(
            "GPU", "wrong", said, f"pip install {' '.join(CUDA[name] for name in absent)}"
        )
    elsewhere = [name for name in CUDA if libraries.get(name) not in ("found", "missing", None)]
    if elsewhere:
        folders = sorted({libraries[name] for name in elsewhere})
        said = f"libraries of CUDA 11 are installed where they are not looked for: {', '.join(elsewhere)}"
        return Finding("GPU", "wrong", said, f"export LD_LIBRARY_PATH={':'.join(folders)}")
    said = "a driver and CUDA 11 are there, and MindSpore still finds no GPU"
    hint = "its GPU kernels are for compute capability 6.0 to 8.6; nvidia-smi says what yours is"
    return Finding("GPU", "wrong", said, hint)


def _why_no_ascend(machine: Machine) -> Finding:
    libraries = (machine.probe or {}).get("libraries", {})
    if libraries.get("libascend_hal.so") != "found":
        said = "none: its driver (libascend_hal.so) is not there"
        return Finding("Ascend", "told", said, "where there is one, install its driver and CANN")
    if libraries.get("libge_runner.so") != "found":
        said = "a driver is there, and the CANN toolkit (libge_runner.so) is not found"
        return Finding("Ascend", "wrong", said, "install CANN, and source its set_env.sh first")
    said = "a driver and CANN are there, and MindSpore still finds no Ascend"
    return Finding(
        "Ascend", "wrong", said, "npu-smi info says whether it works; compare the versions of CANN"
    )


def _kernels(machine: Machine) -> Iterator[Finding]:
    if machine.probe is None:
        return
    native = machine.probe.get("native", {})
    threads = f"{machine.processors} processor{'s' if machine.processors != 1 else ''}"
    if native.get("kernels"):
        said = f"{threads}, native kernels {native['kernels']}, {native['origin']} by {native['compiler']}"
        yield Finding("CPU", "fine", said)
        if native.get("aside"):
            yield Finding("kernels", "told", native["aside"], native["hint"])
        return
    why = native.get("error") or "nobody says why"
    hint = native.get("hint") or "install a C++ compiler: GCC or Clang"
    yield Finding(
        "CPU", "wrong", f"{threads}, MindSpore's own kernels, which are slower: {why}", hint
    )


def _memory(machine: Machine) -> Iterator[Finding]:
    if machine.memory is None:
        return
    said = f"{machine.memory / 1e9:.1f} GB"
    if machine.memory < _LEAST_MEMORY:
        yield Finding(
            "memory", "wrong", f"{said} are too little for most runs", "a smaller batch_size"
        )
    else:
        yield Finding("memory", "fine", said)


def _disk(machine: Machine) -> Iterator[Finding]:
    if not machine.folder:
        yield Finding("folder", "wrong", "the working folder is gone", "change into another")
    elif not machine.writable:
        yield Finding(
            "folder", "wrong", f"{machine.folder} cannot be written to", "use --out for runs"
        )
    else:
        yield _space("folder", machine.folder, machine.free)
    if not machine.cache:
        why = machine.cache_trouble or "there is none"
        yield Finding(
            "cache", "told", f"{why}: nothing is kept between runs", "name a folder in LTDSL_CACHE"
        )
    else:
        yield _space("cache", machine.cache, machine.cache_free)


def _space(about: str, folder: str, free: int | None) -> Finding:
    if free is None:
        return Finding(about, "told", f"{folder}; nobody says how much is free")
    said = f"{folder}, {free / 1e9:.1f} GB free"
    if free < _LEAST_DISK:
        return Finding(
            about,
            "wrong",
            f"{said}, which checkpoints may fill",
            "free space, or `ltdsl cache prune`",
        )
    return Finding(about, "fine", said)


def _plugins(machine: Machine) -> Iterator[Finding]:
    if machine.plugins:
        yield Finding("plug-ins", "fine", f"enabled: {', '.join(machine.plugins)}")
    for why in machine.broken:
        yield Finding("plug-ins", "wrong", why, "`ltdsl plugins list` shows what is there")
