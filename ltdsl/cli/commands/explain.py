"""`ltdsl tricks`, `ltdsl explain` and `ltdsl advise`: what is known about tricks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.compiling import compiled
from ltdsl.cli.complete import names
from ltdsl.cli.options import AllowOutside, Form, Format, Recipe, Seed, Set, StdinFilename, Strict
from ltdsl.cli.output import misused, need, new_console, print_json
from ltdsl.cli.survey import Data, surveyor
from ltdsl.system.terminal import say_lines
from ltdsl.wording import plural

if TYPE_CHECKING:
    from ltdsl.plan import Plan


def advise(
    recipe: Recipe,
    data: Data = None,
    changes: Set = None,
    seed: Seed = None,
    rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="Published rows to show of each split.")
    ] = 5,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Show your own runs in this folder that are nearest, too. Repeatable.",
            show_default=False,
        ),
    ] = None,
    form: Form = Format.TEXT,
    strict: Strict = False,
    allow_outside: AllowOutside = False,
    stdin_filename: StdinFilename = None,
) -> None:
    """Show what was published nearest to a recipe.

    And what those rows would change about it first.
    """
    if runs and form is Format.JSON:
        misused("--runs is for people: `ltdsl runs --format json` lists runs for programs")
    if runs:
        need("`ltdsl advise --runs`", "report", "numpy")
        missing = next((path for path in runs if not path.is_dir()), None)
        if missing is not None:
            misused(f"there is no folder {missing}")
    result = compiled(
        recipe,
        changes,
        seed,
        strict,
        allow_outside=allow_outside,
        stdin_filename=stdin_filename,
        survey=surveyor(stdin_filename or recipe, data, allow_outside=allow_outside),
    )
    assert result.recipe is not None
    from ltdsl.evidence.tables import advice, advice_data

    if form is Format.JSON:
        print_json(advice_data(result.recipe, rows, result.counts))
        return
    console = new_console()
    for part in advice(result.recipe, rows, result.counts):
        console.print(part)
    if runs:
        from ltdsl.judge.own import own_advice

        assert result.plan is not None
        for part in own_advice(result.plan, runs, rows):
            console.print(part)


def tricks(
    tested: Annotated[
        str | None,
        typer.Option(
            "--test",
            metavar="NAME",
            help="See that this trick, model, augmentation or data set does what every one of its kind does.",
            autocompletion=names,
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    form: Form = Format.TEXT,
) -> None:
    """List all tricks, by kind; or put one through its paces.

    Whoever writes a plug-in tries it so, on embedded data: its gradient, its graph, its company, a break in its run,
    two workers. Of a data set, whose files --data names: labels, images, other processes, its split.
    """
    if tested is not None:
        if form is Format.JSON:
            misused("--format json lists tricks: leave --test out")
        _try(tested, data)
        return
    if data is not None:
        misused("--data has the files of the data set that --test tries: name it")
    if form is Format.JSON:
        from ltdsl.reference.data import tricks_data

        print_json({"tricks": tricks_data()})
        return
    from rich.table import Table

    from ltdsl.catalogue import TRICKS

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("kind")
    table.add_column("trick", min_width=max(map(len, TRICKS)))  # a name that is cut is no name
    table.add_column()
    for name, entry in TRICKS.items():
        table.add_row(entry.kind, name, entry.summary())
    new_console().print(table)


def _try(name: str, data: Path | None) -> None:
    from tempfile import TemporaryDirectory

    from ltdsl.catalogue import INDEXES, Dataset
    from ltdsl.catalogue.names import nearest
    from ltdsl.system.terminal import say

    known = {key: entry for index in INDEXES.values() for key, entry in index.items()}
    if name not in known:
        close = nearest(name, known)
        misused(
            f"nothing is called `{name}`; "
            + (f"did you mean `{close}`?" if close else "see `ltdsl tricks`")
        )
    entry = known[name]
    if data is not None and not issubclass(entry, Dataset):
        misused(f"{plural(entry.kind)} are tried on embedded data: leave out --data")
    need("`ltdsl tricks --test`", "train")
    from ltdsl_runtime.machine.device import prepare

    prepare("cpu")
    from ltdsl_runtime.use.trial import Trial
    from ltdsl_runtime.use.trial_data import DataTrial

    failed, console = 0, new_console(mute=True)
    with TemporaryDirectory(prefix="ltdsl-") as folder:
        trial = (
            DataTrial(entry, data, _plan_of, console)
            if issubclass(entry, Dataset)
            else Trial(entry, Path(folder), _plan_of, console)
        )
        for check, passed, said in trial():
            say(f"{'–' if passed is None else 'ok' if passed else 'FAILED':<7}{check}: {said}")
            failed += passed is False
    if failed:
        raise typer.Exit(1)


def _plan_of(text: str) -> Plan | str:
    """A recipe's plan, or the code of what is wrong with it, and why."""
    from ltdsl.compiler import compile_recipe
    from ltdsl.diagnostics import Severity
    from ltdsl.source import Source

    result = compile_recipe(Source("trial.lt", text), allow_outside=True)
    errors = [each for each in result.diagnostics if each.severity is Severity.ERROR]
    if errors or result.plan is None:
        return f"{errors[0].code}: {errors[0].message}" if errors else "it has no plan"
    return result.plan


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A trick, setting, parameter, kind, code such as LT201, or word of the field.",
            autocompletion=names,
        ),
    ],
    form: Form = Format.TEXT,
) -> None:
    """Explain a name or a diagnostic code."""
    from ltdsl.catalogue.names import nearest
    from ltdsl.reference.explained import explained, known

    text = explained(name)
    if not text:
        close = nearest(name, known()) or nearest(name.upper(), known())
        is_code = name[:2].upper() == "LT" and name[2:].isdigit()
        listed = "docs/diagnostics.md has all codes" if is_code else "see `ltdsl tricks`"
        hint = f"; did you mean `{close}`?" if close else f"; {listed}"
        misused(f"nothing is called `{name}`{hint}")
    if form is Format.JSON:
        from ltdsl.reference.data import explained_data

        print_json(explained_data(name))
        return
    console = new_console()
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(text))
    else:
        say_lines(text)
