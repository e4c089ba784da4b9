"""Loading what the user has enabled, once a process, and telling whose an entry is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from ltdsl.catalogue import Entry, register
from ltdsl.plugins.enabled import SettingError, enabled


class Package(NamedTuple):
    """A package that declares entries.

    Attributes:
        name: Normalised.
        version: The one that is installed.
    """

    name: str
    version: str

    def __str__(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"


class Problem(NamedTuple):
    """Why something that is enabled is not there.

    Attributes:
        message: One sentence without a full stop.
        hint: What to do.
    """

    message: str
    hint: str


_loaded: dict[type[Entry], Package] = {}
_problems: list[Problem] | None = None


def load() -> list[Problem]:
    """Put the declarations of enabled packages into the catalogue, the first time that it is called.

    Returns:
        What could not be loaded; it is told at the first call, not at later ones.
    """
    global _problems
    if _problems is not None:
        return []
    _problems = []
    try:
        wanted = enabled()
    except SettingError as error:
        _problems.append(Problem(str(error), "mend it, or remove it: nothing is enabled then"))
        return _problems
    if wanted:
        _problems.extend(_load(wanted))
    return _problems


def problems() -> tuple[Problem, ...]:
    """All that could not be loaded so far."""
    return tuple(_problems or ())


def _load(wanted: frozenset[str]) -> Iterator[Problem]:
    from ltdsl.plugins.offers import offers

    found = offers()
    for package in sorted(wanted - {offer.package for offer in found}):
        yield Problem(
            f"the plug-in `{package}` is enabled, and is not installed",
            f"`pip install {package}`, or `ltdsl plugins disable {package}`",
        )
    for offer in found:
        if offer.package not in wanted:
            continue
        try:
            entry = offer.point.load()
            _must_be(entry, offer.name, offer.kind)
            register(entry)
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:
            first = (str(error).splitlines() or [""])[0]
            yield Problem(
                f"`{offer.name}` of the plug-in {offer.package} {offer.version} cannot be loaded: "
                f"{type(error).__name__}: {first}",
                f"report it to its authors; `ltdsl plugins disable {offer.package}` goes without it",
            )
        else:
            _loaded[entry] = Package(offer.package, offer.version)


def _must_be(entry: Any, name: str, kind: type[Entry]) -> None:
    if not isinstance(entry, type) or not issubclass(entry, kind):
        raise TypeError(f"it is no declaration of a {kind.kind}")
    if getattr(entry, "name", None) != name:
        raise ValueError(
            f"its entry point is called `{name}`, the declaration `{getattr(entry, 'name', '')}`"
        )


def package_of(entry: type[Entry]) -> Package | None:
    """The package that an entry was loaded from; None for ltdsl's own."""
    return _loaded.get(entry)


def loaded() -> dict[type[Entry], Package]:
    """All that was loaded."""
    return dict(_loaded)


def packages_in(*values: BaseModel) -> tuple[Package, ...]:
    """The packages of all entries in recipes, stages and other models, by name."""
    if not _loaded:
        return ()
    return tuple(sorted(set(_packages(values))))


def _packages(values: Iterable[Any]) -> Iterator[Package]:
    for value in values:
        if isinstance(value, Entry) and (package := package_of(type(value))):
            yield package
        if isinstance(value, BaseModel):
            yield from _packages(getattr(value, name) for name in type(value).model_fields)
        elif isinstance(value, list | tuple):
            yield from _packages(value)


def why_missing(package: str) -> Problem | None:
    """Why no entry of a package is in the catalogue; None where one is."""
    if any(each.name == package for each in _loaded.values()):
        return None
    from ltdsl.plugins.offers import offers

    if any(offer.package == package for offer in offers()):
        return Problem(
            f"the plug-in `{package}` is installed, but not enabled",
            f"`ltdsl plugins enable {package}`",
        )
    return Problem(
        f"the plug-in `{package}` is not installed",
        f"`pip install {package}`, then `ltdsl plugins enable {package}`",
    )


def implementation(entry: type[Entry]) -> Any:
    """What implements an entry that was loaded: whatever its kind's table holds.

    Returns:
        None where the entry is no plug-in's, or its package implements nothing for it.

    Raises:
        BaseException: Whatever its import raises.
    """
    from ltdsl.plugins.offers import implementing

    package = package_of(entry)
    point = implementing(entry.name, package.name) if package else None
    return point.load() if point else None
