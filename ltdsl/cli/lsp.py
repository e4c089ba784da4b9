"""`ltdsl lsp`."""

from __future__ import annotations

from typing import Annotated

import typer

from ltdsl.cli.options import AllowOutside


def lsp(
    stdio: Annotated[
        bool, typer.Option("--stdio", hidden=True, help="What it does anyway; some editors say so.")
    ] = True,
    allow_outside: AllowOutside = False,
) -> None:
    """Serve an editor: the language server, on standard streams."""
    del stdio
    try:
        from ltdsl.lsp.server import serve
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        typer.echo('error: `ltdsl lsp` needs pygls: pip install "ltdsl[lsp]"', err=True)
        raise typer.Exit(1) from None
    serve(allow_outside)
