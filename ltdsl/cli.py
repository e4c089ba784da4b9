"""The command line. Whatever a command needs is imported when it runs: `check` must start quickly."""

from __future__ import annotations

import json
import os
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from ltdsl.compiler import Compilation
    from ltdsl.diagnostics import Diagnostic

# no plugin has a part in a command, and pydantic's search for them costs a quarter of its start-up
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(
    name="ltdsl",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Recipe = Annotated[Path, typer.Argument(help="The recipe.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="ADDRESS=VALUE",
        help="Change a value, such as epochs=400, dataset.imbalance=50, stage2.cs_ce.gamma=0.5 or "
        "stage2.at=80%. Repeatable; later ones win.",
        show_default=False,
    ),
]
Seed = Annotated[int | None, typer.Option(help="The same as --set seed=N.", show_default=False)]
Strict = Annotated[bool, typer.Option("--strict", help="Fail on warnings and advice too.")]


class Device(str, Enum):
    """Where to train."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"
    ASCEND = "ascend"


class Phase(str, Enum):
    """What `plan --emit` prints."""

    SYNTAX = "syntax"
    RECIPE = "recipe"
    PLAN = "plan"


def _version(wanted: bool) -> None:
    if wanted:
        from ltdsl import __version__

        typer.echo(f"ltdsl {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Recipes for training on long-tailed image data.

    A recipe says in a line or a page which tricks are used when:

        stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160

    Check it, look at its plan, run it. Exit codes: 0 fine, 1 problems found or the run failed, 2 wrong use of the
    command.
    """


@app.command()
def check(
    recipes: Annotated[
        list[Path], typer.Argument(help="Recipes, or folders with .lt files.", show_default=False)
    ],
    changes: Set = None,
    strict: Strict = False,
) -> None:
    """Find every problem in recipes, without training anything."""
    from ltdsl.diagnostics.render import summary

    found: list[Diagnostic] = []
    results = {path: _compile(path, changes) for path in _files(recipes)}
    parts = _parts(results, recipes)
    files = len(results) - len(parts)
    for path, result in results.items():
        if path in parts:
            continue
        problems = result if isinstance(result, list) else result.diagnostics
        _show(problems)
        found += problems
    noun = "recipe" if files == 1 else "recipes"
    typer.echo(summary(found) if found else f"{files} {noun} checked: no problems")
    if _blocking(found, strict):
        raise typer.Exit(1)


@app.command()
def plan(
    recipe: Recipe,
    emit: Annotated[
        Phase | None,
        typer.Option(help="Print a phase of the compilation as JSON.", show_default=False),
    ] = None,
    changes: Set = None,
    seed: Seed = None,
    strict: Strict = False,
) -> None:
    """Show what a recipe means: its stages with every value resolved."""
    result = _compiled(recipe, changes, seed, strict, quiet=emit is not None)
    if emit is Phase.SYNTAX:
        from ltdsl.syntax.emit import syntax_to_json

        _print_json(syntax_to_json(result.tree))
    elif emit is Phase.RECIPE:
        assert result.recipe is not None
        _print_json(result.recipe.model_dump(mode="json", by_alias=True))
    elif emit is Phase.PLAN:
        assert result.plan is not None
        typer.echo(result.plan.to_json(), nl=False)
    else:
        from ltdsl.tables import ENDS, headline, plan_table

        assert result.plan is not None
        console = _console()
        console.print(headline(result.plan), highlight=False)
        console.print()
        console.print(plan_table(result.plan))
        console.print(f"\nthree figures are those of the {ENDS} class", style="dim")


@app.command()
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

    result = _compiled(recipe, changes, seed, strict)
    assert result.plan is not None
    from ltdsl.tables import headline, plan_table, result_table
    from runtime.errors import RunError
    from runtime.run import run as train

    if out is None:
        out = Path("runs") / f"{recipe.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    console = _console()
    console.print(headline(result.plan), highlight=False)
    console.print()
    console.print(plan_table(result.plan))
    console.print()
    try:
        figures = train(
            result.plan,
            {_within(source.path, recipe): source.text for source in result.sources},
            out,
            console,
            device=device.value,
            data=data,
            root=recipe.parent,
            keep_cam=keep_cam,
            changes=_changes(changes, seed),
        )
    except RunError as error:
        _fail(error.code, error.message, error.hint)
    except KeyboardInterrupt:
        _fail("LT499", f"interrupted; {out} keeps everything up to the last whole epoch")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail("LT499", f"{where}{error.strerror or error}", "free space or choose another folder")
    console.print()
    console.print(result_table(figures))
    console.print(f"\n{out}", highlight=False, soft_wrap=True)


@app.command()
def advise(
    recipe: Recipe,
    changes: Set = None,
    seed: Seed = None,
    rows: Annotated[int, typer.Option(min=1, help="Published rows to show of each split.")] = 5,
    strict: Strict = False,
) -> None:
    """Show what was published nearest to a recipe, and what that would change first."""
    result = _compiled(recipe, changes, seed, strict)
    assert result.recipe is not None
    from ltdsl.evidence.tables import advice

    console = _console()
    for part in advice(result.recipe, rows):
        console.print(part, highlight=False)


@app.command()
def tricks() -> None:
    """List all tricks, by kind."""
    from rich.table import Table

    from ltdsl.catalogue import TRICKS

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("kind", "trick", ""):
        table.add_column(column)
    for name, entry in TRICKS.items():
        table.add_row(entry.kind, name, entry.summary())
    _console().print(table)


@app.command()
def explain(
    name: Annotated[
        str, typer.Argument(help="A trick, any other name of a recipe, or a code such as LT201.")
    ],
) -> None:
    """Explain a name or a diagnostic code."""
    from ltdsl.cards import SECTIONS, card, code_card, compared, published
    from ltdsl.diagnostics import nearest
    from ltdsl.diagnostics.codes import CODES

    entries = {key: entry for index in SECTIONS.values() for key, entry in index.items()}
    if name.upper() in CODES:
        parts = [code_card(name.upper(), CODES[name.upper()]), compared(name.upper())]
    elif name in entries:
        parts = [card(entries[name]), published(name)]
    else:
        close = nearest(name, [*entries, *CODES])
        hint = f"; did you mean `{close}`?" if close else "; see `ltdsl tricks`"
        _misused(f"nothing is called `{name}`{hint}")
    text = "\n\n".join(filter(None, parts))
    console = _console()
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(text))
    else:
        typer.echo(text)


# ── shared ───────────────────────────────────────────────────────────────────────────────────────


def _files(paths: list[Path]) -> list[Path]:
    """The recipes that paths stand for: files as they are, folders with all .lt files below them."""
    files: list[Path] = []
    for path in paths:
        below = sorted(path.rglob("*.lt")) if path.is_dir() else [path]
        if not below:
            _misused(f"there is no .lt file in {path}")
        files += below
    return files


def _parts(results: Mapping[Path, Compilation | list[Diagnostic]], named: list[Path]) -> set[Path]:
    """Files found in folders that hold settings for other recipes: checked where they are used, not as recipes."""
    from ltdsl.syntax import Stage

    compiled = {path: result for path, result in results.items() if not isinstance(result, list)}
    used = {
        source.path.resolve()
        for result in compiled.values()
        for source in result.sources[1:]
        if source.path
    }
    return {
        path
        for path, result in compiled.items()
        if path not in named
        and path.resolve() in used
        and not any(isinstance(statement, Stage) for statement in result.tree.statements)
    }


def _changes(changes: list[str] | None, seed: int | None) -> tuple[str, ...]:
    return (*(changes or []), *([] if seed is None else [f"seed={seed}"]))


def _compile(
    path: Path, changes: list[str] | None, seed: int | None = None
) -> Compilation | list[Diagnostic]:
    """Compile a file; a list of problems where it cannot be read."""
    from ltdsl.compiler import compile_recipe
    from ltdsl.syntax.parser import read_source
    from ltdsl.syntax.source import Source

    source = read_source(path)
    if not isinstance(source, Source):
        return [source]
    return compile_recipe(source, _changes(changes, seed))


def _compiled(
    path: Path, changes: list[str] | None, seed: int | None, strict: bool, quiet: bool = False
) -> Compilation:
    """Compile a file, show its problems, and stop where they are in the way.

    Args:
        path: The recipe.
        changes: ``--set``.
        seed: ``--seed``.
        strict: Stop on warnings and advice too.
        quiet: Show only what is in the way, on standard error: standard output is for data.
    """
    result = _compile(path, changes, seed)
    problems = result if isinstance(result, list) else result.diagnostics
    stop = _blocking(problems, strict)
    if stop or not quiet:
        _show(problems, to_stderr=quiet)
    if stop or isinstance(result, list):
        raise typer.Exit(1)
    return result


def _blocking(problems: list[Diagnostic], strict: bool) -> bool:
    from ltdsl.diagnostics import Severity

    return any(strict or problem.severity is Severity.ERROR for problem in problems)


def _show(problems: list[Diagnostic], to_stderr: bool = False) -> None:
    from ltdsl.diagnostics.render import render

    for problem in problems:
        typer.echo(render(problem) + "\n", err=to_stderr)


def _within(path: Path | None, recipe: Path) -> str:
    """A used file's path relative to the recipe's folder."""
    assert path is not None
    return path.resolve().relative_to(recipe.parent.resolve()).as_posix()


def _console() -> Console:
    from rich.console import Console

    return Console()


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    typer.echo(f"error[{code}]: {message}", err=True)
    if hint:
        typer.echo(f"  = help: {hint}", err=True)
    raise typer.Exit(1)


def _misused(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Entry point of the `ltdsl` command."""
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character shows another one, never a traceback
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()
