"""Declarations of the data sets, each with the protocol that its literature trains it by."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ltdsl.catalogue.entry import Added, Entry
from ltdsl.longtail import capped_counts, profile_counts

#: Profiles of a long tail: counts fall exponentially, or the second half of the classes is rare.
Profile = Literal["exponential", "step"]


#: Which images a class keeps: a choice that is nested, or the one that published figures were measured with.
Choice = Literal["nested", "cao"]


class Dataset(Entry):
    """A data set: where images and labels come from.

    Class attributes:
        protocol: The settings it is usually trained with, as recipe text: the lowest layer of every recipe.
        available: Images that each class can give; None where only the files say.
        needs_files: True where ``--data DIR`` must name a folder, unless the recipe does.
    """

    kind = "dataset"
    protocol: ClassVar[str]
    available: ClassVar[tuple[int, ...] | None] = None
    needs_files: ClassVar[bool] = True

    imbalance: float | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Makes the data set longer-tailed: a class keeps at most as many images as the profile from the "
        "largest class down gives it. Unset: all images.",
    )
    profile: Profile = Field("exponential", description="How counts fall from head to tail.")

    def class_counts(self, available: Sequence[int] | None = None) -> tuple[int, ...] | None:
        """Training images of each class, before a validation part is taken from them.

        Args:
            available: Images that the files have of each class, where the declaration does not know.

        Returns:
            The counts, or None where nobody knows them yet.
        """
        if available is None:
            return None
        if self.imbalance is None:
            return tuple(available)
        return capped_counts(available, self.imbalance, self.profile)


class LongTailed(Dataset):
    """A balanced data set of known size that is made long-tailed."""

    imbalance: float = Field(
        100.0,
        ge=1,
        le=100_000,
        description="Images of the largest class for each image of the smallest.",
    )

    def class_counts(self, available: Sequence[int] | None = None) -> tuple[int, ...]:
        """Training images of each class, known before any file is read."""
        available = available or type(self).available
        assert available is not None
        return profile_counts(available, self.imbalance, self.profile)


class DigitsLT(LongTailed):
    """UCI handwritten digits, embedded in the package: 10 classes, 16×16 grey images, 400 balanced test images."""

    name = "digits_lt"
    citation = (
        "Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning "
        "Repository, 1998, doi:10.24432/C50P49 (CC BY 4.0)"
    )
    available = (138, 142, 137, 143, 141, 142, 141, 139, 134, 140)
    needs_files = False
    protocol = """\
model = resnet8
epochs = 200
batch_size = 32
optimizer = sgd(lr = 0.05, momentum = 0.9, nesterov = true, weight_decay = 0.0005)
schedule = multistep(milestones = [80%, 90%], gamma = 0.1, warmup = 5)
augment = [random_crop(padding = 2)]
"""

    imbalance: float = Field(
        20.0,
        ge=1,
        le=100_000,
        description="Images of the largest class for each image of the smallest.",
    )


CIFAR_PROTOCOL = """\
model = resnet32
epochs = 200
batch_size = 128
optimizer = sgd(lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.0002)
schedule = multistep(milestones = [80%, 90%], gamma = 0.01, warmup = 5)
augment = [random_crop(padding = 4), random_horizontal_flip]
"""


class CifarLT(LongTailed):
    """CIFAR, of which published long-tailed versions exist."""

    split: Annotated[Choice, Added("0.2")] = Field(
        "nested",
        description="Which images a class keeps: `nested`, a choice of ltdsl's own in which a longer tail keeps some "
        "of a shorter one's; or `cao`, those of LDAM-DRW (Cao et al., 2019), whose generator `split_seed` then seeds, "
        "with 0 for the published split.",
    )


class Cifar10LT(CifarLT):
    """CIFAR-10 made long-tailed: 10 classes, 32×32 colour images, 10,000 balanced test images."""

    name = "cifar10_lt"
    citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
    available = (5000,) * 10
    protocol = CIFAR_PROTOCOL


class Cifar100LT(CifarLT):
    """CIFAR-100 made long-tailed: 100 classes, 32×32 colour images, 10,000 balanced test images."""

    name = "cifar100_lt"
    citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
    available = (500,) * 100
    protocol = CIFAR_PROTOCOL
