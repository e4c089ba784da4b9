"""From a declaration to what implements it: in the table of its kind, or in the plug-in that declares it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ltdsl.catalogue import Entry
from ltdsl.plugins import loading as plugins
from ltdsl_runtime.errors import RunError

T = TypeVar("T")


def implementation(table: Mapping[str, T], entry: Entry | type[Entry]) -> T:
    """What implements an entry; the code of a plug-in is loaded here, and nowhere else.

    Args:
        table: ltdsl's own implementations of its kind, and those that a program has added.
        entry: The entry, or its declaration.

    Raises:
        RunError: LT434, its plug-in has none, or it cannot be loaded.
    """
    found = implementation_if_any(table, entry)
    if found is None:
        raise RunError(
            "LT434",
            f"nothing implements `{entry.name}`{_whose(entry)}",
            f"the package needs an entry point `{entry.name}` in the group `ltdsl.implementations`",
        )
    return found


def implementation_if_any(table: Mapping[str, T], entry: Entry | type[Entry]) -> T | None:
    """The same, for entries that may be all said by their declarations: None for these."""
    if entry.name in table:
        return table[entry.name]
    try:
        found: T | None = plugins.implementation(_declaration(entry))
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # it is other people's code, and may even exit
        first = (str(error).splitlines() or [""])[0]
        raise RunError(
            "LT434",
            f"what implements `{entry.name}`{_whose(entry)} cannot be loaded: {type(error).__name__}: {first}",
            "report it to its authors",
        ) from error
    return found


def _declaration(entry: Entry | type[Entry]) -> type[Entry]:
    return entry if isinstance(entry, type) else type(entry)


def _whose(entry: Entry | type[Entry]) -> str:
    package = plugins.package_of(_declaration(entry))
    return f", of the plug-in {package}" if package else ""
