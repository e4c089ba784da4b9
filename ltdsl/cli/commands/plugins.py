"""`ltdsl plugins`: what other packages add to the language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.complete import plugin_packages
from ltdsl.cli.options import Form, Format
from ltdsl.cli.output import misused, new_console, print_json
from ltdsl.cli.usage import Command, Group
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Collection

    from ltdsl.plugins.offers import Offer

plugins = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="See what other packages add to the language, and enable it.",
)

Package = Annotated[
    str,
    typer.Argument(
        metavar="PACKAGE",
        help="The package's name, as pip has it.",
        autocompletion=plugin_packages,
        show_default=False,
    ),
]


@plugins.command("list", cls=Command)
def list_packages(
    form: Form = Format.TEXT,
) -> None:
    """List what installed packages add, and whether it is enabled.

    None of their code is run for this.
    """
    from ltdsl.plugins.offers import offers

    wanted, found = _enabled(), offers()
    if form is Format.JSON:
        print_json([_as_data(offer, wanted) for offer in found])
        return
    if not found:
        say("no installed package adds anything")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("package", "version", "adds", ""):
        table.add_column(column, no_wrap=True)
    for offer in found:
        state = "enabled" if offer.package in wanted else "not enabled"
        table.add_row(offer.package, offer.version, f"{offer.kind.kind} {offer.name}", state)
    new_console().print(table)


@plugins.command(cls=Command)
def enable(package: Package) -> None:
    """Let a package's code run, for this user.

    What it declares is known to every command from now on, whatever the folder. A recipe can never do this.
    """
    from ltdsl.catalogue.names import nearest
    from ltdsl.plugins.enabled import normal
    from ltdsl.plugins.offers import offers

    name, found = normal(package), offers()
    known = {offer.package for offer in found}
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean `{close}`?" if close else "see `ltdsl plugins list`"
        misused(f"no installed package `{package}` adds anything to ltdsl; {hint}")
    _write(_enabled() | {name})
    added = ", ".join(offer.name for offer in found if offer.package == name)
    say(f"{name} is enabled; it adds {added}")


@plugins.command(cls=Command)
def disable(package: Package) -> None:
    """Go without a package from now on."""
    from ltdsl.plugins.enabled import normal

    name, before = normal(package), _enabled()
    if name not in before:
        misused(f"the package `{package}` is not enabled; see `ltdsl plugins list`")
    _write(before - {name})
    say(f"{name} is disabled")


def _enabled() -> frozenset[str]:
    from ltdsl.plugins.enabled import SettingError, enabled

    try:
        return enabled()
    except SettingError as error:
        misused(str(error))


def _write(names: Collection[str]) -> None:
    from ltdsl.plugins.enabled import SettingError, write

    try:
        write(names)
    except SettingError as error:
        misused(str(error))


def _as_data(offer: Offer, wanted: Collection[str]) -> dict[str, str | bool]:
    return {
        "package": offer.package,
        "version": offer.version,
        "kind": offer.kind.kind,
        "name": offer.name,
        "enabled": offer.package in wanted,
    }
