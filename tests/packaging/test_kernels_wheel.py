"""`ltdsl-kernels`: its wheels as `make kernels-wheel` builds them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from ltdsl_runtime.machine.native.sources import INSTRUCTIONS, SOURCES, built_from, options
from support.kernels import draw_convolution
from support.packaging import must
from support.processes import FULL, ROOT, environment

from ltdsl import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

long = pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")


def test_the_extra_asks_for_the_wheel_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (line,) = project["optional-dependencies"]["kernels"]
    requirement, _, marker = line.partition("; ")
    assert requirement == f"ltdsl-kernels=={__version__}"
    assert all(f"platform_machine == '{machine}'" in marker for machine in INSTRUCTIONS)


@pytest.fixture(scope="module", params=INSTRUCTIONS)
def machine(request):
    if shutil.which(f"{request.param}-linux-gnu-gcc") is None:
        pytest.skip(f"no GCC for {request.param}")
    return request.param


@pytest.fixture(scope="module")
def kernels_wheel(index, machine, tmp_path_factory):
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp(machine)
    line = (sys.executable, "-m", "build", "--wheel", "--outdir", folder, "runtime/kernels_wheel")
    env = environment() | {"LTDSL_KERNELS_FOR": machine}
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.iterdir()
    return found


@long
def test_a_wheel_says_what_it_is_of(kernels_wheel, machine):
    tag = f"py3-none-manylinux_2_28_{machine}"
    assert kernels_wheel.name == f"ltdsl_kernels-{__version__}-{tag}.whl"
    with zipfile.ZipFile(kernels_wheel) as file:
        held = {name: file.read(name) for name in file.namelist() if ".dist-info/" not in name}
    libraries = {f"ltdsl_kernels/{name}.so" for name in INSTRUCTIONS[machine]}
    others = {"__init__.py", "LICENSE", "manifest.json"}
    assert held.keys() == libraries | {f"ltdsl_kernels/{name}" for name in others}
    manifest = json.loads(held["ltdsl_kernels/manifest.json"])
    assert (manifest["version"], manifest["machine"]) == (__version__, machine)
    assert manifest["built_from"] == {
        name: built_from(machine, name) for name in INSTRUCTIONS[machine]
    }


@long
def test_its_library_computes_what_one_compiled_here_does(kernels_wheel, machine, tmp_path):
    """For aarch64 in an emulator."""
    emulator = [] if machine == "x86_64" else ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
    if emulator and shutil.which(emulator[0]) is None:
        pytest.skip("no emulator")
    must(sys.executable, "-m", "zipfile", "-e", kernels_wheel, tmp_path, folder=tmp_path)
    name = list(INSTRUCTIONS[machine])[-1]
    compiler, driver = f"{machine}-linux-gnu-gcc", ROOT / "tests" / "support" / "kernels.c"
    library = tmp_path / "ltdsl_kernels" / f"{name}.so"
    flags = [each for each in options(machine, name) if each not in ("-shared", "-fPIC")]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    linked = [driver, library, f"-Wl,-rpath,{library.parent}", "-o", theirs]
    subprocess.run([compiler, *flags, *linked], check=True)
    sources = [driver, *SOURCES.glob("*.c"), "-fPIC", "-o", ours, "-lm"]
    subprocess.run([compiler, *flags, *sources], check=True)
    shape = (16, 49, 50, 7, 8, 3, 1)
    given = np.int32(shape).tobytes() + b"".join(
        each.tobytes() for each in draw_convolution(*shape)
    )
    found = [
        subprocess.run(
            [*emulator, program], input=given, capture_output=True, check=True, timeout=120
        ).stdout
        for program in (ours, theirs)
    ]
    assert len(found[0]) > 10**5
    assert found[0] == found[1]
