"""A store of its own for each test, and warnings that are said anew."""

from __future__ import annotations

import pytest

from ltdsl.cache import Store
from ltdsl.cache import store as module
from ltdsl.cache.errors import warn


@pytest.fixture(autouse=True)
def anew():
    warn.cache_clear()
    module._temporary.cache_clear()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache", 10**6)
