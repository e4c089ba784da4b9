"""What differs between two plans: in meaning, whatever their texts look like."""

from __future__ import annotations

from ltdsl.compare.compare import Comparison, StageChange, compare
from ltdsl.compare.values import Change

__all__ = ["Change", "Comparison", "StageChange", "compare"]
