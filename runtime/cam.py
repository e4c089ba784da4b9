"""CAM-based resampling (CAM-BS): moves the class's own pixels within an image, on batches, on the device.

Zhang et al., "Bag of Tricks for Long-Tailed Visual Recognition with Deep Convolutional Neural
Networks" (2021), section "CAM-based sampling"; maps after Zhou et al. (2016). Everything random is
drawn on the host by :func:`draw`; :class:`CamBalance` only follows it. Pixels are addressed by integer
coordinates (x to the right, y down); boxes and transformations use the same units.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from runtime.models.network import Network

KEEP, FLIP, TRANSLATE, ROTATE, SCALE = range(5)
MAX_ANGLE = math.pi / 4
SCALE_RANGE = (0.8, 1.2)


def transform_probability(
    counts: np.ndarray, keep_originals: bool = True, below: int | None = None
) -> np.ndarray:
    """Probability that an image drawn for a class is transformed: g_c / (N_c + g_c).

    The resampled set holds N_c originals and g_c = N_max + N_min − N_c generated images of class c.

    Args:
        counts: Training images N_c of each class, positive, int [C].
        keep_originals: Whether the originals are part of the set; if not, a class's drawn images
            are all transformed where g_c > 0.
        below: If given, g_c = 0 where N_c ≥ below, else min(below, g_c).

    Returns:
        Probabilities, float64 [C].
    """
    counts = np.asarray(counts, dtype=np.float64)
    generated = counts.max() + counts.min() - counts
    if below is not None:
        generated = np.where(counts >= below, 0.0, np.minimum(below, generated))
    if not keep_originals:
        return (generated > 0).astype(np.float64)
    return generated / (counts + generated)


def draw(
    rng: np.random.Generator,
    labels: np.ndarray,
    counts: np.ndarray,
    keep_originals: bool = True,
    below: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws what happens to each image; pure in the state of ``rng``.

    Args:
        rng: Source of randomness.
        labels: Classes of the images, int [B].
        counts: Training images N_c of each class, int [C].
        keep_originals: See :func:`transform_probability`.
        below: See :func:`transform_probability`.

    Returns:
        ``kind``, int32 [B], of KEEP, FLIP, TRANSLATE, ROTATE, SCALE (the last four are equally
        likely), and ``u``, float32 [B, 2], uniform in [0, 1): the transformation's parameters.
    """
    probability = transform_probability(counts, keep_originals, below)[labels]
    transformed = rng.random(len(labels)) < probability
    kind = np.where(transformed, rng.integers(FLIP, SCALE + 1, len(labels)), KEEP)
    # 24 bits: a float32 below 1 stays below 1
    u = rng.integers(1 << 24, size=(len(labels), 2)) / (1 << 24)
    return kind.astype(np.int32), u.astype(np.float32)


def activation_map(maps: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Class activation map Σ_k w_{y,k} F_k, min-max normalised per image.

    Args:
        maps: Last feature maps F, [B, K, h, w].
        weight: The classifier's weights w, [C, K].
        labels: Classes y, int32 [B].

    Returns:
        Maps in [0, 1], [B, h, w]; all zero where a map is constant (as 1×1 maps are).
    """
    rows = ops.gather(weight, labels, 0)
    cam = (maps * rows.reshape(rows.shape + (1, 1))).sum(1)
    flat = cam.reshape((cam.shape[0], -1))
    low = ops.amin(flat, -1).reshape((-1, 1, 1))
    high = ops.amax(flat, -1).reshape((-1, 1, 1))
    return (cam - low) / ops.select(high > low, high - low, ops.ones_like(high))


def foreground(cam: Tensor, size: tuple[int, int], threshold: float) -> Tensor:
    """Pixels above ``threshold`` × the mean of the map, once resized (bilinear) to the image.

    Args:
        cam: Normalised maps, [B, h, w].
        size: Height and width of the image, pixels.
        threshold: Factor on the mean; the paper has 1.

    Returns:
        Foreground M, bool [B, H, W]; empty where the map is all zero.
    """
    resized = ops.interpolate(cam.expand_dims(1), size=size, mode="bilinear", align_corners=False)
    resized = resized.squeeze(1)
    mean = resized.reshape((resized.shape[0], -1)).mean(-1)
    return resized > threshold * mean.reshape((-1, 1, 1))


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


def transformation(kind: Tensor, u: Tensor, box: tuple, size: tuple[int, int]) -> Tensor:
    """Maps target pixels to source pixels: (x, y) = A · (x', y', 1).

    A flip mirrors the whole image about its own vertical centre line, as the reference does.
    A translation is by whole pixels, so moved pixels are exact copies, uniform over the shifts that
    keep the box inside the image. A rotation is by (2 u_0 − 1)·45° and a scaling by 0.8 + 0.4 u_0,
    both about the centre of the box.

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

    def of(which):
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


def compose(images: Tensor, mask: Tensor, kind: Tensor, matrix: Tensor) -> Tensor:
    """Pastes the warped image over the original, where either foreground is.

    x' = x_w where M ∪ M_w and the source lies inside the image, else x: every other pixel is
    unchanged bit for bit. The warped foreground M_w is where the warped mask reaches one half.

    Args:
        images: Images x, float32 [B, ch, H, W].
        mask: Foreground M, bool [B, H, W].
        kind: Images of kind KEEP stay as they are, int32 [B].
        matrix: From target to source pixels, float32 [B, 2, 3].

    Returns:
        Images x', float32 [B, ch, H, W].
    """
    layered = ops.concat((images, mask.astype(images.dtype).expand_dims(1)), 1)
    warped, inside = warp(layered, matrix)
    either = ops.logical_or(mask, warped[:, -1] >= 0.5)
    changed = ops.logical_and(either, inside)
    changed = ops.logical_and(changed, (kind != KEEP).reshape((-1, 1, 1)))
    return ops.select(changed.expand_dims(1).broadcast_to(images.shape), warped[:, :-1], images)


class CamBalance(nn.Cell):
    """Transforms the foregrounds of a batch; no gradient flows, and no weight changes.

    An image whose map is constant has no foreground and stays as it is.

    Args:
        network: The frozen network of the stage's start (:func:`runtime.models.freeze`); its
            classifier's weights must have one column for each of its feature maps.
        threshold: Foreground is above this factor × the map's mean; above 0.
    """

    def __init__(self, network: Network, threshold: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.threshold = threshold

    def construct(self, images: Tensor, labels: Tensor, kind: Tensor, u: Tensor) -> Tensor:
        """Transforms a batch as drawn by :func:`draw`.

        Args:
            images: Images after augmentation, float32 [B, ch, H, W].
            labels: Their classes, int32 [B].
            kind: What to do, int32 [B].
            u: Parameters in [0, 1), float32 [B, 2].

        Returns:
            Images of the same shape.
        """
        size = images.shape[2:]
        cam = activation_map(self.network.features(images), self.network.classifier.weight, labels)
        mask = foreground(cam, size, self.threshold)
        matrix = transformation(kind, u, bounding_box(mask), size)
        return ops.stop_gradient(compose(images, mask, kind, matrix))
