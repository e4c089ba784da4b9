"""Declarations of optimizers, learning-rate schedules and augmentations."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import ClassVar

from pydantic import Field

from ltdsl.catalogue.entry import Entry, Fraction, Point
from ltdsl.epochs import place


class Optimizer(Entry):
    """Updates the weights.

    Class attributes:
        takes_in: Whether further weights may join while it runs, and are updated as those that began with it were.
    """

    kind = "optimizer"
    takes_in: ClassVar[bool] = True

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
    takes_in = False  # the correction of its means for their start counts one number of steps

    lr: float = Field(0.001, gt=0, le=100, description="Base learning rate.")
    beta1: float = Field(0.9, gt=0, lt=1, description="Decay of the mean of gradients.")
    beta2: float = Field(0.999, gt=0, lt=1, description="Decay of the mean of squared gradients.")


class AdamW(Adam):
    """Adam; weight decay acts on every parameter, apart from the gradient: by a share of the learning rate."""

    name = "adamw"
    formula = "w ← w − lr · (weight_decay · w + m̂ / (√v̂ + 1e-8)), m̂ and v̂ Adam's corrected means"
    citation = "Loshchilov, Hutter: Decoupled Weight Decay Regularization, ICLR 2019, algorithm 2; as in PyTorch"

    weight_decay: float = Field(
        0.01, ge=0, le=1, description="Decay of every weight, times the learning rate."
    )


class Sharpness(Entry):
    """What a step does so that weights end where the loss is flat."""

    kind = "sharpness"


class SharpnessAware(Sharpness):
    """Each step takes the gradient from where the loss is highest nearby, and applies it where the weights are.

    Two passes, so a step takes twice as long. Batch norms keep the statistics of the first pass alone, at the weights
    that are kept; the loss that is told is the first pass's as well. Helps most where a loss re-weighs the tail: on
    CIFAR-10-LT-100 the authors take rho 0.1 with `ce`, 0.5 with deferred re-weighting and 0.8 with `ldam` and deferred
    re-weighting. With rho 0 a stage does without.
    """

    name = "sam"
    formula = "the gradient at w + rho · g / ‖g‖, g that at w, all weights taken together"
    citation = (
        "Foret, Kleiner, Mobahi, Neyshabur: Sharpness-Aware Minimization for Efficiently Improving "
        "Generalization, ICLR 2021; for long tails: Rangwani, Aithal, Mishra, Babu: Escaping Saddle "
        "Points for Effective Generalization on Class-Imbalanced Data, NeurIPS 2022; code: val-iisc/Saddle-LongTail"
    )

    rho: float = Field(0.05, ge=0, le=10, description="How far to look; 0 not at all.")


class Constraint(Entry):
    """What is held of the weights after each step."""

    kind = "constraint"


class MaxNorm(Constraint):
    """After each step, class weights that are longer than a limit are shortened to it.

    Published for a stage that trains the classifier alone with a class-balanced loss and strong weight decay, on
    features that were trained with strong weight decay. The authors' code takes a limit for each layer, a tenth of the
    way from its shortest to its longest class weights as the stage starts; here it is the length itself.
    """

    name = "max_norm"
    formula = "w_c ← w_c · min(1, threshold / ‖w_c‖)"
    citation = (
        "Alshammari, Wang, Ramanan, Kong: Long-Tailed Recognition via Weight Balancing, CVPR 2022; "
        "code: ShadeAlsha/LTR-weight-balancing"
    )

    threshold: float = Field(1.0, gt=0, le=1000, description="Longest class weights.")


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
    """A random change of a training image that keeps its label.

    Class attributes:
        caution: Images whose label it does not keep: what it does, and to which it should not; empty for none.
        follows_classes: True where an image is changed as strongly as the network knows its class at the time.
    """

    kind = "augmentation"
    caution: ClassVar[str] = ""
    follows_classes: ClassVar[bool] = False


class RandomCrop(Augment):
    """Pad all four sides with zeros, then cut a window of the image's own size at a random place."""

    name = "random_crop"

    padding: int = Field(4, ge=1, le=256, description="Pixels added to each side.")


class RandomHorizontalFlip(Augment):
    """Mirror left and right, at random."""

    name = "random_horizontal_flip"
    caution = "mirrors images: leave it out where left and right differ, as in signs and text"

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
