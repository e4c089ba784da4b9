"""Batches of plane transformations: bounding boxes, affine matrices, bilinear sampling.

Pixels are addressed by integer coordinates (x to the right, y down); boxes and transformations use the
same units.
"""

from __future__ import annotations

import math

import mindspore as ms
from mindspore import Tensor, ops

KEEP, FLIP, TRANSLATE, ROTATE, SCALE = range(5)
MAX_ANGLE = math.pi / 4
SCALE_RANGE = (0.8, 1.2)


def _extent(hit: Tensor) -> tuple[Tensor, Tensor]:
    """First and last true position of each row of a 0/1 float [B, n]; 0 and n − 1 if there is none."""
    length = hit.shape[-1]
    position = ops.arange(length).astype(ms.float32)
    first = ops.amin(length - (length - position) * hit, -1)
    last = ops.amax((position + 1) * hit, -1) - 1
    none = last < 0
    first = ops.select(none, ops.zeros_like(first), first)
    return first, ops.select(none, ops.full_like(last, length - 1), last)


def bounding_box(mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Smallest box around a mask, both ends inclusive; the whole image where the mask is empty.

    Args:
        mask: Bool [B, H, W].

    Returns:
        ``x0, y0, x1, y1``, whole numbers of pixels, float32 [B] each.
    """
    mask = mask.astype(ms.float32)
    x0, x1 = _extent(ops.amax(mask, 1))
    y0, y1 = _extent(ops.amax(mask, 2))
    return x0, y0, x1, y1


def transformation(
    kind: Tensor, u: Tensor, box: tuple[Tensor, Tensor, Tensor, Tensor], size: tuple[int, int]
) -> Tensor:
    """Maps target pixels to source pixels: (x, y) = A · (x', y', 1).

    A flip mirrors the whole image about its own vertical centre line, as the reference does.
    A translation is by whole pixels, so moved pixels are exact copies, uniform over the shifts that
    keep the box inside the image. A rotation is by (2 u_0 − 1)·45°, clockwise where positive, and a
    scaling by 0.8 + 0.4 u_0, both about the centre of the box.

    Args:
        kind: What to do, int32 [B].
        u: Uniform draws in [0, 1), float32 [B, 2].
        box: ``x0, y0, x1, y1`` as :func:`bounding_box` gives them.
        size: Height and width, pixels.

    Returns:
        A, float32 [B, 2, 3].
    """
    height, width = size
    x0, y0, x1, y1 = box
    first, second = u[:, 0], u[:, 1]

    def of(which: int) -> Tensor:
        return (kind == which).astype(ms.float32)

    # at least one shift (none) is possible, so the counts are positive
    dx = ops.floor(first * (width - x1 + x0)) - x0
    dy = ops.floor(second * (height - y1 + y0)) - y0
    angle = (2.0 * first - 1.0) * MAX_ANGLE * of(ROTATE)
    factor = SCALE_RANGE[0] + (SCALE_RANGE[1] - SCALE_RANGE[0]) * first
    inverse = ops.select(kind == SCALE, 1.0 / factor, ops.ones_like(factor))
    cos, sin = inverse * ops.cos(angle), inverse * ops.sin(angle)
    # rotation and scaling fix the centre c: source = c + Q (target − c)
    cx, cy = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    turned = of(ROTATE) + of(SCALE)
    shift_x = turned * (cx - (cos * cx + sin * cy)) - of(TRANSLATE) * dx
    shift_y = turned * (cy - (cos * cy - sin * cx)) - of(TRANSLATE) * dy
    flipped = of(FLIP)
    row_x = ops.stack((cos - 2.0 * flipped, sin, shift_x + flipped * (width - 1)), -1)
    row_y = ops.stack((-sin, cos, shift_y), -1)
    return ops.stack((row_x, row_y), 1)


def warp(pixels: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Samples images bilinearly where a transformation points to.

    Whole-numbered source positions give exact copies, which a sampler with normalised coordinates
    would not.

    Args:
        pixels: Images, float32 [B, ch, H, W].
        matrix: From target to source pixels, float32 [B, 2, 3].

    Returns:
        Warped images, [B, ch, H, W], and whether each source position lies within the image's pixel
        centres, bool [B, H, W]; beyond them the nearest pixel is repeated.
    """
    batch, channels, height, width = pixels.shape
    column = ops.arange(width).astype(ms.float32).reshape((1, 1, width))
    row = ops.arange(height).astype(ms.float32).reshape((1, height, 1))
    terms = matrix.reshape((batch, 6, 1, 1))
    x = terms[:, 0] * column + terms[:, 1] * row + terms[:, 2]
    y = terms[:, 3] * column + terms[:, 4] * row + terms[:, 5]
    inside = ops.logical_and(
        ops.logical_and(x >= 0, x <= width - 1), ops.logical_and(y >= 0, y <= height - 1)
    )
    x, y = ops.clamp(x, 0, width - 1), ops.clamp(y, 0, height - 1)
    left, top = ops.floor(x), ops.floor(y)
    right_share, bottom_share = (x - left).expand_dims(-1), (y - top).expand_dims(-1)
    left, top = left.astype(ms.int32), top.astype(ms.int32)
    right = ops.minimum(left + 1, width - 1)
    bottom = ops.minimum(top + 1, height - 1)
    # channels last: each pixel is one row of a table, and one gather fetches it
    table = pixels.transpose((0, 2, 3, 1)).reshape((-1, channels))
    start = (ops.arange(batch) * (height * width)).astype(ms.int32).reshape((batch, 1, 1))
    upper, lower = start + top * width, start + bottom * width
    above = (1.0 - right_share) * ops.gather(table, upper + left, 0) + right_share * ops.gather(
        table, upper + right, 0
    )
    below = (1.0 - right_share) * ops.gather(table, lower + left, 0) + right_share * ops.gather(
        table, lower + right, 0
    )
    warped = (1.0 - bottom_share) * above + bottom_share * below
    return warped.transpose((0, 3, 1, 2)), inside
