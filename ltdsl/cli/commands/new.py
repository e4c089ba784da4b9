"""`ltdsl new`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ltdsl.cli.complete import datasets, published_rows, recipe_files, splits, trick_chain
from ltdsl.cli.inputs import create_file
from ltdsl.cli.options import Format
from ltdsl.cli.output import misused, print_json, show
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ltdsl.reference.published_list import Wanted
    from ltdsl.syntax import Call


def new(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="The file to write, by default recipe.lt.",
            autocompletion=recipe_files,
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What to train on, such as 'image_folder(size = 128)'; by default digits_lt.",
            autocompletion=datasets,
            show_default=False,
        ),
    ] = None,
    tricks: Annotated[
        str | None,
        typer.Option(
            metavar="TRICK + TRICK",
            help="What to train with, such as 'input_mixup + cs_ce(gamma = 0.5)'.",
            autocompletion=trick_chain,
            show_default=False,
        ),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(
            metavar="ROW",
            help="Write the recipe of a published row instead, by a name that --list shows.",
            autocompletion=published_rows,
            show_default=False,
        ),
    ] = None,
    plugin: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Write a package instead that adds a loss of this name, in a folder of its own.",
            show_default=False,
        ),
    ] = None,
    show_list: Annotated[
        bool,
        typer.Option(
            "--list",
            help="Write nothing; show published rows, those with this --dataset and all of these --tricks.",
        ),
    ] = False,
    split: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="With --list: rows of this version of the data set, such as cao.",
            autocompletion=splits,
            show_default=False,
        ),
    ] = "",
    source: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="With --list: figures of documents whose name has this in it.",
            show_default=False,
        ),
    ] = "",
    form: Annotated[
        Format, typer.Option("--format", help="With --list: for people, or for programs.")
    ] = Format.TEXT,
) -> None:
    """Write a commented recipe to start from, or a published row's.

    Never over a file that is there.
    """
    if show_list:
        if path is not None or published is not None or plugin is not None:
            misused("--list writes nothing; leave FILE, --published and --plugin out")
        _list(_wanted(dataset, tricks, split, source), form)
        return
    if split or source or form is not Format.TEXT:
        misused("nothing is written: --split, --source and --format go with --list")
    if plugin is not None:
        if any(given is not None for given in (path, dataset, tricks, published)):
            misused("--plugin stands alone: the folder is named after the trick")
        _write_plugin(plugin)
        return
    path = path or Path("recipe.lt")
    if published is None:
        _write_starter(path, "digits_lt" if dataset is None else dataset, tricks)
    elif dataset is None and tricks is None:
        _write_published(path, published)
    else:
        misused("nothing is written: --published says the data set and the tricks itself")


def _write_starter(path: Path, dataset: str, tricks: str | None) -> None:
    from ltdsl.catalogue import DATASETS
    from ltdsl.reference.starter import are_photographs, photographs, starter
    from ltdsl.system.packages import missing

    called = _dataset(dataset)
    given = {argument.name.text: argument.value.span.text for argument in called.arguments}
    entry = DATASETS[called.name.text]
    if tricks is None and are_photographs(entry, given):
        _write(path, photographs(entry, path.name, given))
        if (lacking := missing(path.name, "pretrained")) is not None:
            say(lacking)
        return
    chain = None if tricks is None else _calls("--tricks", tricks, "tricks joined by +")
    _write(path, starter(DATASETS[called.name.text], path.name, chain, given))


def _write_published(path: Path, name: str) -> None:
    from ltdsl.reference.published import names, text_of, why_not

    printed = names().get(name)
    if printed is None:
        _unknown("published row", name, names(), "see `ltdsl new --list`")
    if reason := why_not(printed[0]):
        misused(f"nothing is written: {name} is no recipe, as {reason}")
    _write(path, text_of(printed))
    for note in dict.fromkeys(row.note for row in printed if row.note):
        say(f"note: {note}", err=True)


def _write_plugin(name: str) -> None:
    import re

    from ltdsl.catalogue import INDEXES
    from ltdsl.catalogue.fields import article
    from ltdsl.reference.plugin import package_name, plugin
    from ltdsl.system.writing import write_in

    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 60:
        misused(f"`{name}` is no name of a trick: small letters, digits and underscores")
    known = next((index[name] for index in INDEXES.values() if name in index), None)
    if known is not None:
        misused(f"there is {article(known.kind)} `{name}` already; choose another name")
    folder = Path(package_name(name))
    try:
        folder.mkdir()
        for path, text in plugin(name).items():
            write_in(folder, path, text)
    except FileExistsError:
        misused(f"{folder} is there already; choose another name")
    except OSError as error:
        misused(f"cannot write {folder}: {error.strerror or error}")
    say(f"{folder} written; install it, enable it, and try it:")
    say(f"  pip install -e {folder} && ltdsl plugins enable {folder} && ltdsl tricks --test {name}")


def _write(path: Path, text: str) -> None:
    """Write a recipe that compiles to a file that is not there; say what its plan shows."""
    from ltdsl.compiler import compile_recipe
    from ltdsl.diagnostics import Severity
    from ltdsl.format import format_source
    from ltdsl.reference.starter import plan_command
    from ltdsl.source import Source

    laid_out = format_source(Source(str(path), text))
    text = laid_out if isinstance(laid_out, str) else text
    result = compile_recipe(Source(str(path), text, path))
    if result.recipe is None or result.failed:
        errors = [found for found in result.diagnostics if found.severity is Severity.ERROR]
        show(errors)
        misused("nothing is written: these values make no recipe")
    try:
        create_file(path, text)
    except FileExistsError:
        misused(f"{path} is there already; choose another name")
    except (OSError, ValueError) as error:
        misused(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")
    show(result.diagnostics)
    shown = plan_command(type(result.recipe.settings.dataset), str(path))
    say(f"{path} written; see what it means with `{shown}`")


def _list(wanted: Wanted, form: Format) -> None:
    from ltdsl.reference.published_list import as_data, lines, listed

    found = listed(wanted)
    if form is Format.JSON:
        print_json(as_data(found))
        return
    for line in lines(found):
        say(line)
    if not found:
        say("no published row has all of that")


def _wanted(dataset: str | None, tricks: str | None, split: str, source: str) -> Wanted:
    """The options of `--list`; ends the command where one names nothing."""
    from ltdsl.catalogue import TRICKS
    from ltdsl.evidence import SPLITS
    from ltdsl.evidence.combination import of_chain
    from ltdsl.reference.published_list import Wanted

    wanted = Wanted(split=split, source=source)
    if split and split not in SPLITS:
        _unknown("split", split, SPLITS, f"known: {', '.join(SPLITS)}")
    if tricks is not None:
        for call in _calls("--tricks", tricks, "tricks joined by +"):
            if call.name.text not in TRICKS:
                _unknown("trick", call.name.text, TRICKS, "see `ltdsl tricks`")
        wanted = wanted._replace(tricks=of_chain(tricks))
    if dataset is not None:
        called = _dataset(dataset)
        given = {argument.name.text: argument.value.span.text for argument in called.arguments}
        asked = given.pop("imbalance", None)
        try:
            imbalance = None if asked is None else float(asked)
        except ValueError:
            misused(f"`imbalance = {asked}` is no number")
        if given:
            misused(
                f"--list looks for a data set by its name and `imbalance`, not `{next(iter(given))}`"
            )
        wanted = wanted._replace(family=called.name.text, imbalance=imbalance)
    return wanted


def _dataset(text: str) -> Call:
    """The data set that `--dataset` names; ends the command where there is none."""
    from ltdsl.catalogue import DATASETS

    called = _calls("--dataset", text, "a data set")
    if len(called) > 1:
        misused("nothing is written: --dataset takes one data set")
    if called[0].name.text not in DATASETS:
        _unknown("data set", called[0].name.text, DATASETS, f"known: {', '.join(DATASETS)}")
    return called[0]


def _unknown(kind: str, name: str, known: Iterable[str], otherwise: str) -> NoReturn:
    from ltdsl.catalogue.names import nearest

    close = nearest(name, known)
    misused(
        f"no {kind} is called `{name}`; " + (f"did you mean `{close}`?" if close else otherwise)
    )


def _calls(option: str, text: str, what: str) -> Sequence[Call]:
    """What an option's text names; ends the command where it does not parse."""
    from ltdsl.source import Source
    from ltdsl.syntax.parser import parse_chain

    chain, problems = parse_chain(Source(option, text))
    if chain is None:
        show(problems)
        misused(f"nothing is written: {option} takes {what}")
    return chain
