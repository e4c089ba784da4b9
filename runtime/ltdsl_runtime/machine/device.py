"""The device: chosen and prepared before mindspore is imported for the first time."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ltdsl.runs.facts import MINDSPORE, Leg
from ltdsl_runtime.errors import RunError

#: Names for `--device`, and what MindSpore calls them; in the order in which ``auto`` prefers them.
TARGETS = {"ascend": "Ascend", "gpu": "GPU", "cpu": "CPU", "cpu-native": "CPU", "cpu-plain": "CPU"}

#: Set before mindspore is loaded, never over a value that the user set.
ENVIRONMENT = {
    # With AVX-512, oneDNN answers MindSpore's plain layouts with a reference kernel: a ResNet-32 step takes 25 times as
    # long. Only its CPU kernels read this.
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # errors only: its C++ side greets every start with warnings
    "GLOG_v": "3",
}

#: The device of this process, once it is set.
_set: list[str] = []

#: Whether networks built from now on train on kernels of our own.
_native = False


@dataclass(frozen=True)
class Device:
    """What was chosen to compute with.

    Attributes:
        name: ``ascend``, ``gpu`` or ``cpu``.
        kernels: Those of a CPU, as ``run.json`` names them; None on other devices.
        note: Why MindSpore's kernels take the place of the native ones, or why those that are installed are left aside;
            empty where neither is so.
        compiler: Of the native kernels, where these were chosen.
    """

    name: str
    kernels: str | None = None
    note: str = ""
    compiler: str | None = None

    def facts(self) -> dict[str, str | None]:
        """What a run records of it: entries of run.json."""
        return {"device": self.name, "kernels": self.kernels, "compiler": self.compiler}


def prepare(device: str, precision: str = "fp32", *, portable: bool = False) -> Device:
    """Import mindspore with graph mode on a device.

    Args:
        device: ``auto``, or a name of :data:`TARGETS`. A ``cpu`` takes the native kernels where they can be had,
            ``cpu-native`` nothing else, ``cpu-plain`` MindSpore's.
        precision: The number format that will be trained in.
        portable: Networks will be exported, to where the native kernels are not: they are left out.

    Returns:
        What was chosen.

    Raises:
        RunError: LT420, this machine or this build of MindSpore has no such device; LT427, the device does not compute
            in the format; LT428, ``cpu-native`` was asked for, and cannot be had.
    """
    global _native
    set_environment()
    import mindspore as ms
    from mindspore.device_context import ascend, gpu

    present = {"ascend": ascend.is_available(), "gpu": gpu.is_available()}
    if device == "auto":
        device = next((name for name in TARGETS if present.get(name)), "cpu")
    if not present.get(device, True):
        raise RunError(
            "LT420",
            f"--device {device}: MindSpore {ms.__version__} finds no {TARGETS[device]} here",
            "use --device cpu, or install the MindSpore build and drivers for this device",
        )
    if device in ("cpu", "cpu-plain") and precision == "bf16":
        raise RunError(
            "LT427",
            "MindSpore's convolutions on a CPU do not compute in bf16",
            "use --set precision=fp16 or fp32, or another --device",
        )
    on_a_cpu = TARGETS[device] == "CPU"
    chosen = _on_a_cpu(device, precision, portable) if on_a_cpu else Device(device)
    _native = chosen.kernels not in (None, MINDSPORE)
    if TARGETS[device] not in _set:  # once only: workers that have met can change it no more
        ms.set_device(TARGETS[device])
        _set.append(TARGETS[device])
    ms.set_context(mode=ms.GRAPH_MODE)
    if not on_cpu():  # the CPU's kernels are deterministic as they are
        ms.set_deterministic(True)
    return chosen


def set_environment() -> None:
    """Set what mindspore reads when it is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def _on_a_cpu(device: str, precision: str, portable: bool) -> Device:
    """The kernels that a name of TARGETS asks for, or what takes their place."""
    if device == "cpu-plain" or portable:
        return Device("cpu", MINDSPORE)
    from ltdsl_runtime.machine.native.library import in_use, name

    try:
        if precision != "fp32":
            raise RunError(
                "LT427",
                f"the native kernels do not compute in {precision}",
                "use --set precision=fp32, or --device cpu",
            )
        found = in_use()
        aside = f"note: {found.aside}; they are compiled here instead" if found.aside else ""
        return Device("cpu", name(), aside, found.compiler)
    except RunError as error:
        if device == "cpu-native":
            raise
        note = f"note: {error.message}; MindSpore's own, which are slower, take their place"
        return Device("cpu", MINDSPORE, note)


def as_begun(device: str, before: Leg) -> str:
    """The device to go on with after ``before``: with the same kernels, for the same numbers, unless told otherwise."""
    if device != "auto" or before.device != "cpu":
        return device
    return "cpu-plain" if before.kernels == MINDSPORE else "cpu"


def on_cpu() -> bool:
    """Whether this process computes on a CPU."""
    import mindspore as ms

    return bool(ms.get_context("device_target") == "CPU")


def native() -> bool:
    """Whether networks built from now on train on the native kernels."""
    return _native
