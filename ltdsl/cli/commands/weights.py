"""`ltdsl weights`: what published weights hold, and checkpoints made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.options import Form, Format
from ltdsl.cli.output import fail, misused, need, print_json, show
from ltdsl.cli.usage import Command, Group
from ltdsl.system.terminal import say
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.catalogue import Model

weights = typer.Typer(
    cls=Group, no_args_is_help=True, help="Look into published weights, and convert them."
)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Weights of PyTorch (.pth, .th, .pt), of safetensors, or a MindSpore checkpoint.",
        show_default=False,
    ),
]


@weights.command(cls=Command)
def inspect(
    file: File,
    form: Form = Format.TEXT,
) -> None:
    """List the tensors of a file.

    Nothing in it is executed: it is read as data, and refused where it holds anything but tensors.
    """
    need("`ltdsl weights inspect`", "train")
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.conversion import contents

    try:
        facts = contents(file)
    except RunError as error:
        fail(error.code, error.message, error.hint)
    if form is Format.JSON:
        print_json(facts)
        return
    say(
        f"{file}: {facts['form']}, {counted(len(facts['tensors']), 'tensor')}, {counted(facts['numbers'], 'number')}"
    )
    width = max((len(each["name"]) for each in facts["tensors"]), default=0)
    for each in facts["tensors"]:
        shape = " × ".join(map(str, each["shape"])) or "one number"
        say(f"  {each['name']:<{width}}  {each['type']:<8} {shape}")


@weights.command(cls=Command)
def convert(
    file: File,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Whose weights they are, as a recipe names it: resnet32, 'mindcv(name = \"resnet18\")'.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE", help="The checkpoint.", show_default=False),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Make a checkpoint of weights of PyTorch or of safetensors.

    `init` takes such files as they are; teachers and other programs of MindSpore need a checkpoint.
    """
    if out.suffix != ".ckpt":
        misused(f"{out} is no name of a checkpoint: it ends in .ckpt")
    need("`ltdsl weights convert`", "train")
    entry = _model(model)
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.conversion import convert

    try:
        lines = convert(file, entry, out, force)
    except RunError as error:
        fail(error.code, error.message, error.hint)
    for line in lines:
        say(line)
    say(f'{out} written; start from it with `init = "{out.name}"`')


def _model(text: str) -> Model:
    """The model that `--model` names; ends the command where there is none."""
    from ltdsl.compiler import compile_recipe
    from ltdsl.diagnostics import Severity
    from ltdsl.source import Source

    result = compile_recipe(Source("--model", f"model = {text}\nstage1: ce"))
    if result.recipe is None or result.failed:
        errors = [found for found in result.diagnostics if found.severity is Severity.ERROR]
        show(errors)
        misused("--model takes a model as a recipe names it")
    return result.recipe.settings.model
