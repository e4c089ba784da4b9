"""What the shell can complete: names of the catalogue, and recipe files. Looked up only when Tab is pressed."""

from __future__ import annotations

import os
from pathlib import Path


def names(incomplete: str) -> list[tuple[str, str]]:
    """What `ltdsl explain` knows, each with a few words about it."""
    from ltdsl.reference.explained import known

    return [pair for pair in known().items() if pair[0].startswith(incomplete)]


def tricks(incomplete: str) -> list[tuple[str, str]]:
    """Names of tricks."""
    from ltdsl.catalogue import TRICKS

    known = {name: entry.summary() for name, entry in TRICKS.items()}
    return [pair for pair in known.items() if pair[0].startswith(incomplete)]


def datasets(incomplete: str) -> list[tuple[str, str]]:
    """Names of data sets."""
    from ltdsl.catalogue import DATASETS

    known = {name: entry.summary() for name, entry in DATASETS.items()}
    return [pair for pair in known.items() if pair[0].startswith(incomplete)]


def assignments(incomplete: str) -> list[tuple[str, str]]:
    """What ``--set`` takes: addresses of settings and their parts, by the field's words too; then names for a value."""
    from ltdsl.analysis.addresses import address_of, addresses, values_of
    from ltdsl.catalogue.glossary import GLOSSARY

    address, sign, value = incomplete.partition("=")
    if sign:
        found = values_of(address).items()
        return [(f"{address}={name}", about) for name, about in found if name.startswith(value)]
    words = {word: row for word, row in GLOSSARY.items() if address_of(word)}
    return [
        *((f"{each}=", about) for each, about in addresses().items() if each.startswith(address)),
        *(
            (word, f"write {address_of(word)}=…: {row.what}")
            for word, row in words.items()
            if word.startswith(address)
        ),
    ]


def cache_kinds(incomplete: str) -> list[tuple[str, str]]:
    """Kinds of entries of the cache."""
    from ltdsl.cache import KINDS

    return [(name, kind.holds) for name, kind in KINDS.items() if name.startswith(incomplete)]


def cache_entries(incomplete: str) -> list[tuple[str, str]]:
    """Entries of the cache, by the first digits of their names."""
    from ltdsl.cache import CacheError, Store

    try:
        found = Store.of_user().entries()
    except CacheError:
        return []
    return [(entry.key[:12], entry.kind) for entry in found if entry.key.startswith(incomplete)]


def plugin_packages(incomplete: str) -> list[tuple[str, str]]:
    """Installed packages that add something, with what."""
    from ltdsl.plugins.offers import offers

    found: dict[str, list[str]] = {}
    for offer in offers():
        found.setdefault(offer.package, []).append(offer.name)
    return [(name, ", ".join(adds)) for name, adds in found.items() if name.startswith(incomplete)]


def trick_chain(incomplete: str) -> list[tuple[str, str]]:
    """Names of tricks after those that are there, joined by ``+``."""
    from ltdsl.catalogue import TRICKS

    before, plus, last = incomplete.rpartition("+")
    space = last[: len(last) - len(last.lstrip())]
    return [
        (f"{before}{plus}{space}{name}", entry.summary())
        for name, entry in TRICKS.items()
        if name.startswith(last.lstrip())
    ]


def published_rows(incomplete: str) -> list[tuple[str, str]]:
    """Names of published rows that are recipes, with their top-1 errors."""
    from ltdsl.reference.published import names, why_not

    return [
        (name, ", ".join(dict.fromkeys(f"{row.error:.2f} %" for row in printed)))
        for name, printed in names().items()
        if name.startswith(incomplete) and not why_not(printed[0])
    ]


def splits(incomplete: str) -> list[tuple[str, str]]:
    """Names of the splits that rows were published on."""
    from ltdsl.evidence import SPLITS

    return [pair for pair in SPLITS.items() if pair[0].startswith(incomplete)]


def recipe_files(incomplete: str) -> list[str]:
    """Recipes and folders."""
    return _files(incomplete, (".lt",))


def plan_files(incomplete: str) -> list[str]:
    """What `ltdsl diff` takes: recipes, plans, and folders, of which some are run directories."""
    return _files(incomplete, (".lt", ".json"))


def run_folders(incomplete: str) -> list[str]:
    """Run directories, those in `runs` at once, and the folders on the way to others."""
    from ltdsl.runs.layout import FACTS

    found = _files(incomplete, ("/",))
    if "runs/".startswith(incomplete):
        found += _files("runs/", ("/",))
    return [name.rstrip("/") if (Path(name) / FACTS).is_file() else name for name in found]


def _files(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    folder, start = os.path.split(incomplete)
    try:
        entries = sorted(Path(folder or ".").expanduser().iterdir())
    except (OSError, RuntimeError):  # RuntimeError: ~ of nobody
        return []
    return [
        os.path.join(folder, entry.name) + ("/" if entry.is_dir() else "")  # noqa: PTH118
        for entry in entries
        if entry.name.startswith(start)
        and (start.startswith(".") or not entry.name.startswith("."))
        and (entry.is_dir() or entry.name.endswith(endings))
    ]
