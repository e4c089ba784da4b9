"""What the tests of training share: plans from recipe text, hand-made data, runs that are watched."""

from __future__ import annotations

import pytest
from ltdsl_runtime.machine.device import prepare

prepare("cpu")  # before anything imports mindspore

from training_support import count_compilations, hand_made  # noqa: E402


@pytest.fixture(scope="session")
def compilations():
    """Names of the cells whose graphs were really compiled, in order, from all of the session."""
    with count_compilations() as seen:
        yield seen


@pytest.fixture(scope="session")
def data():
    return hand_made()
