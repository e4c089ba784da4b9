"""What CAM-BS does, as a picture for the eye: image, map, foreground, result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from PIL import Image

from runtime.cam import activation_map, compose, foreground
from runtime.errors import RunError
from runtime.warp import KEEP, bounding_box, transformation

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.stages import Stage

#: Images shown, at most.
ROWS = 12

#: Height and width of a tile, at least, in pixels.
TILE = 96


def save_gallery(folder: Path, stage: Stage) -> Path:
    """Write a PNG of the first images that a stage with `cam_bs` transforms; a row each.

    Args:
        folder: Made where it is missing.
        stage: As it is about to train.

    Returns:
        The file, named after the stage.

    Raises:
        RunError: LT421, the folder cannot be written to.
    """
    images, labels, kind, u, *_ = stage.source[0]
    chosen = np.flatnonzero(kind != KEEP)[:ROWS]
    before, mask, cam, after = _look(stage, *(a[chosen] for a in (images, labels, kind, u)))
    height, width = before.shape[2:]
    maps = np.stack([np.asarray(Image.fromarray(c).resize((width, height))) for c in cam])
    columns = [_colour(before), _heat(maps), _colour(255 * mask[:, None]), _colour(after)]
    grid = np.concatenate([np.concatenate(list(column), 0) for column in columns], 1)
    zoom = max(1, TILE // max(height, width))
    picture = Image.fromarray(grid).resize(
        (grid.shape[1] * zoom, grid.shape[0] * zoom), Image.Resampling.NEAREST
    )
    path = folder / f"{stage.plan.name}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror or error}"
        raise RunError("LT421", message, "choose another folder with --keep-cam") from error
    return path


def _look(
    stage: Stage, images: np.ndarray, labels: np.ndarray, kind: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images as bytes, foregrounds, maps and results as bytes, operator by operator as the graph does it."""
    transform, normalise = stage.step.transform, stage.step.normalise
    inputs, label = normalise(Tensor(images)), Tensor(labels)
    network, size = transform.network, images.shape[2:]
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


def _colour(images: np.ndarray) -> np.ndarray:
    """uint8 [B, 1 or 3, H, W] to [B, H, W, 3]."""
    return (
        np.repeat(images, 3, 1).transpose(0, 2, 3, 1)[..., :3]
        if images.shape[1] == 1
        else (images.transpose(0, 2, 3, 1)[..., :3])
    )


def _heat(maps: np.ndarray) -> np.ndarray:
    """Maps in [0, 1], [B, H, W], to colours from black over red and yellow to white."""
    ramp = np.clip(3 * maps[..., None] - np.arange(3), 0, 1)
    return np.rint(255 * ramp).astype(np.uint8)
