"""The protocol: requests of an editor in, answers of the other modules out."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from lsprotocol import types as lsp
from pygls import uris
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from ltdsl import __version__
from ltdsl.diagnostics import Diagnostic
from ltdsl.lsp.complete import TRIGGERS, complete
from ltdsl.lsp.hover import definition, hover
from ltdsl.lsp.messages import Messages
from ltdsl.lsp.outline import outline
from ltdsl.lsp.problems import FIX_ALL, Checked, check, compiler, fix_all, fixes, shown
from ltdsl.lsp.text import Places, source_of
from ltdsl.source import Source, Span

_PAUSE = 0.1  # seconds without a key press before a text is checked

T = TypeVar("T")
log = logging.getLogger(__name__)


class RecipeServer(LanguageServer):
    """A server with what it knows of the open recipes."""

    def __init__(self, allow_outside: bool = False) -> None:
        # whole texts: recipes are short, and parts would depend on who counts which character as a line's end
        super().__init__(
            "ltdsl", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full
        )
        self._checked: dict[str, Checked] = {}
        self._messages: Messages | None = None
        self.allow_outside = allow_outside

    @property
    def places(self) -> Places:
        """How the editor counts."""
        encoding = self.workspace.position_encoding
        return Places(getattr(encoding, "value", encoding) or "utf-16")

    def source(self, uri: str) -> Source | Diagnostic:
        """The text of a document."""
        document = self.workspace.get_text_document(uri)
        path = uris.to_fs_path(uri)
        name = Path(path).name if path else uri
        return source_of(document.source, name, Path(path) if path else None)

    def version_of(self, uri: str) -> int | None:
        """The version of a document; None once it is closed."""
        return self.workspace.get_text_document(uri).version

    def buffer(self, path: Path) -> str | None:
        """The text of a file that is open in the editor."""
        for document in self.workspace.text_documents.values():
            held = uris.to_fs_path(document.uri)
            if held and Path(held).resolve() == path:
                return str(document.source)
        return None

    def check(self, source: Source) -> Checked:
        """Compile a text as the editor shows it."""
        root = self.workspace.root_path
        return check(source, self.buffer, Path(root) if root else None, self.allow_outside)

    def publish(self, uri: str) -> None:
        """Check a document and send what was found."""
        document = self.workspace.get_text_document(uri)
        source = self.source(uri)
        if isinstance(source, Source):
            self._checked[uri] = self.check(source)
            found = shown(self._checked[uri], self.places)
        else:
            self._checked.pop(uri, None)
            found = [
                lsp.Diagnostic(
                    self.places.range(None),
                    source.message,
                    lsp.DiagnosticSeverity.Error,
                    source.code,
                )
            ]
        self._send(uri, found, document.version)

    def publish_changed(self, uri: str) -> None:
        """Check a document, and those that use it."""
        self.publish(uri)
        path = uris.to_fs_path(uri)
        changed = Path(path).resolve() if path else None
        for other, checked in list(self._checked.items()):
            if other != uri and changed in checked.files:
                self.publish(other)

    def publish_all(self) -> None:
        """Check all open documents: what they use has come, gone or changed."""
        for document in list(self.workspace.text_documents.values()):
            self.publish(document.uri)

    def forget(self, uri: str) -> None:
        """Take back what was said about a document that was closed."""
        self._checked.pop(uri, None)
        self._send(uri, [], None)

    def serve(self, source: BinaryIO, answers: BinaryIO | None = None) -> None:
        """Answer the messages that come from somewhere, to the last one; on standard output unless it is said."""
        self._messages = Messages(source)
        self.start_io(self._messages, answers)  # type: ignore[arg-type]  # of a stream, these are the parts that are used

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log it: nobody who is writing a recipe can do anything about it. A program that wrote nonsense is told."""
        log.error("%s", error)
        if (
            source is JsonRpcException and self._messages is not None
        ):  # no request came of the message
            self.protocol._send_data(self._messages.refusal())

    def _send(self, uri: str, found: list[lsp.Diagnostic], version: int | None) -> None:
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, found, version=version)
        )


def _guarded(handler: Callable[[RecipeServer, Any], T]) -> Callable[[RecipeServer, Any], T | None]:
    """A handler that answers nothing where it fails, and logs why."""

    @functools.wraps(handler)
    def guarded(server: RecipeServer, params: Any) -> T | None:
        try:
            return handler(server, params)
        except Exception:
            log.exception("%s failed", handler.__name__)
            return None

    return guarded


def _changed_on_disk(server: RecipeServer, _: Any) -> None:
    server.publish_all()


def _closed(server: RecipeServer, params: lsp.DidCloseTextDocumentParams) -> None:
    server.forget(params.text_document.uri)
    server.publish_all()


def _completion(server: RecipeServer, params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
    source = server.source(params.text_document.uri)
    return complete(source, params.position, server.places) if isinstance(source, Source) else []


def _hover(server: RecipeServer, params: lsp.HoverParams) -> lsp.Hover | None:
    source = server.source(params.text_document.uri)
    return hover(source, params.position, server.places) if isinstance(source, Source) else None


def _definition(server: RecipeServer, params: lsp.DefinitionParams) -> lsp.Location | None:
    source = server.source(params.text_document.uri)
    return (
        definition(source, params.position, server.places) if isinstance(source, Source) else None
    )


def _symbols(server: RecipeServer, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    source = server.source(params.text_document.uri)
    return outline(source, server.places) if isinstance(source, Source) else []


def _actions(server: RecipeServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    uri = params.text_document.uri
    source = server.source(uri)
    if not isinstance(source, Source):
        return []
    only = params.context.only
    compile_recipe = compiler(server.buffer, server.allow_outside)
    if only is None or any(_within(lsp.CodeActionKind.QuickFix.value, kind) for kind in only):
        checked = server.check(source)
        return list(fixes(checked, uri, params.range, server.places, compile_recipe))
    if any(_within(FIX_ALL, kind) for kind in only):
        return list(fix_all(source, uri, server.places, compile_recipe))
    return []


def _within(kind: str, asked: str) -> bool:
    """Whether a kind of action is the one that is asked for, or a kind of that."""
    return f"{kind}.".startswith(f"{getattr(asked, 'value', asked)}.")


def _formatting(server: RecipeServer, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
    from ltdsl.format import format_source  # needed by those who ask only

    source = server.source(params.text_document.uri)
    text = format_source(source) if isinstance(source, Source) else []
    if not isinstance(source, Source) or not isinstance(text, str) or text == source.text:
        return []
    whole = Span(source, 0, len(source.text))
    return [lsp.TextEdit(server.places.range(whole), text)]


async def _changed(server: RecipeServer, params: lsp.DidChangeTextDocumentParams) -> None:
    uri, version = params.text_document.uri, params.text_document.version
    await asyncio.sleep(_PAUSE)
    if server.version_of(uri) == version:
        _guarded(RecipeServer.publish_changed)(server, uri)


_HANDLERS: tuple[tuple[str, Callable[[RecipeServer, Any], Any], Any], ...] = (
    (lsp.TEXT_DOCUMENT_DID_OPEN, _changed_on_disk, None),
    (lsp.TEXT_DOCUMENT_DID_SAVE, _changed_on_disk, None),
    (lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, _changed_on_disk, None),
    (lsp.TEXT_DOCUMENT_DID_CLOSE, _closed, None),
    (
        lsp.TEXT_DOCUMENT_COMPLETION,
        _completion,
        lsp.CompletionOptions(trigger_characters=list(TRIGGERS)),
    ),
    (lsp.TEXT_DOCUMENT_HOVER, _hover, None),
    (lsp.TEXT_DOCUMENT_DEFINITION, _definition, None),
    (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, _symbols, None),
    (lsp.TEXT_DOCUMENT_FORMATTING, _formatting, None),
    (
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        _actions,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix, FIX_ALL]),
    ),
)


def create(allow_outside: bool = False) -> RecipeServer:
    """A server with all its features."""
    server = RecipeServer(allow_outside)
    for method, handler, options in _HANDLERS:
        server.feature(method, options)(_guarded(handler))
    server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)(_changed)
    return server


def serve(allow_outside: bool = False) -> None:
    """Serve one editor over standard input and output, until it says goodbye."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    create(allow_outside).serve(sys.stdin.buffer)
