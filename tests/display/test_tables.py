"""Plans for people: tables and plots at any width, for few and for many classes."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from ltdsl.compiler import compile_recipe
from ltdsl.display.console import Console
from ltdsl.display.details import details
from ltdsl.display.plots import ASCII, BLOCKS, ink, plot, resample, ruler
from ltdsl.display.stages import headline, training_counts
from ltdsl.display.tables import plan_table
from ltdsl.display.written import origins_table, written
from ltdsl.longtail import profile_counts
from ltdsl.source import Source

FOUR = """\
dataset = cifar100_lt
stage1: input_mixup
stage2: cam_bs(sampler = progressive) + cs_ce @ 50%
third: class_balanced + cb_ce @ 70% { optimizer = sgd(lr = 0.01) }
end: crt + class_balanced + tau_norm @ 90% {
    optimizer = sgd(lr = 0.01)
    schedule  = cosine(warmup = 2)
    augment   = [random_crop(padding = 2)]
}
"""
OPENING = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"


def compiled(text: str, *changes: str):
    return compile_recipe(Source("recipe.lt", text), changes)


def plan(text: str, *changes: str):
    return compiled(text, *changes).plan


def shown(part, width: int, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width).print(part)
    file.seek(0)
    return "".join(f"{line.rstrip()}\n" for line in file.read().splitlines())


def lines_of(whole, width: int, style=BLOCKS) -> str:
    return "".join(f"{line}\n" for line in details(whole, width, style))


@pytest.mark.parametrize(
    ("name", "text", "width"),
    [("opening_80", OPENING, 80), ("four_80", FOUR, 80), ("four_120", FOUR, 120)],
)
def test_snapshots(golden, name, text, width):
    whole = compiled(text)
    golden(f"plan/{name}.table.txt", shown(plan_table(whole.plan), width))
    golden(f"plan/{name}.details.txt", lines_of(whole.plan, width))
    golden(f"plan/{name}.origins.txt", shown(origins_table(whole.recipe, whole.origins), width))


@pytest.mark.parametrize("width", [50, 80, 120, 300])
@pytest.mark.parametrize("text", [OPENING, FOUR, "s: ce", "s: ce; t: ce @ 99.5%"])
def test_everything_fits(text, width):
    whole = plan(text)
    for part in (shown(plan_table(whole), width), lines_of(whole, width)):
        assert max(map(len, part.splitlines())) <= width


def test_stages_that_do_not_fit_go_below():
    names = [f"s{i}" for i in range(9)]
    text = "; ".join(f"{name}: ce @ {10 * i}%" for i, name in enumerate(names))
    table = shown(plan_table(plan(text)), 80)
    heads = [
        line.split()
        for line in table.splitlines()
        if line.startswith(" " * 19 + "s") and "steps" not in line
    ]
    assert len(heads) == 3
    assert [name for head in heads for name in head] == names


@pytest.mark.parametrize("classes", [1, 2, 10, 100, 8142])
@pytest.mark.parametrize("width", [60, 80])
def test_any_number_of_classes(classes, width):
    counts = profile_counts((1000,) * classes, 500)
    whole = plan(FOUR).model_copy(update={"class_counts": counts})
    text = lines_of(whole, width)
    assert max(map(len, text.splitlines())) <= width
    if classes > 1:
        assert "head, 1,000 images" in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "no such encoding"])
def test_terminals_without_blocks(encoding):
    assert ink(encoding) is ASCII
    assert lines_of(plan(FOUR), 80, ASCII).isascii()
    assert ink("utf-8") is BLOCKS


def test_tables_in_plain_signs():
    table = shown(plan_table(plan(FOUR)), 80, "ascii")
    assert table.isascii()
    assert "?" not in table


def test_figures_are_of_the_images_that_are_trained_on():
    whole = plan("dataset = cifar10_lt; validation = 10%; batch_size = 100; s: ce")
    assert training_counts(whole)[0] == 4500
    assert sum(training_counts(whole)) // 100 == 111
    assert "111 steps an epoch" in " ".join(shown(plan_table(whole), 200).split())
    assert "of 111 steps: 22,200" in lines_of(whole, 80)
    assert "12,406 training images" in headline(whole)[0]


def test_plots():
    assert plot([1, 2, 4], 14, BLOCKS, height=1) == ["        4 │▂▂▄▄██"]
    # what is not nothing can be seen
    assert plot([8.0, 4.0, 0.0, 0.001], 19, BLOCKS, height=1) == ["        8 │██▄▄  ▁▁"]
    rows = plot([1.0, 0.1, 0.01], 20, BLOCKS, height=2, log=True)
    assert rows == ["        1 │███", "     0.01 │██████▁▁▁"]
    assert plot([0, 0], 20, ASCII) == ["        0 |", "          |", "        0 |"]
    assert plot([3, 3], 20, ASCII, height=2, log=True) == ["        3 |########"] * 2


def test_resampling():
    assert resample([1, 2], 4) == [1, 1, 2, 2]
    assert resample([1, 3, 5, 7], 2) == [2, 6]
    assert resample([1, 100, 2, 2], 2, log=True) == pytest.approx([10, 2])
    assert len(resample([1.0] * 8142, 69)) == 69


def test_rulers():
    assert ruler([(0, "0"), (3, "160"), (20, "200")], 20).strip() == "0  160           200"
    assert ruler([(0, "a"), (1, "b"), (16, "late"), (20, "200")], 20).split() == ["a", "200"]


def test_every_value_has_an_origin():
    result = compiled(FOUR, "end.tau_norm.tau=0.5", "seed=3")
    rows = {
        address: (value, origin)
        for address, value, origin in written(result.recipe, result.origins)
    }
    assert rows["seed"] == ("3", "--set")
    assert rows["end.tau_norm.tau"] == ("0.5", "--set")
    assert rows["third.optimizer.lr"] == ("0.01", "recipe.lt:4")
    assert rows["third.optimizer.momentum"] == ("0.9", "protocol of cifar100_lt")
    assert rows["stage1.input_mixup.alpha"] == ("1", "default")
    assert rows["stage2.cam_bs.sampler"] == ("progressive", "recipe.lt:3")
    assert rows["end.augment"] == ("[random_crop(padding = 2)]", "recipe.lt:8")
    assert rows["augment"][1] == "protocol of cifar100_lt"
    assert set(result.origins) <= set(rows)


def test_a_table_without_room_runs_over_and_loses_no_column():
    """Rich would leave out the columns that come last."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for head in ("first_of_the_names", "second_of_the_names", "third"):
        table.add_column(head)
    table.add_row("one", "two", "three")
    for width in (1, 20, 100):
        head, row, *more = shown(table, width).splitlines()
        assert head.split() == ["first_of_the_names", "second_of_the_names", "third"]
        assert (row.split(), more) == (["one", "two", "three"], [])
