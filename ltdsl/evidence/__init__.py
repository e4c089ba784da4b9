"""Published results: top-1 errors of combinations of tricks, and what may be compared with what.

The figures are facts taken from the publications that :data:`SOURCES` lists; ``docs/evidence.md`` says what they are
good for. Nothing here is read before a rule matches or a command asks.
"""

from __future__ import annotations

from ltdsl.evidence.rows import NOISE, SOURCES, SPLITS, Row, rows

__all__ = ["NOISE", "SOURCES", "SPLITS", "Row", "rows"]
