"""What CAM-BS does, as a picture for the eye: image, map, foreground, result."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from PIL import Image

from ltdsl.runs.pictures import PictureRow, Pictures
from ltdsl_runtime.data.columns import IMAGE, LABEL, WARP, numbered
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.rundir.directory import write_picture
from ltdsl_runtime.tricks.cam import activation_map, compose, foreground
from ltdsl_runtime.tricks.warp import (
    FLIP,
    KEEP,
    ROTATE,
    SCALE,
    TRANSLATE,
    bounding_box,
    transformation,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray

    from ltdsl_runtime.training.stages import Stage

    Bytes: TypeAlias = NDArray[np.uint8]
    Integers: TypeAlias = NDArray[np.int32]
    Floats: TypeAlias = NDArray[np.float32]

#: Images shown to those who ask for pictures, and in a run's report.
ROWS, ROWS_OF_REPORT = 12, 6

#: Height and width of a tile in pixels: at least, and at most in a report.
TILE, LARGEST_OF_REPORT = 96, 128

#: What happens to an image's foreground.
CHANGES = {
    KEEP: "unchanged",
    FLIP: "flipped",
    TRANSLATE: "moved",
    ROTATE: "turned",
    SCALE: "scaled",
}

COLUMNS = ("image", "activation map", "foreground", "result")


def save_gallery(folder: Path, about: Pictures, picture: bytes) -> None:
    """Write a picture into a folder that the user chose, which is made where it is missing.

    Raises:
        RunError: LT421, the folder cannot be written to.
    """
    try:
        write_picture(folder, about, picture)
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror or error}"
        raise RunError("LT421", message, "free space or choose another folder") from error


def gallery(
    stage: Stage, class_names: Sequence[str], report: bool = False
) -> tuple[Pictures, bytes]:
    """A picture of the first images that a stage with `cam_bs` transforms, a row each.

    Args:
        stage: As it is about to train.
        class_names: One name a class.
        below: The folder in it that takes the pictures; ``root`` itself where it is empty.
        report: Make it small enough for a report: fewer rows, and none larger than 128 pixels.

    Returns:
        What it shows, and the bytes of the file, which is named after the stage.
    """
    batch = dict(zip(stage.source.columns, stage.source[0], strict=True))
    images, labels, kind, u = (
        batch[name] for name in (IMAGE, LABEL, *numbered(WARP, ("kind", "u")))
    )
    chosen = np.flatnonzero(kind != KEEP)[: ROWS_OF_REPORT if report else ROWS]
    chosen = chosen if len(chosen) else np.arange(1)
    before, mask, cam, after = _look(stage, *(a[chosen] for a in (images, labels, kind, u)))
    height, width = before.shape[2:]
    maps = np.stack([np.asarray(Image.fromarray(c).resize((width, height))) for c in cam])
    columns = [_colour(before), _heat(maps), _colour(np.uint8(255) * mask[:, None]), _colour(after)]
    grid = np.concatenate([np.concatenate(list(column), 0) for column in columns], 1)
    tile = _tile(max(height, width), report)
    size = (4 * round(width * tile), len(chosen) * round(height * tile))
    how = Image.Resampling.NEAREST if tile >= 1 else Image.Resampling.BOX
    picture = Image.fromarray(grid).resize(size, how)
    # shrunk photographs are a tenth of the size as JPEG; small images keep every pixel
    ending, form = ("png", "PNG") if tile >= 1 else ("jpg", "JPEG")
    about = Pictures(
        stage=stage.plan.name,
        file=f"{stage.plan.name}.{ending}",
        width=size[0],
        row_height=size[1] // len(chosen),
        columns=COLUMNS,
        rows=tuple(
            PictureRow(name=class_names[labels[c]], change=CHANGES[int(kind[c])]) for c in chosen
        ),
    )
    file = io.BytesIO()
    picture.save(file, form, quality=90)
    return about, file.getvalue()


def _tile(side: int, report: bool) -> float:
    """How much larger than the image a tile is: a whole number, so that pixels stay square, or a fraction."""
    if report and side > LARGEST_OF_REPORT:
        return LARGEST_OF_REPORT / side
    return max(1, TILE // side)


@contextlib.contextmanager
def _eagerly() -> Iterator[None]:
    """Run operators one by one: a graph for a picture would take longer to compile than to run."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        yield
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)


def _look(
    stage: Stage, images: Bytes, labels: Integers, kind: Integers, u: Floats
) -> tuple[Bytes, Bytes, Floats, Bytes]:
    """Images as bytes, foregrounds, maps and results as bytes, operator by operator as the graph does it."""
    transform, normalise = stage.step.transform, stage.step.normalise
    # the stage has `cam_bs`, which takes images
    assert transform is not None
    assert isinstance(normalise, Normalise)
    network, size = transform.network, (images.shape[2], images.shape[3])
    with _eagerly():
        inputs, label = normalise(Tensor(images)), Tensor(labels)
        cam = activation_map(network.features(inputs), network.classifier.weight, label)
        mask = foreground(cam, size, transform.threshold)
        matrix = transformation(Tensor(kind), Tensor(u), bounding_box(mask), size)
        after = compose(inputs, mask, Tensor(kind), matrix)
        pixels = ops.clamp((after - normalise.shift) / normalise.scale, 0, 255)
        return (
            images,
            mask.astype(ms.uint8).asnumpy(),
            cam.asnumpy(),
            np.rint(pixels.asnumpy()).astype(np.uint8),
        )


def _colour(images: Bytes) -> Bytes:
    """uint8 [B, ch, H, W] to [B, H, W, 3]: the first three channels as colours, fewer as the grey of the first."""
    shown = images[:, :3] if images.shape[1] >= 3 else np.repeat(images[:, :1], 3, 1)
    return shown.transpose(0, 2, 3, 1)


def _heat(maps: Floats) -> Bytes:
    """Maps in [0, 1], [B, H, W], to colours from black over red and yellow to white."""
    ramp = np.clip(3 * maps[..., None] - np.arange(3), 0, 1)
    colours: Bytes = np.rint(255 * ramp).astype(np.uint8)
    return colours
