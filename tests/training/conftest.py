"""What the tests of training share: plans from recipe text, hand-made data, runs that are watched."""

from __future__ import annotations

import os

# before anything imports mindspore
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
import pytest
from training_support import count_compilations, hand_made


@pytest.fixture(autouse=True, scope="session")
def _graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="session")
def compilations():
    """Names of the cells whose graphs were really compiled, in order, from all of the session."""
    with count_compilations() as seen:
        yield seen


@pytest.fixture(scope="session")
def data():
    return hand_made()
