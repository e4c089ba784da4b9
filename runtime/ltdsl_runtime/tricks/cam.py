"""CAM-based resampling (CAM-BS): moves the class's own pixels within an image, on batches, on the device.

Zhang et al., "Bag of Tricks for Long-Tailed Visual Recognition with Deep Convolutional Neural
Networks" (2021), section "CAM-based sampling"; maps after Zhou et al. (2016). Everything random is
drawn on the host by :func:`draw`; :class:`CamBalance` only follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mindspore import Tensor, nn, ops

from ltdsl_runtime.machine.device import native
from ltdsl_runtime.tricks.warp import FLIP, KEEP, SCALE, bounding_box, transformation, warp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ltdsl_runtime.models.network import Network


def draw(
    rng: np.random.Generator, labels: NDArray[np.int32], keep: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Draws what happens to each image; pure in the state of ``rng``.

    Args:
        rng: Source of randomness.
        labels: Classes of the images, int [B].
        keep: Probability that an image of each class stays as it is, float [C].

    Returns:
        ``kind``, int32 [B], of KEEP, FLIP, TRANSLATE, ROTATE, SCALE (the last four are equally
        likely), and ``u``, float32 [B, 2], uniform in [0, 1): the transformation's parameters.
    """
    kept = rng.random(len(labels)) < keep[labels]
    kind = np.where(kept, KEEP, rng.integers(FLIP, SCALE + 1, len(labels)))
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
    cam = (maps * rows.reshape((*rows.shape, 1, 1))).sum(1)
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
        network: The frozen network of the stage's start (:func:`ltdsl_runtime.models.freeze`); its
            classifier's weights must have one column for each of its feature maps.
        threshold: Foreground is above this factor × the map's mean; above 0.
    """

    def __init__(self, network: Network, threshold: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.threshold = threshold
        self.compose: Callable[..., Tensor] = compose
        if native():
            from ltdsl_runtime.machine.native.kernel import Kernel

            self.compose = Kernel("ltdsl_compose")

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
        size = (images.shape[2], images.shape[3])
        maps, weight = self.network.features(images), self.network.classifier.weight
        if maps.ndim != 4 or maps.shape[1] != weight.shape[1]:
            raise ValueError("cam_bs needs a classifier that acts on the mean of the feature maps")
        cam = activation_map(maps, weight, labels)
        mask = foreground(cam, size, self.threshold)
        matrix = transformation(kind, u, bounding_box(mask), size)
        return ops.stop_gradient(self.compose(images, mask, kind, matrix))
