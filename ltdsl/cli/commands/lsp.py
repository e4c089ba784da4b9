"""`ltdsl lsp`."""

from __future__ import annotations

from typing import Annotated

import typer

from ltdsl.cli.inputs import stdin_must_be_open
from ltdsl.cli.options import AllowOutside
from ltdsl.cli.output import misused, need


def lsp(
    stdio: Annotated[
        bool, typer.Option("--stdio", hidden=True, help="What it does anyway; some editors say so.")
    ] = True,
    allow_outside: AllowOutside = False,
    docs: Annotated[
        str,
        typer.Option(
            "--docs",
            metavar="URL",
            help="The page of diagnostics (docs/diagnostics.md, or built as a site): codes lead there.",
        ),
    ] = "",
) -> None:
    """Serve an editor: the language server, on standard streams."""
    del stdio
    need("`ltdsl lsp`", "lsp")
    from ltdsl.codes.links import is_address
    from ltdsl.lsp.server import serve

    if docs and not is_address(docs):
        misused("--docs wants an address that begins with https://, http:// or file://")
    stdin_must_be_open()
    serve(allow_outside, docs)
