"""Lists in JSON: the reference toolbox's, COCO's and iNaturalist's."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltdsl.wording import counted
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import Names
from ltdsl_runtime.data.labels import FROM_0
from ltdsl_runtime.data.listed.listing import Columns, Listing, Texts, damaged, inside, number
from ltdsl_runtime.data.names import called
from ltdsl_runtime.data.reading import few


def from_json(path: Path, data: Mapping[str, Any], root: Path, columns: Columns) -> Listing:
    """Read a list in JSON; `group` may name an entry of an annotation or of an image.

    Raises:
        DataError: LT402 it is damaged, LT403 its labels do not fit.
    """
    if isinstance(data.get("images"), list) and "annotations" not in data:
        why = f"it names {counted(len(data['images']), 'image')} and no class, as lists for competitions do"
        raise damaged(
            path, why, "take a list with `annotations`; `ltdsl predict` names what is in the images"
        )
    files: dict[Any, Mapping[str, Any]] | None = None
    labels, groups = array("i"), Texts()
    named: set[Any] = set()
    try:
        if "images" in data:
            files = {image["id"]: image for image in data["images"]}

        def names() -> Iterator[str]:
            for at, annotation in enumerate(data["annotations"], 1):
                place = f"annotation {at}"
                image = annotation if files is None else files[annotation["image_id"]]
                name = image["fpath" if files is None else "file_name"]
                labels.append(number(path, annotation["category_id"], place))
                if files is not None:
                    named.add(annotation["image_id"])
                if columns.group is not None:
                    has = annotation if columns.group in annotation else image
                    groups.add(str(has[columns.group]))
                yield inside(path, name, place, root)

        listed = Names(names())
        classes, class_names = data.get("num_classes"), None
        if "categories" in data:
            class_names = _categories(path, data["categories"])
            classes = len(class_names)
    except (KeyError, TypeError, AttributeError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise damaged(path, why) from error
    if classes is not None and (type(classes) is not int or classes < 1):
        raise damaged(path, f"num_classes is {classes!r}")
    if class_names is not None:
        unknown = sorted(set(labels) - set(class_names))
        if unknown:
            why = f"its annotations have the category {unknown[0]}, which its categories lack"
            raise damaged(path, why)
    elif labels and classes is not None and max(labels) >= classes:
        message = f"{path} has the label {max(labels)}, and is of {counted(classes, 'class')}"
        raise DataError("LT403", message, FROM_0)
    return Listing(
        path,
        listed,
        np.array(labels, np.int32),
        "JSON with images, annotations and categories"
        if files is not None
        else "JSON of the reference toolbox",
        classes,
        class_names,
        groups.array() if columns.group is not None else None,
        tuple(groups.numbers),
        len(files) - len(named) if files is not None else 0,
    )


def _categories(path: Path, categories: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Number -> name. Two numbers of one name stay two classes, each called by its number too."""
    names = {
        number(path, category["id"], f"category {at}"): called(str(category["name"]))
        for at, category in enumerate(categories, 1)
    }
    if len(names) < len(categories):
        raise damaged(path, "two of its categories have the same id")
    numbers: dict[str, list[int]] = {}
    for each, name in names.items():
        numbers.setdefault(name, []).append(each)
    twice = {name for name, ids in numbers.items() if len(ids) > 1}
    return {each: f"{name} (id {each})" if name in twice else name for each, name in names.items()}


def alike(class_names: Mapping[int, str]) -> str | None:
    """Names that several categories share, in words; None where there are none."""
    shared = [name for each, name in class_names.items() if name.endswith(f" (id {each})")]
    return few(shared) if shared else None
