"""Which stages of two plans belong together, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

from ltdsl.catalogue.tricks import KINDS
from ltdsl.compare.rates import curve, rate_differences
from ltdsl.compare.values import Change, differences
from ltdsl.plan import StagePlan
from ltdsl.recipe import OF_BODY

Pair = tuple[StagePlan | None, StagePlan | None]

#: Fields of a stage that say when it is, not what it does.
_TIMES = ("start", "end", "rates")

#: Settings of a stage that start no optimizer.
_AROUND = ("sharpness", "constraint", "average", *OF_BODY)


def pairs(old: tuple[StagePlan, ...], new: tuple[StagePlan, ...]) -> list[Pair]:
    """Stages that belong together, and those that are alone, in the order of the new plan's time.

    The same name and content comes first, then the same content under another name, the same name, the same tricks
    at another time, the same time, the same start.
    """
    left, right = list(old), list(new)
    found: list[Pair] = []
    keys: tuple[Callable[[StagePlan], Hashable], ...] = (
        lambda stage: (stage.name, _content(stage)),
        _content,
        lambda stage: stage.name,
        lambda stage: _content(stage, *_TIMES),
        lambda stage: (stage.start, stage.end),
        lambda stage: stage.start,
    )
    for key in keys:
        by_key: dict[Hashable, list[StagePlan]] = {}
        for stage in right:
            by_key.setdefault(key(stage), []).append(stage)
        for stage in list(left):
            if partners := by_key.get(key(stage)):
                partner = partners.pop(0)
                found.append((stage, partner))
                left.remove(stage)
                right.remove(partner)
    found += [(stage, None) for stage in left] + [(None, stage) for stage in right]
    return sorted(found, key=_time)


def stage_differences(old: StagePlan, new: StagePlan) -> Iterator[Change]:
    """Everything but the name that differs between two stages."""
    if (old.start, old.end) != (new.start, new.end):
        yield Change("epochs", span(old), span(new))
    for kind in KINDS:
        before, after = getattr(old, kind.kind), getattr(new, kind.kind)
        inner = None if before is None else type(before).name
        yield from differences(kind.kind, before, after, inner)
    yield from differences("augment", old.augment, new.augment)
    yield from differences("batch_size", old.batch_size, new.batch_size)
    yield from differences("accumulate", old.accumulate, new.accumulate)
    yield from differences("optimizer", old.optimizer, new.optimizer)
    if old.fresh_optimizer != new.fresh_optimizer:
        yield Change("optimizer state", _state(old), _state(new))
    yield from rate_differences(old, new)
    yield from differences("handoff", old.handoff, new.handoff)
    for name in _AROUND:
        yield from differences(name, getattr(old, name), getattr(new, name))


def content(stage: StagePlan) -> list[tuple[str, str]]:
    """What a stage that only one plan has is made of, as pairs of address and value."""
    tricks = [(kind.kind, getattr(stage, kind.kind)) for kind in KINDS]
    fields = type(stage).model_fields
    more = [
        (name, value) for name in _AROUND if (value := getattr(stage, name)) != fields[name].default
    ]
    return [
        ("epochs", span(stage)),
        *((kind, str(trick)) for kind, trick in tricks if trick is not None),
        ("optimizer", str(stage.optimizer)),
        ("learning rate", curve(stage.rates)),
        *((name, str(value)) for name, value in more),
    ]


def span(stage: StagePlan) -> str:
    """Its first and last epoch."""
    return f"{stage.start} to {stage.end - 1}"


def _content(stage: StagePlan, *without: str) -> str:
    return stage.model_dump_json(exclude={"name", *without})


def _state(stage: StagePlan) -> str:
    return "fresh" if stage.fresh_optimizer else "continues"


def _time(pair: Pair) -> tuple[int, bool]:
    old, new = pair
    stage = new or old
    assert stage is not None
    return stage.start, new is not None
