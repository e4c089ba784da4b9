"""Lists in lines: `path label`, or a table with tabs, semicolons or commas, with a header or without."""

from __future__ import annotations

import csv
import itertools
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ltdsl.wording import counted
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import Names
from ltdsl_runtime.data.image import SUFFIXES
from ltdsl_runtime.data.listed.listing import Columns, Listing, Texts, damaged, inside, number
from ltdsl_runtime.data.names import called, readable
from ltdsl_runtime.data.reading import few

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Lines that decide what kind of list it is.
_SAMPLE = 50

#: Longer lines are none of a list.
_LONGEST = 1 << 20

#: What columns are called, in small letters without other signs; the most telling name first.
_IMAGE = (
    *("path", "filepath", "imagepath", "fpath", "filename", "file", "imagefile", "imagename"),
    *("image", "img", "imageid", "name", "id"),
)
_LABEL = (
    *("label", "labels", "classid", "class", "categoryid", "category", "target", "classname"),
    *("species", "y", "diagnosis", "dx"),
)

#: A path with an image's ending, then blanks, then whatever stands for the class.
_PATH_FIRST = re.compile(
    rf"(.*?(?:{'|'.join(map(re.escape, SUFFIXES))}))[ \t]+(\S.*)", re.IGNORECASE
)

#: A label, then blanks, then a path with an image's ending.
_LABEL_FIRST = re.compile(
    rf"(\d+)[ \t]+(\S.*(?:{'|'.join(map(re.escape, SUFFIXES))}))", re.IGNORECASE
)

_WHOLE = re.compile(r"(\d+)(?:\.0+)?")


def from_lines(path: Path, lines: Iterator[str], root: Path, columns: Columns) -> Listing:
    """Read a list in lines.

    Args:
        path: The list.
        lines: Its text.
        root: The data set's folder.
        columns: What is wanted, where there are columns.

    Raises:
        DataError: LT402.
    """
    numbered = _bounded(path, lines)
    sample = list(itertools.islice((line for line in numbered if line[1].strip()), _SAMPLE))
    texts = [line.strip() for _, line in sample]
    rest = itertools.chain(sample, numbered)
    if _is_table(texts, columns):
        return _from_table(path, rest, texts, root, columns)
    if columns.group is not None:
        raise _no_columns(path, columns.group)
    return _from_pairs(path, rest, texts, root)


def _bounded(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, from 1."""
    for at, line in enumerate(lines, 1):
        if len(line) > _LONGEST:
            raise damaged(path, f"line {at} has more than {_LONGEST:,} signs")
        yield at, line


def _no_columns(path: Path, column: str) -> DataError:
    message = f'{readable(str(path))} has no columns, and group = "{column}" names one'
    hint = "write a pattern of the file names with `{group}` in it, or give the list a header"
    return DataError("LT403", message, hint)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _delimiter(texts: Sequence[str]) -> str | None:
    """The sign that is between the cells of the first line and most others; None where blanks are."""
    for sign in "\t;,":
        if texts and sign in texts[0] and 2 * sum(sign in text for text in texts) > len(texts):
            return sign
    return None


def _is_table(texts: Sequence[str], columns: Columns) -> bool:
    sign = _delimiter(texts)
    if not texts or sign is None:
        return False
    if columns != Columns():
        return True
    # blanks before all labels, and a comma as any other sign of a path: `a, b.jpg 3`
    pairs = [text.rpartition(" ") for text in texts]
    plain = all(
        name.strip() and _is_number(label) and not name.rstrip().endswith(sign)
        for name, _, label in pairs
    )
    return not plain


def _from_pairs(
    path: Path, lines: Iterator[tuple[int, str]], texts: Sequence[str], root: Path
) -> Listing:
    """`path label` with a blank between them; the label a number, or in all lines a name."""
    header = len(texts) > 1 and _is_header(texts[0].split()) and not _is_header(texts[1].split())
    if header:
        next(lines)
    swapped = all(map(_LABEL_FIRST.fullmatch, texts[header:])) and len(texts) > header
    if swapped:
        texts = [_turned(text) for text in texts]
        lines = ((at, _turned(line)) for at, line in lines)
    form = "text, a line `label path` an image" if swapped else "text, a line `path label` an image"
    first = next((_pair(text)[1] for text in texts[header:]), "")
    if not _is_number(first) and any(letter.isalpha() for letter in first):
        return _named_pairs(path, lines, root)
    labels = array("i")

    def names() -> Iterator[str]:
        for at, line in lines:
            text = line.strip()
            if not text:
                continue
            name, _, label = text.rpartition(" ")
            if not name or not _is_number(label):
                _no_pair(path, at)
            labels.append(number(path, int(label[:20]), f"line {at}"))
            yield inside(path, name.strip(), f"line {at}", root)

    listed = Names(names())
    return Listing(path, listed, np.array(labels, np.int32), form)


def _turned(line: str) -> str:
    """A line `label path` as `path label`; any other as it is."""
    match = _LABEL_FIRST.fullmatch(line.strip())
    return f"{match[2]} {match[1]}" if match else line


def _named_pairs(path: Path, lines: Iterator[tuple[int, str]], root: Path) -> Listing:
    found = Texts()

    def names() -> Iterator[str]:
        for at, line in lines:
            if not line.strip():
                continue
            name, label = _pair(line.strip())
            if not name or not any(letter.isalpha() for letter in label):
                _no_pair(path, at, ": other lines name classes")
            found.add(called(label))
            yield inside(path, name, f"line {at}", root)

    listed = Names(names())
    labels, class_names = _in_order(found)
    return Listing(path, listed, labels, "text, a line `path class` an image", None, class_names)


def _pair(text: str) -> tuple[str, str]:
    if match := _PATH_FIRST.fullmatch(text):
        return match[1], match[2]
    name, _, label = text.rpartition(" ")
    return name.strip(), label


def _no_pair(path: Path, at: int, why: str = "") -> NoReturn:
    hint = "a line has a path, a blank and a number from 0, or in all lines a class's name; or it is a table"
    raise damaged(path, f"line {at} is not `path label`{why}", hint)


def _in_order(found: Texts) -> tuple[NDArray[np.int32], dict[int, str]]:
    """Labels in the order of the classes' names, as folders of these names would have."""
    order = sorted(found.numbers)
    place = {text: at for at, text in enumerate(order)}
    renumbered = np.array([place[text] for text in found.numbers], np.int32)
    labels = renumbered[found.array()] if len(found.of_each) else found.array()
    return labels, dict(enumerate(order))


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _is_header(cells: Sequence[str]) -> bool:
    named = {_plain(cell) for cell in cells}
    return bool(named & set(_IMAGE)) and bool(named & set(_LABEL))


@dataclass
class _Table:
    """Which columns of a table are what."""

    image: int
    label: int
    group: int | None
    form: str
    has_header: bool


def _table(path: Path, rows: Sequence[Sequence[str]], sign: str, columns: Columns) -> _Table:
    """Find the columns.

    Raises:
        DataError: LT402.
    """
    first = [cell.strip() for cell in rows[0]]
    named = {"\t": "tabs", ";": "semicolons", ",": "commas"}[sign]
    asked = [name for name in (columns.image, columns.label, columns.group) if name is not None]
    header = bool(asked) or _is_header(first)
    if not header:
        if len(first) != 2:
            said = few(f"`{readable(cell)}`" for cell in first[:6])
            plain = {_plain(cell) for cell in first}
            kinds = {"path": (_IMAGE, "image_column"), "label": (_LABEL, "label_column")}
            lacks = {what: name for what, (known, name) in kinds.items() if plain.isdisjoint(known)}
            none = " or ".join(f"`{what}`" for what in lacks)
            which = "which columns they are" if len(lacks) > 1 else "which column it is"
            hint = (
                f"say {which}: {' and '.join(lacks.values())}, or leave a path and a label a line"
            )
            why = f"line 1 has {counted(len(first), 'column')}, and none that says {none}: {said}"
            raise damaged(path, why, hint)
        ends = [row[0].strip().lower().endswith(SUFFIXES) for row in rows if row]
        image = 0 if any(ends) or not any(_ends_in_image(row) for row in rows) else 1
        return _Table(image, 1 - image, None, f"a table with {named} and no header", False)

    def column(asked: str | None, known: Sequence[str], what: str) -> int:
        if asked is not None:
            if asked in first:
                return first.index(asked)
            why = f"it has no column `{asked}`: there are {few(map(readable, first), 12)}"
            raise damaged(path, why, "columns are named as the list's first line does")
        plain = [_plain(cell) for cell in first]
        for name in known:
            if name in plain:
                return plain.index(name)
        why = f"none of its columns is known to hold {what}: there are {few(map(readable, first), 12)}"
        raise damaged(path, why, f"name it: {'image' if known is _IMAGE else 'label'}_column")

    image = column(columns.image, _IMAGE, "the images' paths")
    label = column(columns.label, _LABEL, "the labels")
    group = None if columns.group is None else column(columns.group, (), "groups")
    of = f"paths from `{readable(first[image])}`, labels from `{readable(first[label])}`"
    return _Table(image, label, group, f"a table with {named}, {of}", True)


def _ends_in_image(row: Sequence[str]) -> bool:
    return bool(row) and row[-1].strip().lower().endswith(SUFFIXES)


def _from_table(
    path: Path,
    lines: Iterator[tuple[int, str]],
    texts: Sequence[str],
    root: Path,
    columns: Columns,
) -> Listing:
    sign = _delimiter(texts)
    assert sign is not None
    table = _table(path, list(csv.reader(texts, delimiter=sign)), sign, columns)
    rows = csv.reader((line for _, line in lines), delimiter=sign, skipinitialspace=True)
    if table.has_header:
        next(rows)
    labels, groups = Texts(), Texts()
    needed = max(table.image, table.label, table.group or 0)
    prefix = ""

    def names() -> Iterator[str]:
        nonlocal prefix
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            at = f"line {rows.line_num}"
            if len(row) <= needed:
                raise damaged(
                    path, f"{at} has {counted(len(row), 'column')}, and the first line more"
                )
            label = row[table.label].strip()
            if not label:
                raise damaged(path, f"{at} has no label")
            if not labels.of_each:
                prefix = _beside(path, row[table.image].strip(), root)
            labels.add(label)
            if table.group is not None:
                groups.add(row[table.group].strip())
            yield inside(path, prefix + row[table.image].strip(), at, root)

    listed = Names(names())
    numbers, class_names = _meant(path, labels)
    return Listing(
        path,
        listed,
        numbers,
        table.form,
        None,
        class_names,
        groups.array() if table.group is not None else None,
        tuple(groups.numbers),
    )


def _beside(path: Path, name: str, root: Path) -> str:
    """What paths begin with that are relative to their own list's folder, as GTSRB has them; mostly nothing."""
    folder = path.parent
    if folder == root or not name or "\0" in name or (root / name).exists():
        return ""
    if not (folder / name).exists() or not folder.is_relative_to(root):
        return ""
    return f"{folder.relative_to(root).as_posix()}/"


def _meant(path: Path, labels: Texts) -> tuple[NDArray[np.int32], dict[int, str] | None]:
    """Labels of a table: numbers where all are, else the names of classes."""
    whole = {text: _WHOLE.fullmatch(text) for text in labels.numbers if text.isascii()}
    if len(whole) == len(labels.numbers) and all(whole.values()):
        known = [
            number(path, int(match[1][:20]), f"the label {text}")
            for text, match in whole.items()
            if match
        ]
        values = np.array(known, np.int32)
        return values[labels.array()] if len(labels.of_each) else labels.array(), None
    for text in labels.numbers:
        if not any(letter.isalpha() for letter in text) and not _is_number(text):
            why = f"the label `{readable(text)}` is neither a number from 0 nor a name"
            raise damaged(path, why)
    named = Texts()
    renumbered = [named.numbers.setdefault(called(t), len(named.numbers)) for t in labels.numbers]
    named.of_each = array("i", (renumbered[place] for place in labels.of_each))
    return _in_order(named)
