"""A small language client: what an editor does, over the server's standard input and output."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.processes import command, environment

TIMEOUT = 60  # seconds; a busy machine starts a process slowly


class Client:
    """One editor with one server."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            command("lsp", "--stdio", *options),
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._unread: list[dict[str, Any]] = []
        self.errors = b""
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._read, self._listen)
        ]
        for thread in self._threads:
            thread.start()
        self._last = 0

    def _read(self) -> None:
        stream = self._process.stdout
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            self._inbox.put(json.loads(stream.read(length)))
        self._inbox.put(None)

    def _listen(self) -> None:
        self.errors = self._process.stderr.read()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message that is wanted; others wait for those who want them."""
        for message in self._unread:
            if wanted(message):
                self._unread.remove(message)
                return message
        while message := self._inbox.get(timeout=TIMEOUT):
            if wanted(message):
                return message
            self._unread.append(message)
        raise AssertionError(f"the server has ended: {self.errors.decode()}")

    def notify(self, method: str, params: Any = None) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any = None) -> Any:
        self._last += 1
        number = self._last
        self._send({"id": number, "method": method, "params": params})
        answer = self._wait(lambda message: message.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    def refused(self, method: str, params: Any = None) -> dict[str, Any]:
        """The error that answers a request."""
        self._last += 1
        number = self._last
        self._send({"id": number, "method": method, "params": params})
        return self._wait(lambda message: message.get("id") == number)["error"]

    def initialize(self, encodings: list[str] | None = None) -> dict[str, Any]:
        general = {"positionEncodings": encodings} if encodings else {}
        rename = {"rename": {"prepareSupport": True}}
        result = self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": self.folder.as_uri(),
                "capabilities": {"general": general, "textDocument": rename},
            },
        )
        self.notify("initialized", {})
        return result["capabilities"]

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Opens a document; the diagnostics that it gets."""
        document = {"uri": self.uri(name), "languageId": "ltdsl", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics(name)

    def change(self, name: str, text: str, version: int) -> None:
        document = {"uri": self.uri(name), "version": version}
        changes = [{"text": text}]
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def diagnostics(self, name: str, version: int | None = None) -> list[dict[str, Any]]:
        """The next diagnostics of a document, or those of a version of it."""

        def wanted(message: dict[str, Any]) -> bool:
            params = message.get("params") or {}
            return (
                message.get("method") == "textDocument/publishDiagnostics"
                and params["uri"] == self.uri(name)
                and version in (None, params.get("version"))
            )

        return self._wait(wanted)["params"]["diagnostics"]

    def at(self, name: str, line: int, character: int) -> dict[str, Any]:
        position = {"line": line, "character": character}
        return {"textDocument": {"uri": self.uri(name)}, "position": position}

    def shut_down(self) -> int:
        """Says goodbye; the exit code."""
        assert self.request("shutdown") is None
        self.notify("exit")
        return self._process.wait(timeout=TIMEOUT)

    def end(self) -> None:
        """Ends it if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(TIMEOUT)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            stream.close()
