"""What the tests of the native kernels share: they need a C compiler."""

from __future__ import annotations

import ctypes
import os
import shutil

import pytest
from ltdsl_runtime.machine.device import prepare

prepare("cpu")  # before anything imports mindspore


@pytest.fixture(autouse=True, scope="session")
def compiler():
    if shutil.which(os.environ.get("CC", "cc")) is None:
        pytest.skip("no C compiler here")


@pytest.fixture
def direct():
    """Switches Winograd's method off and on again."""
    from ltdsl_runtime.machine.native.library import library

    loaded = ctypes.CDLL(str(library()))
    yield lambda wanted: loaded.ltdsl_set_winograd(not wanted)
    loaded.ltdsl_set_winograd(1)
