"""Published rows as recipes.

A recipe stands for all figures that were printed for one arrangement on one benchmark and split. It says what was
trained: the tricks with the parameters of the reference repository's implementation, and what its configurations say
of epochs, rates and parts.
"""

from __future__ import annotations

import re
from functools import cache
from textwrap import fill
from typing import TYPE_CHECKING

from ltdsl.catalogue import DATASETS, LongTailed
from ltdsl.catalogue.entry import write
from ltdsl.evidence.arrangements import ARRANGEMENTS, REFERENCE, Arrangement, Part
from ltdsl.evidence.benchmarks import Benchmark, benchmark_of
from ltdsl.evidence.combination import of_chain
from ltdsl.evidence.rows import Row, rows
from ltdsl.format import format_source
from ltdsl.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@cache
def names() -> dict[str, tuple[Row, ...]]:
    """The rows of each recipe, by its name, in the order of the evidence."""
    found: dict[str, list[Row]] = {}
    for row in rows():
        found.setdefault(name_of(row), []).append(row)
    return {name: tuple(printed) for name, printed in found.items()}


def name_of(row: Row) -> str:
    """The name of its recipe: benchmark, split, epochs, then the stages as they stand in the evidence.

    ``cifar10_lt_100-cao-200-ce-then-cs_ce``, ``cifar100_lt_50-cao-200-seql.lambda_0.006``. It can be a file's name.
    """
    stages = [
        re.sub(r"[) ]", "", re.sub(r"[(,] *", ".", stage)).replace("=", "_") for stage in row.stages
    ]
    epochs, suffix = str(row.epochs or ""), ARRANGEMENTS[row.trained].suffix
    parts = (_benchmark_name(row), row.split, epochs, "-then-".join(stages), suffix)
    return "-".join(filter(None, parts))


def _benchmark_name(row: Row) -> str:
    benchmark = benchmark_of(row)
    made = f"_{benchmark.imbalance:g}" if _is_made(benchmark) else ""
    return f"{benchmark.family}{made}"


def _is_made(benchmark: Benchmark) -> bool:
    """True where the long tail is made, so that a recipe says how long it is."""
    return issubclass(DATASETS[benchmark.family], LongTailed)


def why_not(row: Row) -> str:
    """Why a row is no recipe; empty where it is one."""
    return "" if row.epochs else "its epochs are not printed"


def text_of(printed: Sequence[Row], scale: float = 1.0) -> str:
    """The recipe of rows that were trained alike, laid out.

    Args:
        printed: The rows of one name that has no reason in :func:`why_not`.
        scale: Part of the epochs to train, in (0, 1]: milestones, parts and warm-ups shrink alike.
    """
    row = printed[0]
    how = ARRANGEMENTS[row.trained]
    head = list(_head(printed, how))
    if scale != 1 and row.epochs is not None:
        row, how = shortened(row, how, scale)
        head.append(_comment(f"Here for {scale:g} times the epochs, all of it alike."))
    text = "\n".join([*head, *_settings(row, how), "", *_stages(row, how)]) + "\n"
    laid_out = format_source(Source(name_of(row), text))
    assert isinstance(laid_out, str), text
    return laid_out


def shortened(row: Row, how: Arrangement, scale: float) -> tuple[Row, Arrangement]:
    """A row and its arrangement with all epochs times a scale; each stage has one at least."""

    def of(epochs: int) -> int:
        return max(1, round(epochs * scale))

    def drops(milestones: Iterable[int], length: int) -> tuple[int, ...]:
        """A drop just before the end of a part stays there; where two would be one, there is no such recipe."""
        return tuple(min(of(at), max(1, length - 1)) for at in milestones)

    whole = of(row.epochs or 1)
    starts = [of(part.start) for part in how.parts]
    parts = []
    for part, start, end in zip(how.parts, starts, [*starts[1:], whole], strict=False):
        milestones = drops(part.milestones, end - start)
        warmup = min(round(part.warmup * scale), milestones[0] - 1)
        parts.append(part._replace(start=start, milestones=milestones, warmup=warmup))
    changed = how._replace(
        milestones=drops(how.milestones, starts[0] if starts else whole),
        start=None if how.start is None else of(how.start),
        parts=tuple(parts),
        warmup=round(_protocol_warmup(row) * scale),
    )
    return row._replace(epochs=whole), changed


def _protocol_warmup(row: Row) -> int:
    found = re.search(r"warmup *= *(\d+)", DATASETS[benchmark_of(row).family].protocol)
    return int(found[1]) if found else 0


def _head(printed: Sequence[Row], how: Arrangement) -> Iterable[str]:
    """Every figure with its source, every note, and the remark."""
    for row in printed:
        yield _comment(
            f"{row.error:.2f} % top-1 error on {row.dataset}, split {row.split}, {row.length}: printed as "
            f"“{row.printed_as}” in {row.source}."
        )
    for note in dict.fromkeys(row.note for row in printed):
        if note:
            yield _comment(f"Note: {note}.")
    if how.remark:
        yield _comment(how.remark)


def _comment(text: str) -> str:
    return fill(text, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _settings(row: Row, how: Arrangement) -> Iterable[str]:
    benchmark = benchmark_of(row)
    split = ", split = cao" if row.split in ("cao", "ddc", "ddc_sam") else ""
    tail = f"(imbalance = {benchmark.imbalance:g}{split})" if _is_made(benchmark) else ""
    yield f"dataset = {benchmark.family}{tail}"
    yield f"epochs = {row.epochs}"
    if how.batch_size:
        yield f"batch_size = {how.batch_size}"
    drops = f"milestones = {write(how.milestones)}" if how.milestones else ""
    warmup = "" if how.warmup is None else f"warmup = {how.warmup}"
    if drops or warmup:
        yield f"schedule = multistep({', '.join(filter(None, (drops, warmup)))})"
    if how.augment:
        yield f"augment = [{', '.join(how.augment)}]"
    yield from how.settings
    if how.validation:
        yield f"validation = {write(how.validation)}"


def _stages(row: Row, how: Arrangement) -> Iterable[str]:
    stages = [_chain(stage, row, how) for stage in row.stages]
    if all(use.kind == "posthoc" for use in of_chain(row.stages[-1])) and len(stages) > 1:
        stages = [" + ".join(stages)]  # acts in evaluation, after all epochs
    yield f"stage1: {stages[0]}"
    for number, stage in enumerate(stages[1:], 2):
        if how.parts:
            yield f"stage{number}: {stage} @ epoch {how.parts[number - 2].start} {{"
            yield from _part(how.parts[number - 2], row)
            yield "}"
        else:
            at = "80%" if how.start is None else f"epoch {how.start}"
            yield f"stage{number}: {stage} @ {at}"


def _part(part: Part, row: Row) -> Iterable[str]:
    decay = "" if part.weight_decay is None else f", weight_decay = {write(part.weight_decay)}"
    warmup = part.warmup if not part.warmed or row.dataset in part.warmed else 0
    yield f"optimizer = sgd(lr = {write(part.lr)}{decay})"
    yield (
        f"schedule = multistep(milestones = {write(part.milestones)}, gamma = {write(part.gamma)}, warmup = {warmup})"
    )
    if part.best:
        yield "handoff = best"


def _chain(stage: str, row: Row, how: Arrangement) -> str:
    """A stage's tricks, with the parameters that the reference's implementation needs."""
    text = stage
    if how.teacher:
        text = text.replace("dive(", f'dive(teacher = "{how.teacher}", ')
    if how.parts:  # a part counted its own epochs
        text = re.sub(r"\bprogressive\b", "progressive(clock = stage)", text)
    if row.of_reference:
        for trick, parameters in REFERENCE.items():
            text = re.sub(rf"\b{trick}\(", f"{trick}({parameters}, ", text)
            text = re.sub(rf"\b{trick}\b(?!\()", f"{trick}({parameters})", text)
    return re.sub(r" *= *", " = ", text)
