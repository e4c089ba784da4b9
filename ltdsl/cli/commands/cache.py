"""`ltdsl cache`: what was kept to be used again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ltdsl.cli.complete import cache_entries, cache_kinds
from ltdsl.cli.options import Form, Format
from ltdsl.cli.output import fail, misused, new_console, print_json
from ltdsl.cli.usage import Command, Group
from ltdsl.system.terminal import say
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.cache import Listed, Removed, Store
    from ltdsl.display.console import Console

cache = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Look through what is kept to be used again, and remove it.",
)


Value = TypeVar("Value")

#: Digits of a key that tell it from others.
_SHORT = 12


@cache.command("list", cls=Command)
def list_entries(form: Form = Format.TEXT) -> None:
    """List all entries, those first that were used last.

    The folder is `ltdsl` in the system's folder for caches, or what LTDSL_CACHE names; LTDSL_CACHE_LIMIT, 10 GB
    otherwise, is how large it may grow.
    """
    store = _store()
    entries = store.entries()
    if form is Format.JSON:
        print_json(
            {
                "folder": str(store.folder),
                "size": sum(entry.size for entry in entries),
                "limit": store.limit,
                "entries": [_as_data(entry) for entry in entries],
            }
        )
        return
    from rich.filesize import decimal
    from rich.table import Table

    console = new_console()
    size = decimal(sum(entry.size for entry in entries))
    _print(console, f"{store.folder}: {_count(entries)}, {size} of {decimal(store.limit)}")
    if not entries:
        return
    from ltdsl.cache.units import ago

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("entry", "kind", "size", "last used"):
        table.add_column(name, no_wrap=True)
    table.add_column("")
    for entry in entries:
        row = (entry.key[:_SHORT], entry.kind, decimal(entry.size))
        table.add_row(*row, ago(time.time() - entry.last_used), _shown(entry))
    console.print()
    console.print(table)


@cache.command(cls=Command)
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY",
            help="An entry, by the first digits of its name.",
            show_default=False,
            autocompletion=cache_entries,
        ),
    ],
    form: Form = Format.TEXT,
) -> None:
    """Show what an entry was made from, and what it holds.

    All of it is read, to see whether it is whole. Exit codes: 0 whole, 1 damaged.
    """
    from ltdsl.cache.listing import damage

    store = _store()
    entry = _named(store, name)
    problem = damage(entry, digests=True)
    if form is Format.JSON:
        print_json(_as_data(entry) | {"problem": problem})
    else:
        console = new_console()
        for label, text in _lines(entry):
            _print(console, f"{label:<11}{text}")
        _print(console, f"{'state':<11}{problem or 'whole'}")
    if problem:
        raise typer.Exit(1)


@cache.command(cls=Command)
def prune(
    limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Get down to this size, such as 2GB. Default: what LTDSL_CACHE_LIMIT says, or 10 GB.",
            show_default=False,
        ),
    ] = None,
    older: Annotated[
        str | None,
        typer.Option(
            metavar="AGE",
            help="Also remove what was not used for so long, such as 30d, 12h or 2w.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all files to find damaged entries.")
    ] = False,
    form: Form = Format.TEXT,
) -> None:
    """Remove damaged entries, and those used longest ago.

    And what killed processes have left. What is in use stays.
    """
    from ltdsl.cache.units import parse_age, parse_size

    size = _parsed("--limit", parse_size, limit)
    age = _parsed("--older", parse_age, older)
    _tell(_store().prune(size, age, verify=verify), form)


@cache.command(cls=Command)
def clear(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="Of this kind only, such as native-kernels.",
            show_default=False,
            autocompletion=cache_kinds,
        ),
    ] = None,
    form: Form = Format.TEXT,
) -> None:
    """Remove all entries, or those of a kind.

    What is in use stays. Whatever is needed again is made again.
    """
    from ltdsl.cache import KINDS
    from ltdsl.catalogue.names import nearest

    store = _store()
    known = {*KINDS, *(entry.kind for entry in store.entries())}
    if kind is not None and kind not in known:
        close = nearest(kind, known)
        hint = f"did you mean {close}?" if close else f"known: {', '.join(sorted(known))}"
        misused(f"the cache has no kind {kind}; {hint}")
    _tell(store.clear(None if kind is None else [kind]), form)


def _store() -> Store:
    from ltdsl.cache import CacheError, Store

    try:
        return Store.of_user()
    except CacheError as error:
        fail(error.code, error.message, error.hint)


def _named(store: Store, name: str) -> Listed:
    found = [entry for entry in store.entries() if entry.key.startswith(name.lower())]
    if not found:
        misused(f"the cache in {store.folder} has no entry {name}; see `ltdsl cache list`")
    if len(found) > 1:
        misused(f"{len(found)} entries begin with {name}: name more of its digits")
    return found[0]


def _parsed(option: str, parse: Callable[[str], Value], text: str | None) -> Value | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        misused(f"{option}: {error}")


def _as_data(entry: Listed) -> dict[str, Any]:
    record = entry.record
    return {
        "entry": entry.key,
        "kind": entry.kind,
        "folder": str(entry.place),
        "size": entry.size,
        "created": record and record.created.isoformat(timespec="seconds"),
        "last_used": _time(entry.last_used).isoformat(timespec="seconds"),
        "facts": record and record.facts,
        "files": record and {name: file.model_dump() for name, file in record.files.items()},
        "made_by": record and record.made_by,
        "problem": entry.problem,
    }


def _lines(entry: Listed) -> list[tuple[str, str]]:
    """What `show` says of an entry, with labels."""
    from rich.filesize import decimal

    from ltdsl.cache import KINDS

    kind, record = KINDS.get(entry.kind), entry.record
    lines = [
        ("entry", entry.key),
        ("kind", f"{entry.kind}: {kind.holds}" if kind else entry.kind),
        ("folder", str(entry.place)),
        ("size", decimal(entry.size)),
        ("last used", f"{_time(entry.last_used).astimezone():%Y-%m-%d %H:%M:%S}"),
    ]
    if record is None:
        return lines
    by = ", ".join(f"{name} {version}" for name, version in record.made_by.items())
    lines.append(("created", f"{record.created.astimezone():%Y-%m-%d %H:%M:%S} by {by}"))
    files = [f"{name}, {decimal(file.size)}, {file.sha256}" for name, file in record.files.items()]
    facts = json.dumps(record.facts, indent=2, ensure_ascii=False).splitlines()
    for label, texts in (("files", files), ("made from", facts)):
        lines += zip((label, *("" for _ in texts[1:])), texts, strict=True)
    return lines


def _shown(entry: Listed) -> str:
    """What tells an entry from others of its kind: the first line of some of its facts."""
    from ltdsl.cache import KINDS

    if entry.problem:
        return "damaged"
    facts = entry.record.facts if entry.record else {}
    kind = KINDS.get(entry.kind)
    names = kind.shows if kind else ()
    return ", ".join(str(facts[name]).partition("\n")[0] for name in names if name in facts)


def _tell(removed: Removed, form: Format) -> None:
    if form is Format.JSON:
        print_json(
            {
                "removed": [entry.key for entry in removed.gone],
                "size": removed.size,
                "in_use": [entry.key for entry in removed.in_use],
            }
        )
        return
    from rich.filesize import decimal

    text = f"removed {_count(removed.gone)}, {decimal(removed.size)}"
    stay = len(removed.in_use)
    if stay:
        text += f"; {stay} {'is in use and stays' if stay == 1 else 'are in use and stay'}"
    say(text)


def _count(entries: list[Listed] | tuple[Listed, ...]) -> str:
    return counted(len(entries), "entry")


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _print(console: Console, text: str) -> None:
    console.say(text)
