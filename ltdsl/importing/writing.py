"""The recipe of a chain of trainings."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from ltdsl.catalogue.entry import write
from ltdsl.diagnostics import report
from ltdsl.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ltdsl.diagnostics import Diagnostic
    from ltdsl.importing.training import Training

#: Settings that a stage may have of its own.
_OF_STAGES = ("batch_size", "augment")

#: Where a part's own clock has to be said, since it ran alone.
_CLOCKED = "progressive"


def recipe_of(chain: Sequence[Training], maps: str, problems: list[Diagnostic]) -> str:
    """The text of a recipe, not laid out.

    Args:
        chain: Trainings, each from the weights of the one before.
        maps: Arguments of `cam_bs`.
        problems: What could not be said is added.
    """
    lengths = _lengths(chain)
    lines = [*_head(chain), *_settings(chain, sum(lengths), lengths[0], problems), ""]
    lines += _stages(chain, lengths, maps, problems)
    return "\n".join(lines) + "\n"


def _lengths(chain: Sequence[Training]) -> list[int]:
    """Epochs of each training that count: the next one may start from an epoch before its last."""
    lengths = []
    for number, each in enumerate(chain):
        after = chain[number + 1].start if number + 1 < len(chain) else None
        taken = after.epoch if after is not None else None
        lengths.append(min(each.epochs, taken) if taken else each.epochs)
    return lengths


def _head(chain: Sequence[Training]) -> Iterator[str]:
    names = " and then ".join(each.source.name for each in chain)
    names = "".join(letter if letter.isprintable() else "?" for letter in names)
    yield fill(f"# From {names}.", 100, subsequent_indent="# ")


def _settings(
    chain: Sequence[Training], epochs: int, first: int, problems: list[Diagnostic]
) -> Iterator[str]:
    head = chain[0]
    yield from (
        f"{name} = {value}" for name, value in head.settings.items() if name not in _OF_STAGES
    )
    yield f"epochs = {epochs}"
    yield from (f"{name} = {head.settings[name]}" for name in _OF_STAGES if name in head.settings)
    yield f"optimizer = {head.optimizer}"
    yield f"schedule = {_schedule(head, first, len(chain) > 1, problems)}"
    if any(each.start is not None and each.start.epoch is None for each in chain[1:]):
        yield "best_on = test  # as the configuration does; validation is fairer"
        yield "best_by = top1_error"
    if head.start is not None:
        yield f'init = "{head.start.path.rpartition("/")[2]}"'
    for each in chain[1:]:
        for name, value in each.settings.items():
            if name not in _OF_STAGES and value != head.settings.get(name):
                problems.append(
                    report(
                        "LT602",
                        None,
                        f"{each.source.name} has another {name} than {head.source.name}: {value}",
                        help="a run has one; import them one by one",
                    )
                )


def _schedule(each: Training, length: int, joined: bool, problems: list[Diagnostic]) -> str:
    arguments = []
    if each.schedule == "multistep":
        reached = [mark for mark in each.milestones if mark <= length]
        late = [mark for mark in each.milestones if mark > length]
        if late and not reached and not joined:
            problems.append(
                report(
                    "LT604",
                    None,
                    f"{each.source.name} has {counted(length, 'epoch')}, and drops its rate after {late[0]}: "
                    "it never does",
                )
            )
        # it advances its schedule before an epoch: a drop at the end acts in the last one
        marks = [mark - 1 if mark == length else mark for mark in reached]
        arguments.append(f"milestones = {write(marks)}")
    if each.rest:
        arguments.append(each.rest)
    return f"{each.schedule}({', '.join(arguments)})" if arguments else each.schedule


def _stages(
    chain: Sequence[Training], lengths: Sequence[int], maps: str, problems: list[Diagnostic]
) -> Iterator[str]:
    before, number = 0, 0
    head = chain[0]
    for each, length in zip(chain, lengths, strict=True):
        parts = [part for part in each.parts if part.start < length]
        for part in parts:
            number += 1
            tricks = [_trick(call, each is not head, maps) for call in part.tricks]
            if each is chain[-1] and part is parts[-1] and each.posthoc:
                tricks.append(each.posthoc)
            at = f" @ epoch {before + part.start}" if number > 1 else ""
            own = list(_own(each, head, length, problems)) if number > 1 and not part.start else []
            yield f"stage{number}: {' + '.join(tricks) or 'ce'}{at}" + (" {" if own else "")
            yield from own
            if own:
                yield "}"
        before += length


def _trick(call: str, later: bool, maps: str) -> str:
    """A call with what other trainings say of it."""
    if later:  # it counted its own epochs
        call = call.replace(f"{_CLOCKED})", f"{_CLOCKED}(clock = stage))")
        call = f"{_CLOCKED}(clock = stage)" if call == _CLOCKED else call
    if maps and call.startswith("cam_bs("):
        call = f"cam_bs({maps}, {call.removeprefix('cam_bs(')}"
    return call


def _own(each: Training, head: Training, length: int, problems: list[Diagnostic]) -> Iterator[str]:
    yield f"optimizer = {each.optimizer}"
    yield f"schedule = {_schedule(each, length, False, problems)}"
    for name in _OF_STAGES:
        if name in each.settings and each.settings[name] != head.settings.get(name):
            yield f"{name} = {each.settings[name]}"
    if each.start is not None and each.start.epoch is None:
        yield "handoff = best"
