"""What MindSpore finds on this machine, as a line of JSON: a process of its own, since it may hang or abort."""

from __future__ import annotations

import ctypes
import json
import sysconfig
from pathlib import Path
from typing import Any

from ltdsl.system.terminal import data
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import set_environment

#: Libraries that tell why a device is not found.
LIBRARIES = (
    "libcuda.so.1",
    "libcudart.so.11.0",
    "libcublas.so.11",
    "libcudnn.so.8",
    "libcufft.so.10",
    "libcurand.so.10",
    "libcusolver.so.11",
    "libcusparse.so.11",
    "libnvrtc.so.11.2",
    "libascend_hal.so",
    "libge_runner.so",
)


def probe() -> dict[str, Any]:
    """MindSpore's version, its devices, the libraries that these need, and the native kernels."""
    set_environment()
    import mindspore as ms
    from mindspore.device_context import ascend, gpu

    return {
        "mindspore": ms.__version__,
        "devices": {"Ascend": ascend.is_available(), "GPU": gpu.is_available()},
        "libraries": {name: _library(name) for name in LIBRARIES},
        "native": _native(),
    }


def _library(name: str) -> str:
    """``found``, ``missing``, or the folder in which a package has it, where the loader does not look."""
    try:
        ctypes.CDLL(name)
    except OSError:
        site = Path(sysconfig.get_paths()["purelib"])
        for path in site.glob(f"nvidia/*/lib/{name}"):
            return str(path.parent)
        return "missing"
    return "found"


def _native() -> dict[str, str | None]:
    from ltdsl_runtime.machine.native.library import in_use, name
    from ltdsl_runtime.machine.native.prebuilt import OTHER

    try:
        found = in_use()
    except RunError as error:
        return {"kernels": None, "error": error.message, "hint": error.hint}
    told: dict[str, str | None] = {
        "kernels": name(),
        "origin": found.origin,
        "compiler": found.compiler,
    }
    return told | ({"aside": found.aside, "hint": OTHER} if found.aside else {})


if __name__ == "__main__":
    data(json.dumps(probe()) + "\n")
