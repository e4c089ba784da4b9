"""`ltdsl run`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ltdsl.cli.options import Recipe, Seed, Set, Strict
from ltdsl.cli.shared import all_changes, compiled, fail, new_console, within


class Device(str, Enum):
    """Where to train."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"
    ASCEND = "ascend"


def run(
    recipe: Recipe,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the data set's files.", show_default=False),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.AUTO,
    changes: Set = None,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run directory, empty or new. Default: runs/RECIPE-TIME.",
            show_default=False,
        ),
    ] = None,
    keep_cam: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep pictures of what stages with cam_bs do: image, map, foreground, result.",
            show_default=False,
        ),
    ] = None,
    strict: Strict = False,
) -> None:
    """Train and evaluate a recipe."""
    import time

    result = compiled(recipe, changes, seed, strict)
    assert result.plan is not None
    from ltdsl.tables import headline, plan_table, result_table
    from runtime.errors import RunError
    from runtime.run import run as train

    if out is None:
        out = Path("runs") / f"{recipe.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    console = new_console()
    console.print(headline(result.plan), highlight=False)
    console.print()
    console.print(plan_table(result.plan))
    console.print()
    try:
        figures = train(
            result.plan,
            {within(source.path, recipe): source.text for source in result.sources},
            out,
            console,
            device=device.value,
            data=data,
            root=recipe.parent,
            keep_cam=keep_cam,
            changes=all_changes(changes, seed),
        )
    except RunError as error:
        fail(error.code, error.message, error.hint)
    except KeyboardInterrupt:
        fail("LT499", f"interrupted; {out} keeps everything up to the last whole epoch")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail("LT499", f"{where}{error.strerror or error}", "free space or choose another folder")
    console.print()
    console.print(result_table(figures))
    console.print(f"\n{out}", highlight=False, soft_wrap=True)
