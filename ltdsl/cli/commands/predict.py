"""`ltdsl predict`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ltdsl.cli.options import Device
from ltdsl.cli.output import fail, need, print_json
from ltdsl.cli.trained import Checkpoint, Run, plan_of
from ltdsl.system.terminal import say, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltdsl_runtime.use.predict import Prediction


class PredictFormat(str, Enum):
    """How `predict` prints."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def predict(
    run: Run,
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE",
            help="Image files, folders with images, or quoted patterns such as 'photos/**/*.jpg'.",
            show_default=False,
        ),
    ],
    top: Annotated[int, typer.Option(metavar="K", min=1, help="Classes to name for each.")] = 1,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            min=1,
            max=99.9,
            help="Name a set of classes for each image too, which holds the right one in so many percent, "
            "as a mean over classes.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    form: Annotated[
        PredictFormat, typer.Option("--format", help="For people, or for programs.")
    ] = PredictFormat.TEXT,
    device: Annotated[Device, typer.Option(help="Where to predict.")] = Device.AUTO,
) -> None:
    """Name what is in images, and how sure the run's model is.

    Images that cannot be read are named, and make the exit code 1; the others are predicted all the same.
    """
    need("`ltdsl predict`", "train")
    plan = plan_of(run)
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.predict import find_images
    from ltdsl_runtime.use.predict import predict as predictions
    from ltdsl_runtime.use.trained import open_run

    unreadable = 0

    def readable() -> Iterator[Prediction]:
        nonlocal unreadable
        for found in predictions(
            trained,
            checkpoint or trained.preferred,
            paths,
            top,
            device.value,
            None if coverage is None else coverage / 100,
        ):
            if found.error is None:
                yield found
                continue
            unreadable += 1
            say(f"error[{found.error.code}]: {found.error.message}", err=True)

    try:
        trained = open_run(run, plan)
        paths = find_images(images)
        _PRINTERS[form](readable(), trained.data.classes)
    except RunError as error:
        fail(error.code, error.message, error.hint)
    if unreadable:
        raise typer.Exit(1)


def _print_text(predictions: Iterable[Prediction], classes: Sequence[str]) -> None:
    for found in predictions:
        pairs = zip(found.classes, found.confidences, strict=True)
        named = [f"{classes[label]} {100 * share:.1f} %" for label, share in pairs]
        members = [classes[member.label] for member in found.members or ()]
        say(f"{found.path}: {', '.join(named)}{'; set: ' if members else ''}{', '.join(members)}")


def _print_json(predictions: Iterable[Prediction], classes: Sequence[str]) -> None:
    print_json([_as_data(found, classes) for found in predictions])


def _as_data(found: Prediction, classes: Sequence[str]) -> dict[str, Any]:
    pairs = zip(found.classes, found.confidences, strict=True)
    members: dict[str, Any] = {}
    if found.members is not None:
        members["set"] = [
            {"class": classes[label], "index": label, "confidence": share}
            for _, label, share in found.members
        ]
    return {
        "image": str(found.path),
        "predictions": [
            {"class": classes[label], "index": label, "confidence": share} for label, share in pairs
        ],
        **members,
    }


def _print_csv(predictions: Iterable[Prediction], classes: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    header = ["image", "rank", "class", "index", "confidence"]
    for number, found in enumerate(predictions):
        if number == 0:
            writer.writerow(header if found.members is None else [*header, "in_set"])
        pairs = zip(found.classes, found.confidences, strict=True)
        rows = {rank: (label, share) for rank, (label, share) in enumerate(pairs, start=1)}
        members = found.members or ()
        rows |= {rank: (label, share) for rank, label, share in members}
        ranks = {member.rank for member in members}
        for rank, (label, share) in sorted(rows.items()):
            inside = [] if found.members is None else [str(rank in ranks).lower()]
            writer.writerow([shown(found.path), rank, shown(classes[label]), label, share, *inside])


_PRINTERS = {
    PredictFormat.TEXT: _print_text,
    PredictFormat.JSON: _print_json,
    PredictFormat.CSV: _print_csv,
}
