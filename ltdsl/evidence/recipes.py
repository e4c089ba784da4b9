"""Published rows as recipes: ``python -m ltdsl.evidence.recipes`` writes ``recipes/paper/``.

A recipe stands for all figures that were printed for one arrangement on one benchmark and split. Rows whose tricks the
catalogue does not have are left out, so running it again after a trick was added adds the rest. Where a note says how a
row was really trained, the recipe follows the note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from textwrap import fill

from ltdsl.catalogue import DATASETS, LongTailed
from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Severity
from ltdsl.evidence.benchmarks import BENCHMARKS, Benchmark
from ltdsl.evidence.combination import of_row
from ltdsl.evidence.rows import Row, rows
from ltdsl.format import format_source
from ltdsl.syntax.source import Source

FOLDER = Path(__file__).parents[2] / "recipes" / "paper"

#: Epochs that the protocol of CIFAR-LT sets already.
_PROTOCOL_EPOCHS = 200

#: What a row can need that the catalogue does not have: a trick, a parameter, a data set.
_LACKING = {"LT102", "LT103", "LT104"}

_FINAL_STAGE2 = """\
stage2: {1} @ epoch 320 {{
    optimizer = sgd(lr = 0.001)
    schedule  = multistep(milestones = [40], gamma = 0.01)
}}
"""
_FINAL_STAGE3 = """\
stage3: {2} @ epoch 400 {{
    optimizer = sgd(lr = 0.001)
    schedule  = multistep(milestones = [8, 16], gamma = 0.1, warmup = 5)
    handoff   = best
}}
"""
_VALIDATION = (
    "A tenth of the training images chooses the weights that stage3 starts from; the published "
    "run trained on all."
)


def names() -> dict[str, list[Row]]:
    """The rows of each recipe, by its file's name without suffix."""
    found: dict[str, list[Row]] = {}
    for row in rows():
        found.setdefault(name_of(row), []).append(row)
    return found


def name_of(row: Row) -> str:
    """The file's name: benchmark, split, epochs, then the stages as they are printed in the evidence.

    ``cifar10_lt_100-cao-200-ce-then-cs_ce``, ``cifar100_lt_50-cao-200-seql.lambda_0.006``.
    """
    benchmark = _benchmark(row)
    stages = [
        re.sub(r"[) ]", "", re.sub(r"[(,] *", ".", stage)).replace("=", "_") for stage in row.stages
    ]
    dataset = _settings_name(benchmark)
    return "-".join([dataset, row.split, str(row.epochs), "-then-".join(stages)])


def _benchmark(row: Row) -> Benchmark:
    return next(benchmark for benchmark in BENCHMARKS if benchmark.name == row.dataset)


def _settings_name(benchmark: Benchmark) -> str:
    return (
        f"{benchmark.family}_{benchmark.imbalance:g}" if _is_made(benchmark) else benchmark.family
    )


def _is_made(benchmark: Benchmark) -> bool:
    """True where the long tail is made, so that a recipe says how long it is."""
    return issubclass(DATASETS[benchmark.family], LongTailed)


@cache
def why_not(row: Row) -> str:
    """Why a row is no recipe; empty where it is one."""
    if row.epochs is None:
        return "its epochs are not printed"
    if any(use.name == "lws" for stage in of_row(row) for use in stage):
        return "how long and at what rate its second stage was trained is not printed"
    dataset = common(_benchmark(row)).splitlines()[-1]
    text = re.sub(r"^use .*$", dataset, text_of([row]), flags=re.M)
    errors = [
        problem
        for problem in compile_recipe(Source(name_of(row), text)).diagnostics
        if problem.severity is Severity.ERROR
    ]
    lacking = [problem.message for problem in errors if problem.code in _LACKING]
    if lacking:
        return lacking[0]
    if errors:
        raise ValueError(f"{name_of(row)} does not compile: {errors[0].message}\n{text}")
    return ""


def common(benchmark: Benchmark) -> str:
    """The settings that all recipes of a benchmark share."""
    tail = f"(imbalance = {benchmark.imbalance:g})" if _is_made(benchmark) else ""
    return (
        f"# {benchmark.name}. Everything else is the data set's protocol.\n"
        f"dataset = {benchmark.family}{tail}\n"
    )


def text_of(printed: Iterable[Row]) -> str:
    """The recipe of rows that were trained alike."""
    printed = list(printed)
    row = printed[0]
    comments = [
        f"{one.error:.2f} % top-1 error on {one.dataset}, split {one.split}, {one.length}: printed as "
        f"“{one.printed_as}” in {one.source}."
        for one in printed
    ]
    comments += [f"Note: {note}." for note in dict.fromkeys(one.note for one in printed) if note]
    settings, stages, remark = _arrangement(row)
    comments += [remark] if remark else []
    head = "\n".join(
        fill(text, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        for text in comments
    )
    use = f'use "common/{_settings_name(_benchmark(row))}.lt"\n'
    return f"{head}\n{use}{settings}\n{stages}"


def _arrangement(row: Row) -> tuple[str, str, str]:
    """Settings, stages and a remark: how a row was trained, by its tricks, its epochs and its note."""
    epochs = "" if row.epochs == _PROTOCOL_EPOCHS else f"epochs = {row.epochs}\n"
    stages = [_spaced(stage) for stage in row.stages]
    last = of_row(row)[-1]
    kinds = {use.kind for use in last}
    if len(of_row(row)) == 3 and row.epochs == 420:
        text = "stage1: {0}\n" + _FINAL_STAGE2 + _FINAL_STAGE3
        return f"{epochs}validation = 0.1\n", text.format(*stages), _VALIDATION
    if row.epochs == 400 and any(use.name == "cam_bs" for use in last):
        return epochs, ("stage1: {0}\n" + _FINAL_STAGE2).format(*stages), ""
    if row.note.startswith("160 epochs, then a separate 40"):
        return epochs, _separate(stages), "By how much the rate drops is the protocol's."
    if row.note.startswith("30 further epochs"):
        own = "{ optimizer = sgd(lr = 0.1, weight_decay = 0.0005) }"
        settings = "epochs = 230\nschedule = multistep(milestones = [160, 180])\n"
        return settings, f"stage1: {stages[0]}\nstage2: {stages[1]} @ epoch 200 {own}\n", ""
    if "teacher" in kinds:
        settings = "schedule = multistep(milestones = [120, 160])\n"
        text = stages[0].replace("dive(", 'dive(teacher = "teacher.ckpt", ')
        remark = "The teacher: last.ckpt of the recipe with balanced_softmax alone, copied here as teacher.ckpt."
        return settings, f"stage1: {text}\n", remark
    if "posthoc" in kinds:  # acts in evaluation, after all epochs
        return epochs, f"stage1: {' + '.join(stages)}\n", ""
    lines = [f"stage1: {stages[0]}"] + [f"stage2: {stage} @ 80%" for stage in stages[1:]]
    return epochs, "\n".join(lines) + "\n", ""


def _separate(stages: list[str]) -> str:
    """CAM-based sampling as the reference ran it: a run of its own from the weights of 160 epochs."""
    chain = re.sub(r"\bprogressive\b", "progressive(clock = stage)", stages[1])
    inside = re.fullmatch(r"cam_bs(?:\((.*)\))?", chain)
    assert inside, chain
    arguments = [*filter(None, inside.groups()), "threshold = 0.75"]
    return (
        f"stage1: {stages[0]}\n"
        f"stage2: cam_bs({', '.join(arguments)}) @ epoch 160 {{\n"
        "    optimizer = sgd(lr = 0.001)\n"
        "    schedule  = multistep(milestones = [20])\n"
        "}\n"
    )


def _spaced(chain: str) -> str:
    return re.sub(r" *= *", " = ", chain)


def files() -> dict[str, str]:
    """Every file of the folder that the catalogue can express, by its path within it."""
    found: dict[str, str] = {}
    for name, printed in names().items():
        if not why_not(printed[0]):
            benchmark = _benchmark(printed[0])
            found[f"common/{_settings_name(benchmark)}.lt"] = common(benchmark)
            found[f"{name}.lt"] = text_of(printed)
    return {name: _laid_out(text) for name, text in found.items()}


def _laid_out(text: str) -> str:
    formatted = format_source(Source("recipe", text))
    assert isinstance(formatted, str)
    return formatted


def main() -> None:
    """Write the folder anew."""
    wanted = files()
    for path in FOLDER.rglob("*.lt"):
        if path.relative_to(FOLDER).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    left = {name: why_not(printed[0]) for name, printed in names().items()}
    print(f"{len(wanted)} files in {FOLDER}")
    for name, reason in left.items():
        if reason:
            print(f"left out {name}: {reason}")


if __name__ == "__main__":
    main()
