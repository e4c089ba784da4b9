"""Declarations of optimizers, learning-rate schedules and augmentations."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from pydantic import Field

from ltdsl.catalogue.entry import Entry, Fraction, Point
from ltdsl.epochs import place


class Optimizer(Entry):
    """Updates the weights."""

    kind = "optimizer"

    lr: float = Field(0.1, gt=0, le=100, description="Base learning rate.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="L2 penalty on every weight.")


class SGD(Optimizer):
    """Stochastic gradient descent with momentum; weight decay acts on every parameter, through the gradient."""

    name = "sgd"
    formula = "v ← momentum·v + g, w ← w − lr·(g + momentum·v) with nesterov, w − lr·v without"

    momentum: float = Field(0.9, ge=0, lt=1, description="Share of the last step's direction kept.")
    nesterov: bool = Field(True, description="Look one momentum step ahead.")


class Adam(Optimizer):
    """Adam; weight decay acts on every parameter, through the gradient."""

    name = "adam"
    citation = "Kingma, Ba: Adam: A Method for Stochastic Optimization, ICLR 2015, end of section 2"

    lr: float = Field(0.001, gt=0, le=100, description="Base learning rate.")
    beta1: float = Field(0.9, gt=0, lt=1, description="Decay of the mean of gradients.")
    beta2: float = Field(0.999, gt=0, lt=1, description="Decay of the mean of squared gradients.")


class Schedule(Entry):
    """The learning rate of each epoch, as a factor of the optimizer's; constant within an epoch."""

    kind = "schedule"

    warmup: int = Field(
        0,
        ge=0,
        description="Epochs in which the rate climbs: epoch e has the factor 1/3 + 2/3 · e / warmup.",
    )

    def decays(self, length: int) -> Callable[[int], float]:
        """The factor of an epoch after warm-up.

        Args:
            length: Epochs that the schedule spans.

        Returns:
            Gives the factor; takes completed epochs since the schedule's start, from 0.
        """
        raise NotImplementedError

    def factors(self, length: int) -> tuple[float, ...]:
        """The factor of each of ``length`` epochs, warm-up included."""
        decay = self.decays(length)
        return tuple(
            1 / 3 + 2 / 3 * epoch / self.warmup if epoch < self.warmup else decay(epoch)
            for epoch in range(length)
        )

    def points(self) -> Sequence[int | str]:
        """The epochs and percentages it names."""
        return ()


class Constant(Schedule):
    """The optimizer's rate throughout."""

    name = "constant"

    def decays(self, length: int) -> Callable[[int], float]:
        """1."""
        del length
        return lambda _: 1.0


class MultiStep(Schedule):
    """The rate is multiplied by gamma after each milestone's epochs are completed."""

    name = "multistep"
    formula = "lr · gamma^(number of milestones ≤ epoch)"

    milestones: tuple[Point, ...] = Field(
        (),
        description="Completed epochs, or percentages of the span, after which the rate drops.",
    )
    gamma: float = Field(0.1, gt=0, le=1, description="Factor of each drop.")

    def decays(self, length: int) -> Callable[[int], float]:
        """Gamma to the power of the milestones passed."""
        epochs = sorted(place(milestone, length) for milestone in self.milestones)
        return lambda epoch: float(self.gamma ** bisect_right(epochs, epoch))

    def points(self) -> Sequence[int | str]:
        """The milestones."""
        return self.milestones


class Cosine(Schedule):
    """The rate falls along half a cosine from the optimizer's to a share of it."""

    name = "cosine"
    formula = "lr · (floor + (1 − floor) · (1 + cos(π·e / E)) / 2), e and E counted after warm-up"
    citation = "Loshchilov, Hutter: SGDR, ICLR 2017, equation 5, without restarts"

    floor: float = Field(0.0, ge=0, le=1, description="Factor approached at the end.")

    def decays(self, length: int) -> Callable[[int], float]:
        """Half a cosine over the epochs after warm-up."""

        def decay(epoch: int) -> float:
            done = (epoch - self.warmup) / max(1, length - self.warmup)
            return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2

        return decay


class Augment(Entry):
    """A random change of a training image that keeps its label."""

    kind = "augmentation"


class RandomCrop(Augment):
    """Pad all four sides with zeros, then cut a window of the image's own size at a random place."""

    name = "random_crop"

    padding: int = Field(4, ge=1, le=256, description="Pixels added to each side.")


class RandomHorizontalFlip(Augment):
    """Mirror left and right, at random."""

    name = "random_horizontal_flip"

    probability: float = Field(0.5, ge=0, le=1, description="Share of images mirrored.")


class RandomResizedCrop(Augment):
    """Cut a box of random size, shape and place from the image, and resize it; images in files lose nothing before."""

    name = "random_resized_crop"
    citation = "Szegedy et al.: Going Deeper with Convolutions, CVPR 2015, section 6"

    scale: Fraction = Field(0.08, gt=0, description="Smallest share of the image's area.")
    ratio: float = Field(
        4 / 3,
        ge=1,
        le=100,
        description="Longest shape: width to height lies between 1 / ratio and ratio.",
    )


class ColorJitter(Augment):
    """Change brightness, contrast and saturation by random factors, in random order."""

    name = "color_jitter"
    formula = "factors uniform in [max(0, 1 − value), 1 + value]"

    brightness: float = Field(0.4, ge=0, le=10, description="Reach of the brightness factor.")
    contrast: float = Field(0.4, ge=0, le=10, description="Reach of the contrast factor.")
    saturation: float = Field(0.4, ge=0, le=10, description="Reach of the saturation factor.")
