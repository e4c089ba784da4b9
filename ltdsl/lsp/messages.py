"""Messages as they come from an editor, or from whoever else writes to the server: bounded, and each one answered."""

from __future__ import annotations

import json
import re
from typing import Any, BinaryIO

#: Bytes of a message. A recipe has a MiB at most, and JSON writes a character in six bytes where it takes most.
LARGEST = 8 << 20

#: Bytes of a line of a message's head.
_LONGEST_LINE = 1024

#: Wherever it is in a line: a message whose length was wrong ends in the middle of one.
_LENGTH = re.compile(rb"content-length:[ \t]*([^ \t\r\n]+)[ \t]*\r?\n$", re.IGNORECASE)

#: JSON-RPC's codes.
PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS = -32700, -32600, -32602


class Messages:
    """Standard input, as the server's library reads it: of the messages, those alone that have a head and fit.

    Instead of another one it gets a body that is no JSON, so that the message is answered at its turn.

    Args:
        source: Standard input.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._head: list[bytes] = []
        self._body = b""

    def readline(self) -> bytes:
        """A line of the next message's head; nothing at the end."""
        if not self._head:
            body = self._next()
            if body is None:
                return b""
            self._body = body or b"!"  # an empty one would end the server
            self._head = [b"\r\n", b"Content-Length: %d\r\n" % len(self._body)]
        return self._head.pop()

    def read(self, length: int) -> bytes:
        """The message's body."""
        return self._body[:length]

    def _next(self) -> bytes | None:
        """The next body; None at the end."""
        length = None
        while line := self._source.readline(_LONGEST_LINE):
            if found := _LENGTH.search(line):
                length = found[1]
            elif length is not None and not line.strip():
                return self._content(length)
        return None

    def _content(self, length: bytes) -> bytes | None:
        """A body of so many bytes, or one that says why there is none."""
        if not length.isdigit():
            return b"a message's length must be a number"
        left = int(length[:20])
        if left <= LARGEST:
            return self._source.read(left)
        while left > 0 and (part := self._source.read(min(left, LARGEST))):
            left -= len(part)
        return b"a message may have %d bytes" % LARGEST if not left else None

    def refusal(self) -> dict[str, Any] | None:
        """The answer to a message that the library could not handle; None where nobody waits for one."""
        try:
            asked = json.loads(self._body)
        except (ValueError, RecursionError):
            return _error(None, PARSE_ERROR, "this is no JSON, or too long for a message")
        if not isinstance(asked, dict) or "method" not in asked:
            return _error(None, INVALID_REQUEST, "this is no request")
        if "id" not in asked:  # a notification
            return None
        number = asked["id"] if isinstance(asked["id"], int | str) else None
        return _error(number, INVALID_PARAMS, "its parameters are not those of its method")


def _error(number: int | str | None, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
