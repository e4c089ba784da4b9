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
from ltdsl.codes.links import published
from ltdsl.compiler import Compilation
from ltdsl.diagnostics import Diagnostic
from ltdsl.lsp.colours import LEGEND, colours
from ltdsl.lsp.complete import TRIGGERS, complete
from ltdsl.lsp.folding import folds
from ltdsl.lsp.hints import hints
from ltdsl.lsp.hover import definition, hover
from ltdsl.lsp.links import links
from ltdsl.lsp.messages import Messages
from ltdsl.lsp.outline import outline
from ltdsl.lsp.problems import (
    FIX_ALL,
    Checked,
    check,
    compiler,
    fix_all,
    fixes,
    shown,
    silences,
)
from ltdsl.lsp.rename import RenameError, rename, renamed_stage
from ltdsl.lsp.signature import TRIGGERS as SIGNATURE_TRIGGERS
from ltdsl.lsp.signature import signature
from ltdsl.lsp.text import Places, source_of
from ltdsl.source import Source, Span

_PAUSE = 0.05  # seconds without a key press before a text is checked

T = TypeVar("T")
log = logging.getLogger(__name__)


class RecipeServer(LanguageServer):
    """A server with what it knows of the open recipes."""

    def __init__(self, allow_outside: bool = False, page: str = "") -> None:
        # whole texts: recipes are short, and parts would depend on who counts which character as a line's end
        super().__init__(
            "ltdsl", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full
        )
        self._checked: dict[str, Checked] = {}
        self._messages: Messages | None = None
        self.allow_outside = allow_outside
        self.page = page or published()

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
        folder = Path(root) if root else None
        return check(source, self.buffer, folder, self.allow_outside, self.page)

    def checked(self, uri: str, source: Source) -> Checked:
        """What was found of a document's text, which is compiled once for all requests about it."""
        held = self._checked.get(uri)
        if held is None or held.source.text != source.text:
            held = self._checked[uri] = self.check(source)
        return held

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
        if not isinstance(error, JsonRpcException):
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
        except JsonRpcException:  # an answer
            raise
        except Exception:
            log.exception("%s failed", handler.__name__)
            return None

    return guarded


def _asked(
    empty: Callable[[], T], answer: Callable[[RecipeServer, Source, Any], T]
) -> Callable[[RecipeServer, Any], T]:
    """The handler of a request about a document, of which nothing is to be said where it is no recipe."""

    @functools.wraps(answer)
    def handler(server: RecipeServer, params: Any) -> T:
        source = server.source(params.text_document.uri)
        return answer(server, source, params) if isinstance(source, Source) else empty()

    return handler


def _nothing() -> None:
    return None


def _colourless() -> lsp.SemanticTokens:
    return lsp.SemanticTokens(data=[])


def _changed_on_disk(server: RecipeServer, _: Any) -> None:
    server.publish_all()


def _closed(server: RecipeServer, params: lsp.DidCloseTextDocumentParams) -> None:
    server.forget(params.text_document.uri)
    server.publish_all()


def _completion(
    server: RecipeServer, source: Source, params: lsp.CompletionParams
) -> list[lsp.CompletionItem]:
    return complete(source, params.position, server.places)


def _hover(server: RecipeServer, source: Source, params: lsp.HoverParams) -> lsp.Hover | None:
    uri = params.text_document.uri

    def compiled() -> Compilation:
        return server.checked(uri, source).compilation

    return hover(source, params.position, server.places, compiled)


def _signature(
    server: RecipeServer, source: Source, params: lsp.SignatureHelpParams
) -> lsp.SignatureHelp | None:
    return signature(source, params.position, server.places)


def _definition(
    server: RecipeServer, source: Source, params: lsp.DefinitionParams
) -> lsp.Location | None:
    return definition(source, params.position, server.places)


def _symbols(server: RecipeServer, source: Source, _: Any) -> list[lsp.DocumentSymbol]:
    return outline(source, server.places)


def _folds(_server: RecipeServer, source: Source, _: Any) -> list[lsp.FoldingRange]:
    return folds(source)


def _colours(server: RecipeServer, source: Source, _: Any) -> lsp.SemanticTokens:
    return colours(source, server.places)


def _links(server: RecipeServer, source: Source, _: Any) -> list[lsp.DocumentLink]:
    return list(links(source, server.places, server.allow_outside))


def _hints(
    server: RecipeServer, source: Source, params: lsp.InlayHintParams
) -> list[lsp.InlayHint]:
    checked = server.checked(params.text_document.uri, source)
    return list(hints(checked, params.range, server.places))


def _renamed(
    server: RecipeServer, source: Source, params: lsp.PrepareRenameParams
) -> lsp.Range | None:
    span = renamed_stage(source, params.position, server.places)
    return server.places.range(span) if span else None


def _rename(
    server: RecipeServer, source: Source, params: lsp.RenameParams
) -> lsp.WorkspaceEdit | None:
    try:
        edits = rename(source, params.position, server.places, params.new_name)
    except RenameError as error:
        code = lsp.LSPErrorCodes.RequestFailed.value
        raise JsonRpcException(str(error), code=code) from None
    return lsp.WorkspaceEdit(changes={params.text_document.uri: edits}) if edits else None


def _actions(
    server: RecipeServer, source: Source, params: lsp.CodeActionParams
) -> list[lsp.CodeAction]:
    uri = params.text_document.uri
    only = params.context.only
    compile_recipe = compiler(server.buffer, server.allow_outside)
    if only is None or any(_within(lsp.CodeActionKind.QuickFix.value, kind) for kind in only):
        checked = server.checked(uri, source)
        return [
            *fixes(checked, uri, params.range, server.places, compile_recipe),
            *silences(checked, uri, params.range, server.places),
        ]
    if any(_within(FIX_ALL, kind) for kind in only):
        return list(fix_all(source, uri, server.places, compile_recipe))
    return []


def _within(kind: str, asked: str) -> bool:
    """Whether a kind of action is the one that is asked for, or a kind of that."""
    return f"{kind}.".startswith(f"{getattr(asked, 'value', asked)}.")


def _formatting(server: RecipeServer, source: Source, _: Any) -> list[lsp.TextEdit]:
    from ltdsl.format import format_source  # needed by those who ask only

    text = format_source(source)
    if not isinstance(text, str) or text == source.text:
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
        _asked(list, _completion),
        lsp.CompletionOptions(trigger_characters=list(TRIGGERS)),
    ),
    (lsp.TEXT_DOCUMENT_HOVER, _asked(_nothing, _hover), None),
    (
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP,
        _asked(_nothing, _signature),
        lsp.SignatureHelpOptions(trigger_characters=list(SIGNATURE_TRIGGERS)),
    ),
    (lsp.TEXT_DOCUMENT_DEFINITION, _asked(_nothing, _definition), None),
    (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, _asked(list, _symbols), None),
    (lsp.TEXT_DOCUMENT_FOLDING_RANGE, _asked(list, _folds), None),
    (lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, _asked(_colourless, _colours), LEGEND),
    (lsp.TEXT_DOCUMENT_DOCUMENT_LINK, _asked(list, _links), None),
    (lsp.TEXT_DOCUMENT_INLAY_HINT, _asked(list, _hints), None),
    (lsp.TEXT_DOCUMENT_PREPARE_RENAME, _asked(_nothing, _renamed), None),
    (
        lsp.TEXT_DOCUMENT_RENAME,
        _asked(_nothing, _rename),
        lsp.RenameOptions(prepare_provider=True),
    ),
    (lsp.TEXT_DOCUMENT_FORMATTING, _asked(list, _formatting), None),
    (
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        _asked(list, _actions),
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix, FIX_ALL]),
    ),
)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Whether a record is of anything but a request that was refused: whoever asked is told, and the log is not."""
    return not (record.exc_info and isinstance(record.exc_info[1], JsonRpcException))


def create(allow_outside: bool = False, page: str = "") -> RecipeServer:
    """A server with all its features."""
    server = RecipeServer(allow_outside, page)
    for method, handler, options in _HANDLERS:
        server.feature(method, options)(_guarded(handler))
    server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)(_changed)
    return server


def serve(allow_outside: bool = False, page: str = "") -> None:
    """Serve one editor over standard input and output, until it says goodbye.

    Args:
        allow_outside: Whether files that recipes name may lie outside their folder.
        page: The address of the page of diagnostics.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_no_refusal)
    create(allow_outside, page).serve(sys.stdin.buffer)
