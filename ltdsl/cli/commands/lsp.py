"""`ltdsl lsp`."""

from __future__ import annotations

from typing import Annotated

import typer

from ltdsl.cli.options import AllowOutside
from ltdsl.cli.output import need


def lsp(
    stdio: Annotated[
        bool, typer.Option("--stdio", hidden=True, help="What it does anyway; some editors say so.")
    ] = True,
    allow_outside: AllowOutside = False,
) -> None:
    """Serve an editor: the language server, on standard streams."""
    del stdio
    need("`ltdsl lsp`", "lsp")
    from ltdsl.lsp.server import serve

    serve(allow_outside)
