"""What is said where packages are missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from ltdsl.system.packages import missing

pytestmark = pytest.mark.skipif(
    find_spec("mindspore") is None, reason="takes away what is there: the extra `train`"
)


def test_the_first_that_is_missing_is_named(monkeypatch):
    assert missing("`x`", "train") is None
    for name in ("numpy", "PIL"):
        monkeypatch.setitem(sys.modules, name, None)
    assert missing("`x`", "train") == '`x` needs NumPy: pip install "ltdsl[train]"'
    assert missing("`x`", "train", "PIL") == '`x` needs Pillow: pip install "ltdsl[train]"'
    assert missing("`x`", "train", "mindspore") is None


def test_a_python_without_mindspore(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert missing("`x`", "train") is None  # whoever has built it has it
    for name in ("mindspore", "pygls"):
        monkeypatch.setitem(sys.modules, name, None)
    assert missing("`x`", "train") == (
        "`x` needs MindSpore, which is there for Python 3.10 to 3.12 (this is 3.14): "
        'python3.12 -m pip install "ltdsl[train]"'
    )
    assert missing("`x`", "lsp") == '`x` needs pygls: pip install "ltdsl[lsp]"'
