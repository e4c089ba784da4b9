"""What holds for every input, whatever it is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from lsprotocol import types as lsp
from pygls.workspace import Workspace

from ltdsl.codes.sarif import log
from ltdsl.codes.table import CODES
from ltdsl.compiler import Compilation, compile_recipe
from ltdsl.diagnostics import Diagnostic
from ltdsl.diagnostics.github import command
from ltdsl.diagnostics.render import render, to_json
from ltdsl.fixes import HARM, MAX_ATTEMPTS, MAX_CHARACTERS, fix, is_safe
from ltdsl.format import format_source
from ltdsl.lsp.problems import FIX_ALL
from ltdsl.lsp.server import _HANDLERS, RecipeServer
from ltdsl.source import Source, Span
from ltdsl.syntax.parser import source_from_bytes
from ltdsl.syntax.scanner import comments

LONGEST_MESSAGE = 3000


def check(data: bytes, path: Path, number: int) -> None:
    """`ltdsl check`: every answer is sound in each of its formats."""
    source = source_from_bytes(data, "recipe.lt", path)
    if isinstance(source, Diagnostic):
        sound([source])
        return
    result = compile_recipe(source)
    sound(result.diagnostics, every=number % 8 == 0)
    assert (result.recipe is None) == result.failed
    if result.recipe is not None and number % 4 == 0:
        plan = result.plan
        assert plan is not None
        json.loads(plan.to_json())
        assert len(plan.digest()) == 64


def fmt(data: bytes, path: Path, number: int) -> None:
    """`ltdsl fmt`: idempotent, with all comments, and the recipe means what it meant."""
    source = source_from_bytes(data, "recipe.lt", path)
    if isinstance(source, Diagnostic):
        return
    once = format_source(source)
    if not isinstance(once, str):
        sound(once)
        assert once
        return
    after = Source("recipe.lt", once, path)
    assert format_source(after) == once
    assert once == "" or once.endswith("\n")
    written, kept = ([span.text.rstrip() for span in comments(s)] for s in (source, after))
    assert sorted(kept) == sorted(written)
    if number % 4 == 0:
        before, now = compile_recipe(source), compile_recipe(after)
        assert said(now.diagnostics) == said(before.diagnostics)
        assert (now.plan and now.plan.digest()) == (before.plan and before.plan.digest())


def fixing(data: bytes, path: Path, number: int) -> None:
    """`ltdsl check --fix`: it ends, adds no error, and has nothing left to do."""
    source = source_from_bytes(data, "recipe.lt", path)
    if isinstance(source, Diagnostic):
        return
    before = compile_recipe(source)
    mended, applied = fix(source, compile_recipe, is_safe)
    assert (mended.text == source.text) == (not applied)
    if applied:
        result = compile_recipe(mended)
        sound(result.diagnostics)
        assert harm(result) <= harm(before)  # what was hidden behind a mistake may come to light
        again, more = fix(mended, compile_recipe, is_safe)
        if len(source.text) * MAX_ATTEMPTS < MAX_CHARACTERS:  # a long one may need another turn
            assert (again.text, more) == (mended.text, [])
    everything, _ = fix(source, compile_recipe, lambda problem: True)
    sound(compile_recipe(everything).diagnostics)


def editing(data: bytes, path: Path, number: int) -> None:
    """`ltdsl lsp`: every request about a text is answered, at a place in it or beyond."""
    text = data.decode("utf-8", "replace")
    uri = path.as_uri()
    server = _server(path, text)
    places = server.places
    document = lsp.TextDocumentIdentifier(uri)
    line = number % (text.count("\n") + 2)
    position = lsp.Position(line, number // 7 % 60)
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(text.count("\n") + 1, 0))
    server.publish(uri)
    for problem in server.sent:
        within(problem.range, text, places.encoding)
    asked = {
        lsp.TEXT_DOCUMENT_COMPLETION: lsp.CompletionParams(document, position),
        lsp.TEXT_DOCUMENT_HOVER: lsp.HoverParams(document, position),
        lsp.TEXT_DOCUMENT_DEFINITION: lsp.DefinitionParams(document, position),
        lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: lsp.DocumentSymbolParams(document),
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP: lsp.SignatureHelpParams(document, position),
        lsp.TEXT_DOCUMENT_FOLDING_RANGE: lsp.FoldingRangeParams(document),
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: lsp.SemanticTokensParams(document),
        lsp.TEXT_DOCUMENT_DOCUMENT_LINK: lsp.DocumentLinkParams(document),
        lsp.TEXT_DOCUMENT_INLAY_HINT: lsp.InlayHintParams(document, whole),
        lsp.TEXT_DOCUMENT_PREPARE_RENAME: lsp.PrepareRenameParams(document, position),
        lsp.TEXT_DOCUMENT_RENAME: lsp.RenameParams(document, position, "renamed"),
        lsp.TEXT_DOCUMENT_FORMATTING: lsp.DocumentFormattingParams(
            document, lsp.FormattingOptions(4, True)
        ),
        lsp.TEXT_DOCUMENT_CODE_ACTION: lsp.CodeActionParams(
            document, whole, lsp.CodeActionContext([], [FIX_ALL] if number % 2 else None)
        ),
    }
    for method, handler, _ in _HANDLERS:
        if method in asked:
            handler(server, asked[method])


class _Server(RecipeServer):
    """A server whose diagnostics go nowhere."""

    def _send(self, uri: str, found: list[lsp.Diagnostic], version: int | None) -> None:
        self.sent = found


_servers: list[_Server] = []


def _server(path: Path, text: str) -> _Server:
    if not _servers:
        server = _Server()
        server.protocol._workspace = Workspace(path.parent.as_uri())
        _servers.append(server)
    server = _servers[0]
    item = lsp.TextDocumentItem(path.as_uri(), "ltdsl", 1, text)
    server.workspace.put_text_document(item)
    return server


TARGETS = {"check": check, "fmt": fmt, "fix": fixing, "lsp": editing}


def sound(problems: Iterable[Diagnostic], every: bool = True) -> None:
    """All spans lie in their files, and whatever is said can be shown."""
    problems = list(problems)
    for number, problem in enumerate(problems):
        assert problem.code in CODES
        assert "\n" not in problem.message
        assert len(problem.message) <= LONGEST_MESSAGE, problem.message[:60]
        spans = [problem.span] if problem.span else []
        spans += [other.span for other in problem.others]
        spans += [problem.edit.span] if problem.edit else []
        for span in spans:
            inside(span)
        if every or number < 3:
            shown = render(problem)
            assert all(char.isprintable() or char == "\n" for char in shown)
            line = command(problem, "recipe.lt")
            assert "\n" not in line
            assert "\r" not in line
            shown.encode()
    text = json.dumps([to_json(problem) for problem in problems], ensure_ascii=False)
    json.loads(text.encode())
    if every:
        json.loads(json.dumps(log(("recipe.lt", problem) for problem in problems)))


def inside(span: Span) -> None:
    assert 0 <= span.start <= span.end <= len(span.source.text)


def within(wanted: lsp.Range, text: str, encoding: str) -> None:
    """A range an editor can follow: in the text, forwards."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for end in (wanted.start, wanted.end):
        assert 0 <= end.line < len(lines)
        assert 0 <= end.character <= len(lines[end.line].encode("utf-16-le")) // 2
    starts, ends = wanted.start, wanted.end
    assert (starts.line, starts.character) <= (ends.line, ends.character)


def said(problems: Iterable[Diagnostic]) -> list[tuple[str, str]]:
    return sorted((problem.code, problem.message) for problem in problems)


def harm(result: Compilation) -> int:
    return sum(problem.code.startswith(HARM) for problem in result.diagnostics)
