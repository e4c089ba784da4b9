"""Characters that make text read otherwise than it is: what looks like a setting may be a comment, and vice versa.

Boucher, Anderson: Trojan Source: Invisible Vulnerabilities, USENIX Security 2023. The parser refuses them outside of
comments and strings; within, they have no meaning to it and much to a reader. Marks of a direction, which Arabic and
Hebrew need, reorder nothing that follows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ltdsl.diagnostics import Edit, Report, report
from ltdsl.source import Source, Span
from ltdsl.syntax.scanner import comments, scan

#: Embeddings, overrides, isolates, and what ends them.
_REORDERS = re.compile("[\u202a-\u202e\u2066-\u2069]+")


def check_directions(sources: Sequence[Source], problems: Report) -> None:
    """Report such characters in comments and strings of a recipe and of the files that it uses."""
    for source in sources:
        if _REORDERS.search(source.text):
            strings = (
                Span(source, p.start, p.end) for p in scan(source.text) if p.kind == "string"
            )
            for place in (*comments(source), *strings):
                for found in _REORDERS.finditer(source.text, place.start, place.end):
                    span = Span(source, *found.span())
                    names = dict.fromkeys(unicodedata.name(char).lower() for char in found[0])
                    problems(
                        report(
                            "LT143",
                            span,
                            f"there is an invisible character that reorders what is shown: {', '.join(names)}",
                            help="delete it: the line may read otherwise than it is",
                            edit=Edit(span, ""),
                        )
                    )
