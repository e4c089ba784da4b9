"""What installed packages offer, by their metadata alone: none of their code is run."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from ltdsl.catalogue import Augment, Dataset, Entry, Model, Trick
from ltdsl.plugins.enabled import normal

#: Groups of declarations, and the kind that each holds.
GROUPS: dict[str, type[Entry]] = {
    "ltdsl.tricks": Trick,
    "ltdsl.datasets": Dataset,
    "ltdsl.models": Model,
    "ltdsl.augments": Augment,
}

#: The group of what trains them, under the same names.
IMPLEMENTATIONS = "ltdsl.implementations"


class Offer(NamedTuple):
    """A declaration that an installed package offers.

    Attributes:
        name: The name in the language.
        kind: What kind of entry it is to be.
        package: The package's name, normalised.
        version: The package's.
        point: Where it is.
    """

    name: str
    kind: type[Entry]
    package: str
    version: str
    point: EntryPoint


@cache
def offers() -> tuple[Offer, ...]:
    """All that is offered, by package and in the order that it states; looked for once a process."""
    found = [
        Offer(point.name, kind, normal(point.dist.name), point.dist.version, point)
        for group, kind in GROUPS.items()
        for point in entry_points(group=group)
        if point.dist is not None
    ]
    return tuple(sorted(found, key=lambda offer: offer.package))


def offered(name: str) -> Offer | None:
    """Who offers a name; of several packages, the first by name."""
    return _by_name().get(name)


@cache
def _by_name() -> dict[str, Offer]:
    return {offer.name: offer for offer in reversed(offers())}


@cache  # a sampler is asked for at each epoch
def implementing(name: str, package: str) -> EntryPoint | None:
    """Where a package has what trains one of its declarations."""
    return next(
        (
            point
            for point in entry_points(group=IMPLEMENTATIONS, name=name)
            if point.dist is not None and normal(point.dist.name) == package
        ),
        None,
    )
