"""Quick fixes that silence a warning or advice on its line, with a reason: the editor's user has to write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from ltdsl.codes.suppress import is_silenceable
from ltdsl.diagnostics import Diagnostic
from ltdsl.lsp.text import Places
from ltdsl.source import Source, Span
from ltdsl.syntax.scanner import comments

_LIST = re.compile(r"#\s*ltdsl\s*:\s*ignore\s*\[[^\[\]]*(?=\])")


def silence(
    problem: Diagnostic, shown: lsp.Diagnostic, source: Source, uri: str, places: Places
) -> Iterator[lsp.CodeAction]:
    """The action for one problem of the recipe itself; none for an error.

    A comment that stands on the line already becomes the reason. Without one the reason is left open, and LT120 asks
    for it.
    """
    span = problem.span
    if span is None or not is_silenceable(problem):
        return
    place, new, title = _edit(source, span.line, problem.code)
    edit = lsp.TextEdit(places.range(Span(source, place, place)), new)
    yield lsp.CodeAction(
        title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[shown],
        edit=lsp.WorkspaceEdit(changes={uri: [edit]}),
    )


def _edit(source: Source, line: int, code: str) -> tuple[int, str, str]:
    """Where what is inserted, and what the action is called."""
    comment = _comment_on(comments(source), line)
    if comment is None:
        end = source.line_starts[line - 1] + len(source.line(line).rstrip())
        return end, f"  # ltdsl: ignore[{code}] ", f"Silence {code} on this line: say why"
    if listed := _LIST.match(comment.text):
        return comment.start + listed.end(), f", {code}", f"Silence {code} on this line, too"
    reason = "with the comment as the reason"
    return comment.start + 1, f" ltdsl: ignore[{code}]", f"Silence {code} on this line, {reason}"


def _comment_on(spans: Iterable[Span], line: int) -> Span | None:
    return next((span for span in spans if span.line == line), None)
