"""Diagnostics of a recipe as an editor shows them, and the quick fixes that go with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from lsprotocol import types as lsp
from pygls import uris

from ltdsl.codes.links import link
from ltdsl.codes.select import Selection
from ltdsl.compiler import Compilation, compile_recipe
from ltdsl.configuration import ConfigurationError, Configurations
from ltdsl.diagnostics import Diagnostic, Severity
from ltdsl.fixes import fix, is_safe, mends, most_attempts
from ltdsl.lsp.files import recipes_below
from ltdsl.lsp.silence import silence
from ltdsl.lsp.text import Places, short, source_of
from ltdsl.source import Source, Span
from ltdsl.syntax import Stage, Use
from ltdsl.syntax.parser import read_source

_SEVERITY = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.ADVICE: lsp.DiagnosticSeverity.Information,
}
Buffer: TypeAlias = Callable[[Path], str | None]
"""Gives the text of a file that is open in the editor, None for others."""

_USE = re.compile(r'\buse[ \t]*"([^"\n]*)"')
FIX_ALL = f"{lsp.CodeActionKind.SourceFixAll.value}.ltdsl"
"""The kind of the action that applies all edits that are safe, as editors can ask for on saving."""

_NO_STAGE = "LT111"
_MAX_SHOWN = 1000  # editors show no more
_MAX_SILENCED = 20  # at one place


@dataclass(frozen=True)
class Checked:
    """A recipe with its problems.

    Attributes:
        source: Its text.
        problems: Everything found, in the files that it uses too.
        compilation: What became of it.
        page: The address of the page of diagnostics; empty where there is none.
        unheard: Why a file of settings is not heard; empty where there is none, or it is.
    """

    source: Source
    problems: list[Diagnostic]
    compilation: Compilation
    page: str = ""
    unheard: str = ""

    @property
    def files(self) -> set[Path]:
        """The files that it uses."""
        return {s.path.resolve() for s in self.compilation.sources[1:] if s.path}


def check(
    source: Source,
    buffer: Buffer | None = None,
    root: Path | None = None,
    allow_outside: bool = False,
    page: str = "",
) -> Checked:
    """Compile what an editor shows.

    Args:
        source: The text.
        buffer: Where texts come from before they are saved.
        root: The folder that is open. A file without stages is taken as a part of others where one below uses it.
        allow_outside: Whether files that it names may lie outside its folder.
        page: The address of the page of diagnostics.
    """
    compilation = compiler(buffer, allow_outside)(source)
    problems = compilation.diagnostics
    if any(problem.code == _NO_STAGE for problem in problems) and _is_part(compilation, root):
        problems = [problem for problem in problems if problem.code != _NO_STAGE]
    try:
        problems = _asked_for(source, problems)
    except ConfigurationError as error:
        return Checked(source, problems, compilation, page, str(error))
    return Checked(source, problems, compilation, page)


def _asked_for(source: Source, problems: list[Diagnostic]) -> list[Diagnostic]:
    """The problems that the project's settings let `check` show; errors fail it whatever they say, and stay.

    Raises:
        ConfigurationError: The settings are none.
    """
    if source.path is None:
        return problems
    settings = Configurations(lambda _: None).of(source.path.parent)
    wanted = Selection(settings.select, settings.ignore)
    return [each for each in problems if each in wanted or each.severity is Severity.ERROR]


def compiler(
    buffer: Buffer | None = None, allow_outside: bool = False
) -> Callable[[Source], Compilation]:
    """A compiler that takes files as they are in the editor, saved or not."""

    def read(path: Path, name: str) -> Source | Diagnostic:
        text = buffer(path) if buffer else None
        return read_source(path, name) if text is None else source_of(text, name, path)

    return lambda source: compile_recipe(source, read=read, allow_outside=allow_outside)


def shown(checked: Checked, places: Places) -> list[lsp.Diagnostic]:
    """The problems, within reason; those of a used file stand at the `use` that leads there."""
    found = [_shown(problem, checked, places) for problem in checked.problems[:_MAX_SHOWN]]
    if checked.unheard:
        found.append(
            lsp.Diagnostic(
                places.range(None),
                f"settings are not heard: {checked.unheard}",
                lsp.DiagnosticSeverity.Warning,
                source="ltdsl",
            )
        )
    return found


def fixes(
    checked: Checked,
    uri: str,
    wanted: lsp.Range,
    places: Places,
    compile: Callable[[Source], Compilation],  # noqa: A002 - it is what it does
) -> Iterator[lsp.CodeAction]:
    """The suggested edits, of the problems that a range touches, after which fewer remain."""
    attempts = most_attempts(checked.source)
    for problem in _touched(checked, wanted, places):
        edit = problem.edit
        if edit is None or edit.span.source is not checked.source:
            continue
        attempts -= 1
        if attempts < 0:
            return
        if not mends(problem, checked.compilation, compile):
            continue
        old, new = edit.span.text, edit.replacement
        if not old.strip():
            title = f"Insert `{new.strip()}`" if new.strip() else "Join the lines"
        else:
            title = f"Replace `{short(old)}` by `{short(new)}`" if new else f"Remove `{short(old)}`"
        text_edit = lsp.TextEdit(places.range(edit.span), new)
        yield lsp.CodeAction(
            title,
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[_shown(problem, checked, places)],
            is_preferred=is_safe(problem),
            edit=lsp.WorkspaceEdit(changes={uri: [text_edit]}),
        )


def silences(
    checked: Checked, uri: str, wanted: lsp.Range, places: Places
) -> Iterator[lsp.CodeAction]:
    """What silences the warnings and advice that a range touches, each with a reason."""
    for problem in islice(_touched(checked, wanted, places), _MAX_SILENCED):
        shown = _shown(problem, checked, places)
        yield from silence(problem, shown, checked.source, uri, places)


def _touched(checked: Checked, wanted: lsp.Range, places: Places) -> Iterator[Diagnostic]:
    """The problems of the recipe itself that a range touches."""
    for problem in checked.problems:
        span = problem.span
        if span and span.source is checked.source and _touch(places.range(span), wanted):
            yield problem


def fix_all(
    source: Source,
    uri: str,
    places: Places,
    compile: Callable[[Source], Compilation],  # noqa: A002 - it is what it does
) -> Iterator[lsp.CodeAction]:
    """All edits that `check --fix` would apply, as one."""
    mended, applied = fix(source, compile, is_safe)
    if applied:
        whole = places.range(Span(source, 0, len(source.text)))
        yield lsp.CodeAction(
            "Fix what is safe to fix",
            kind=FIX_ALL,
            edit=lsp.WorkspaceEdit(changes={uri: [lsp.TextEdit(whole, mended.text)]}),
        )


def _shown(problem: Diagnostic, checked: Checked, places: Places) -> lsp.Diagnostic:
    parts = [problem.message]
    if problem.label:
        parts[0] += f" ({problem.label})"
    parts += [f"help: {problem.help}"] if problem.help else []
    parts += [problem.note] if problem.note else []
    span, related, edit = problem.span, [], problem.edit
    if span and span.source is not checked.source:
        related.append(_related(span, problem.message, places))
        parts[0] = f"in `{span.source.name}`: {parts[0]}"
        span, edit = _use_of(span.source, checked.compilation), None
    where = link(problem.code, checked.page)
    related += [_related(other.span, other.text, places) for other in problem.others]
    return lsp.Diagnostic(
        range=places.range(span),
        message="\n".join(parts),
        severity=_SEVERITY[problem.severity],
        code=problem.code,
        code_description=lsp.CodeDescription(where) if where else None,
        source="ltdsl",
        related_information=[item for item in related if item],
        data={"range": _plain(places.range(edit.span)), "newText": edit.replacement}
        if edit
        else None,
    )


def _plain(span: lsp.Range) -> dict[str, dict[str, int]]:
    """A range as the client is to get it: what `data` holds is passed on as it is."""
    ends = {"start": span.start, "end": span.end}
    return {key: {"line": end.line, "character": end.character} for key, end in ends.items()}


def _related(span: Span, text: str, places: Places) -> lsp.DiagnosticRelatedInformation | None:
    """A second place; None where it is in no file."""
    uri = uris.from_fs_path(str(span.source.path)) if span.source.path else None
    if uri is None:
        return None
    return lsp.DiagnosticRelatedInformation(lsp.Location(uri, places.range(span)), text)


def _use_of(source: Source, compilation: Compilation) -> Span | None:
    """The `use` of the recipe that, directly or not, leads to a file."""
    order = compilation.sources
    if not any(each is source for each in order):
        return None
    place = next(i for i, each in enumerate(order) if each is source)
    found = None
    for statement in compilation.tree.statements:
        if isinstance(statement, Use) and compilation.source.path:
            target = (compilation.source.path.parent / statement.path.value).resolve()
            first = next((i for i, s in enumerate(order[1:], 1) if s.path == target), None)
            if first is not None and first <= place:
                found = statement.span  # files are read depth first
    return found


def _is_part(compilation: Compilation, root: Path | None) -> bool:
    """Whether a file of settings is used by another below the open folder, or below its own."""
    path = compilation.source.path
    if path is None or any(isinstance(s, Stage) for s in compilation.tree.statements):
        return False
    target = path.resolve()
    top = root if root and target.is_relative_to(root.resolve()) else path.parent
    for other in recipes_below(top):
        found = read_source(other)
        if not isinstance(found, Source) or other.resolve() == target:
            continue
        if any((other.parent / m[1]).resolve() == target for m in _USE.finditer(found.text)):
            return True
    return False


def _touch(one: lsp.Range, other: lsp.Range) -> bool:
    def key(position: lsp.Position) -> tuple[int, int]:
        return position.line, position.character

    return key(one.start) <= key(other.end) and key(other.start) <= key(one.end)
