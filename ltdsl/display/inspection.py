"""What `ltdsl data inspect` says, as data and as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

from ltdsl.display.plots import columns_of, ink, plot, ruler
from ltdsl.display.stages import about_augment
from ltdsl.longtail import about_thirds, class_groups
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.catalogue import Augment, Dataset

#: Problems of a kind that people are shown; programs see all.
SHOWN = 20

#: Classes of either end that are shown by name, where not all are.
ENDS = 8

#: Columns of a terminal that a class's name has in the table, at most.
NAME = 40


def as_data(
    dataset: Dataset, reading: Any, found: Any, augment: Iterable[type[Augment]] = ()
) -> dict[str, Any]:
    """Everything, JSON-able.

    Args:
        dataset: What was looked at.
        reading: A :class:`ltdsl_runtime.data.reading.Reading` of it.
        found: A :class:`ltdsl_runtime.data.inspect.Inspection`.
        augment: What training changes images by.
    """
    train, test, validation = reading.train, reading.test, reading.validation
    counts, names = train.counts(), train.class_names
    whole = min(counts) > 0  # a tail is made longer of classes that have images
    kept = (dataset.class_counts(counts) if whole else None) or counts
    groups = class_groups(kept)._asdict()
    unreadable, blank, warned = (
        [{"file": image.name, "part": image.part, "why": why} for image, why in images]
        for images in (found.unreadable, found.blank, found.warned)
    )
    stops = [{"code": e.code, "message": e.message, "hint": e.hint} for e in reading.problems]
    duplicates = [_group(group, names) for group in found.duplicates]
    leaked = [_group(group, names) for group in found.leaked]
    return {
        "version": 1,
        "dataset": str(dataset),
        "train_images": sum(counts),
        "test_images": len(test),
        "validation_images": len(validation) if validation is not None else None,
        "kept_images": sum(kept),
        "input": getattr(dataset, "size", None),
        "about_augment": about_augment(dataset, augment),
        "imbalance": max(kept) / min(kept) if min(kept) else None,
        "sides": _spread(found.sides),
        "groups": {name: len(classes) for name, classes in groups.items()},
        "about_groups": about_thirds(kept),
        "classes": [
            {"class": name, "train": count, "kept": left, "test": tested}
            for name, count, left, tested in zip(names, counts, kept, test.counts(), strict=True)
        ],
        "unreadable": unreadable,
        "duplicates": duplicates,
        "leaked": leaked,
        "blank": blank,
        "damaged_metadata": warned,
        "other_files": dict(reading.other_files),
        "notes": [note._asdict() for note in reading.notes],
        "stops": stops,
        "problems": len(unreadable) + len(duplicates) + len(leaked) + len(blank) + len(stops),
    }


def _group(group: Sequence[Any], names: Sequence[str]) -> dict[str, Any]:
    return {
        "files": [image.name for image in group],
        "classes": list(dict.fromkeys(names[image.label] for image in group)),
    }


def lines(facts: Mapping[str, Any], width: int, encoding: str) -> Iterator[str]:
    """What people read.

    Args:
        facts: As :func:`as_data` makes them.
        width: That of the terminal.
        encoding: That of the output.
    """
    classes = facts["classes"]
    yield (
        f"{facts['dataset']}: {counted(len(classes), 'class')}, {facts['train_images']:,} training and "
        f"{counted(facts['test_images'], 'test image')}"
        + (
            f", {facts['validation_images']:,} to validate with"
            if facts["validation_images"]
            else ""
        )
    )
    if facts["kept_images"] != facts["train_images"]:
        yield f"the recipe trains on {facts['kept_images']:,} of them"
    kept = sorted((entry["kept"] for entry in classes), reverse=True)
    imbalance = f"imbalance {facts['imbalance']:.4g}: " if facts["imbalance"] else ""
    yield f"{imbalance}a class has {kept[0]:,} down to {counted(kept[-1], 'training image')}"
    groups = (f"{number} {name}" for name, number in facts["groups"].items())
    yield f"groups: {', '.join(groups)}"
    if facts["about_groups"]:
        yield f"  {facts['about_groups']}"
    yield from _sides(facts["sides"], facts["input"])
    yield from facts["about_augment"]
    yield ""
    yield from plot(kept, width, ink(encoding), height=6)
    columns = columns_of(len(kept), width)
    yield ruler([(0, "head"), (columns, "tail")], columns)
    yield ""
    yield from _table(classes)
    untested = [entry["class"] for entry in classes if not entry["test"]]
    if untested:
        yield ""
        yield f"classes without a test image: {_few(untested)}"
    yield ""
    yield from _stops(facts["stops"])
    yield from _notes(facts["notes"])
    yield from _images("unreadable", facts["unreadable"])
    yield from _images("of one colour as they are read", facts["blank"])
    yield from _images("read, though their metadata is damaged", facts["damaged_metadata"])
    yield from _groups("leaked: trained on and tested with", facts["leaked"])
    yield from _groups("there more than once in a part", facts["duplicates"])
    if not facts["problems"]:
        yield "every image can be read, and no two are alike byte for byte"


def _stops(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a run would stop on."""
    for problem in found:
        yield f"error[{problem['code']}]: {problem['message']}"
        yield f"  = help: {problem['hint']}"


def _notes(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for note in found:
        sign = "" if note["level"] == "info" else f"{note['level']}[{note['code']}]: "
        yield f"{sign}{note['message']}"
        if note["hint"] and note["level"] != "info":
            yield f"  = help: {note['hint']}"


def _table(classes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Counts by name, from head to tail; of both ends where classes are many."""
    ordered = sorted(classes, key=lambda entry: -entry["kept"])
    between = len(ordered) - 2 * ENDS
    shown = [*ordered[:ENDS], *ordered[-ENDS:]] if between > 1 else ordered
    rows = [(entry["class"], f"{entry['kept']:,}", f"{entry['test']:,}") for entry in shown]
    rows.insert(0, ("class", "training", "test"))
    name, train, test = (max(cell_len(row[column]) for row in rows) for column in range(3))
    for number, row in enumerate(rows):
        if between > 1 and number == ENDS + 1:
            yield f"… {between:,} more"
        yield f"{set_cell_size(row[0], min(name, NAME))}  {row[1]:>{train}}  {row[2]:>{test}}"


def _spread(sides: Sequence[int]) -> dict[str, int] | None:
    """Pixels of the shorter side: the least, the median, the most."""
    ordered = sorted(sides)
    if not ordered:
        return None
    return {"min": ordered[0], "median": ordered[len(ordered) // 2], "max": ordered[-1]}


def _sides(sides: Mapping[str, int] | None, size: int | None) -> Iterator[str]:
    if sides is None or size is None:  # nothing is resized
        return
    alike = sides["min"] == sides["max"]
    rest = "" if alike else f" ({sides['min']:,} to {sides['max']:,})"
    yield f"shorter side: {counted(sides['median'], 'pixel')}{rest}"
    if 2 * sides["median"] <= size:
        yield (
            f"  small for an input of {size} pixels: try "
            f"image_folder(size = {sides['median']}, crop = 100%) and a smaller model"
        )


def _images(title: str, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if found:
        yield f"{title}: {len(found):,}"
        yield from _shown([_said(entry["file"], entry["why"]) for entry in found])


def _said(name: str, why: str) -> str:
    """A sentence about an image that names it."""
    return why if name in why else f"{name}: {why}"


def _groups(title: str, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if found:
        yield f"{title}: {len(found):,}"
        texts = []
        for group in found:
            differ = f"  (of classes {_few(group['classes'])})" if len(group["classes"]) > 1 else ""
            texts.append(f"{' = '.join(group['files'][:4])}{differ}")
        yield from _shown(texts)


def _shown(texts: Sequence[str]) -> Iterator[str]:
    yield from (f"  {text}" for text in texts[:SHOWN])
    if len(texts) > SHOWN:
        yield f"  and {len(texts) - SHOWN:,} more: --format json has them all"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"
