"""What every data set offers, whether its images are in memory or in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from typing_extensions import Self

    from ltdsl_runtime.data.augment import Augmentation
    from ltdsl_runtime.data.image import View


class Rows(Protocol):
    """What an evaluation asks of a part: images, or what stands for them."""

    @property
    def labels(self) -> NDArray[np.int32]:
        """int32 ``[N]``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each image, or of what stands for it."""

    def __len__(self) -> int:
        """N."""

    def batch(self, indices: NDArray[np.int64], /) -> NDArray[Any]:
        """What is at ``indices``, ``[B, *shape]``."""


class Part(Protocol):
    """One part (training, validation or test) of a data set: labels in memory, images a batch at a time.

    Attributes:
        labels: int32 ``[N]``, each in [0, number of classes).
        class_names: One name a class, by label.
        view: How an image file of any size becomes what evaluation sees.
        units: int32 ``[N]``: images with equal numbers never come into two parts. None where each is drawn for itself.
    """

    @property
    def labels(self) -> NDArray[np.int32]:
        """See the class."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """See the class."""

    @property
    def view(self) -> View:
        """See the class."""

    @property
    def units(self) -> NDArray[np.int32] | None:
        """See the class."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every image of a batch."""

    def __len__(self) -> int:
        """N, the number of images."""

    def counts(self) -> tuple[int, ...]:
        """Images of each class."""

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> Self:
        """The images at ``indices``, in that order, as a part of its own."""

    def relabelled(self, label: NDArray[np.intp], class_names: tuple[str, ...]) -> Part:
        """The same images of classes that are numbered in another way: what was c is ``label[c]``."""

    def batch(
        self,
        indices: Sequence[int] | NDArray[np.int64],
        chain: Sequence[Augmentation] = (),
        parameters: Sequence[NDArray[Any]] = (),
    ) -> NDArray[np.uint8]:
        """Images as the network's input layer takes them, before normalisation.

        Args:
            indices: Which ones, in order, ``[B]``; an image may be there twice.
            chain: How they are augmented; as in evaluation where it is empty.
            parameters: For each augmentation what it drew, its leading dimension B.

        Returns:
            uint8 ``[B, *shape]``, 0–255: a copy. A pure function of the arguments, from any thread.

        Raises:
            DataError: LT402, an image cannot be read; the message names it.
        """

    def fingerprint(self) -> str:
        """64 hex digits that are equal for equal data in equal order; the class says what is covered."""


def members_by_class(labels: NDArray[np.int32], classes: int) -> list[NDArray[np.int64]]:
    """For each class the indices of its images, ascending; one sort, however many classes there are."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=classes))[:-1])


def class_counts(labels: NDArray[np.int32], classes: int) -> tuple[int, ...]:
    """Images of each of ``classes`` classes."""
    return tuple(np.bincount(labels, minlength=classes).tolist())
