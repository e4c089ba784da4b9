"""Messages that no editor sends: each is answered, and the next one is served."""

from __future__ import annotations

import io
import json

import pytest
from lsp.client import Client

from ltdsl.lsp.messages import LARGEST, Messages


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    client = Client(tmp_path_factory.mktemp("lsp"))
    client.initialize()
    client.open("recipe.lt", "stage1: ce\n")
    yield client
    client.end()


def framed(body, length=None):
    return b"Content-Length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


def request(number, method="textDocument/hover", **params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


HEADS = {
    "negative length": b"Content-Length: -5\r\n\r\n",
    "no number": b"Content-Length: 5e3\r\n\r\n",
    "too many digits": b"Content-Length: " + b"9" * 900 + b"x\r\n\r\n",
    "body too short for its length": framed(b'{"jsonrpc"', 4),
    "no JSON": framed(b"{"),
    "nested too deeply": framed(b"[" * 100_000),
    "not even text": framed(bytes(range(256))),
    "too long": framed(b" " * (LARGEST + 1)),
    "empty": framed(b""),
    "a list": framed(b"[]"),
    "a number": framed(b"9" * 5000),
    "nothing": framed(b"null"),
}


@pytest.mark.parametrize("what", HEADS)
def test_what_is_no_message_is_answered(client, what):
    client._process.stdin.write(HEADS[what])
    client._process.stdin.write(framed(request(what, **client.at("recipe.lt", 0, 9))))
    client._process.stdin.flush()
    assert client._wait(lambda message: message.get("id") == what)["result"]
    refused = client._wait(lambda message: "id" in message and message["id"] is None)
    assert refused["error"]["code"] in (-32700, -32600)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"textDocument": None, "position": 1},
        {"textDocument": {"uri": 5}, "position": {"line": [], "character": {}}},
    ],
)
def test_a_request_with_other_parameters_is_answered(client, params):
    client._process.stdin.write(framed(request(77, **params)))
    client._process.stdin.flush()
    answer = client._wait(lambda message: message.get("id") == 77)
    assert "error" in answer or answer["result"] is None


@pytest.mark.parametrize("line", [-1, -(2**40), 1, 2**31, 10**30])
@pytest.mark.parametrize("character", [-1, 2**31, 10**30])
@pytest.mark.parametrize("method", ["textDocument/hover", "textDocument/completion"])
def test_positions_out_of_range_are_answered(client, line, character, method):
    client._send({"id": 99, "method": method, "params": client.at("recipe.lt", line, character)})
    answer = client._wait(lambda message: message.get("id") == 99)
    assert ("error" in answer) == (min(line, character) < 0 or max(line, character) >= 2**31)


def test_a_length_without_end_is_no_memory():
    class Endless(io.RawIOBase):
        """Gives a head, then nothing but spaces."""

        asked = 0

        def readline(self, size=-1):
            lines = [b"Content-Length: 99999999999999999999\r\n", b"\r\n"]
            self.asked += 1
            return lines[self.asked - 1] if self.asked <= 2 else b""

        def read(self, size=-1):
            self.asked += 1
            assert size <= LARGEST
            return b" " * 10 if self.asked < 100 else b""

    assert Messages(Endless()).readline() == b""


def test_it_ends_in_order(tmp_path):
    client = Client(tmp_path)
    try:
        client.initialize()
        client._process.stdin.write(b"Content-Length: 1000\r\n\r\n{")
        client._process.stdin.close()
        assert client._process.wait(timeout=60) in (0, 1)
    finally:
        client.end()
