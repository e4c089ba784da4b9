"""The device: chosen and prepared before mindspore is imported for the first time."""

from __future__ import annotations

import os

from ltdsl_runtime.errors import RunError

#: Names for `--device`, and what MindSpore calls them; in the order in which ``auto`` prefers them.
TARGETS = {"ascend": "Ascend", "gpu": "GPU", "cpu": "CPU", "cpu-native": "CPU"}

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


def prepare(device: str, precision: str = "fp32") -> str:
    """Import mindspore with graph mode on a device.

    Args:
        device: ``auto``, or a name of :data:`TARGETS`.
        precision: The number format that will be trained in.

    Returns:
        The name of the device chosen.

    Raises:
        RunError: LT420, this machine or this build of MindSpore has no such device; LT427, the device does not compute
            in the format; LT428, the native kernels cannot be compiled.
    """
    global _native
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
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
    if device == "cpu" and precision == "bf16":
        raise RunError(
            "LT427",
            "MindSpore's convolutions on a CPU do not compute in bf16",
            "use --set precision=fp16 or fp32, or another --device",
        )
    if device == "cpu-native" and precision != "fp32":
        raise RunError(
            "LT427",
            f"the native kernels do not compute in {precision}",
            "use --set precision=fp32, or --device cpu",
        )
    _native = device == "cpu-native"
    if _native:
        from ltdsl_runtime.machine.native.library import library

        library()
    if TARGETS[device] not in _set:  # once only: workers that have met can change it no more
        ms.set_device(TARGETS[device])
        _set.append(TARGETS[device])
    ms.set_context(mode=ms.GRAPH_MODE)
    if not on_cpu():  # the CPU's kernels are deterministic as they are
        ms.set_deterministic(True)
    return device


def as_begun(device: str, before: str | None) -> str:
    """The device to go on with after ``before``: with the same kernels, for the same numbers, unless told otherwise."""
    return "cpu-native" if device == "auto" and before == "cpu-native" else device


def on_cpu() -> bool:
    """Whether this process computes on a CPU."""
    import mindspore as ms

    return bool(ms.get_context("device_target") == "CPU")


def native() -> bool:
    """Whether this process was prepared for `cpu-native`."""
    return _native
