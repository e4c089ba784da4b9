"""Declarations of augmentations that change an image by operations of several kinds, or cover a part of it."""

from typing import Annotated, Literal

from pydantic import Field

from ltdsl.catalogue.entry import Fraction
from ltdsl.catalogue.training import Augment

#: Value of the pixels that an operation brings in from outside the image.
Fill = Annotated[
    int, Field(ge=0, le=255, description="Value of pixels that come from outside the image.")
]


class RandAugment(Augment):
    """Apply n operations, drawn with replacement from fourteen, all of one strength.

    The operations are Pillow's: shear, translate, rotate, brightness, colour, contrast, sharpness, posterize, solarize,
    autocontrast, equalize, and none at all; their ranges are AutoAugment's. Directions and signs are random. Pixels are
    the nearest ones, with grey outside the image, as in the authors' code.
    """

    name = "rand_augment"
    formula = (
        "n operations of strength m / 30 of their ranges: shear 0.3, translate 150/331 of the side, rotate 30°, "
        "factors 1 ± 0.9, posterize 8 to 4 bits, solarize from 255 to 0"
    )
    citation = (
        "Cubuk, Zoph, Shlens, Le: RandAugment: Practical Automated Data Augmentation with a Reduced "
        "Search Space, CVPR workshops 2020; ranges and names as in torchvision"
    )

    n: int = Field(2, ge=1, le=16, description="Operations an image.")
    m: float = Field(9.0, ge=0, le=30, description="Their strength, of 30.")
    fill: Fill = 128


class AutoAugment(Augment):
    """Apply one of 25 pairs of operations that were found by search, each operation with its own probability.

    `cifar` was found on CIFAR-10, and is used for CIFAR-100 too; `imagenet` on ImageNet. On long-tailed CIFAR it stands
    between `random_horizontal_flip` and `cutout(size = 16)`. Pixels are the nearest ones, as in Pillow.
    """

    name = "auto_augment"
    citation = (
        "Cubuk, Zoph, Mane, Vasudevan, Le: AutoAugment: Learning Augmentation Strategies from Data, "
        "CVPR 2019; as in torchvision and wang22ti/DDC"
    )

    policy: Literal["cifar", "imagenet"] = Field("cifar", description="Which 25 pairs.")
    fill: Fill = 128


class TrivialAugment(Augment):
    """Apply one operation, drawn from fourteen, of a strength that is drawn as well: nothing is left to choose.

    The wide ranges of the paper; pixels are the nearest ones.
    """

    name = "trivial_augment"
    formula = (
        "one operation of strength k / 30, k uniform in 0 … 30: shear 0.99, translate 32 pixels, rotate 135°, factors "
        "1 ± 0.99, posterize 8 to 2 bits, solarize from 255 to 0"
    )
    citation = (
        "Müller, Hutter: TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation, "
        "ICCV 2021; as in torchvision"
    )

    fill: Fill = 128


class Cutout(Augment):
    """Make a square black whose centre is anywhere in the image, so that a part of it may lie outside."""

    name = "cutout"
    citation = (
        "DeVries, Taylor: Improved Regularization of Convolutional Neural Networks with Cutout, "
        "arXiv:1708.04552, 2017; black before normalisation, as in wang22ti/DDC"
    )

    size: int = Field(16, ge=1, le=4096, description="Side of the square, pixels.")


class RandomErasing(Augment):
    """Replace a rectangle of random size, shape and place, in some of the images.

    The first of ten random rectangles that fits into the image; where none does, nothing is replaced.
    """

    name = "random_erasing"
    citation = (
        "Zhong, Zheng, Kang, Li, Yang: Random Erasing Data Augmentation, AAAI 2020, algorithm 1"
    )

    probability: Fraction = Field(0.5, description="Share of images changed.")
    smallest: Fraction = Field(0.02, gt=0, description="Smallest share of the image's area.")
    largest: Fraction = Field(0.33, gt=0, description="Largest share of the image's area.")
    ratio: float = Field(
        10 / 3,
        ge=1,
        le=100,
        description="Longest shape: height to width lies between 1 / ratio and ratio.",
    )
    value: Literal["random", "black"] = Field(
        "random", description="A random value for each pixel and channel, or 0."
    )


class RandomRotation(Augment):
    """Turn the image about its centre by a random angle; pixels are the nearest ones."""

    name = "random_rotation"
    formula = "angle uniform in [−degrees, degrees]"

    degrees: float = Field(15.0, gt=0, le=180, description="Largest angle, either way.")
    fill: Fill = 0


class ClassStrength(Augment):
    """Change images of a class the more strongly, the better the network knows the class so changed.

    Each class has a level, 0 at first. At level l an image is changed by l operations of magnitude l / 30, drawn with
    replacement from twenty-two. Before each epoch the network is asked about images of each class at each level up to
    its own, (level + 1) · trials of them: where more than `accept` are right at every level, the class goes up by one,
    elsewhere down by one. That costs up to trials · (levels + 1) · (levels + 2) / 2 evaluated images a class and epoch.
    It answers as it is trained, without a posthoc trick. Levels go on from stage to stage, and
    `metrics.jsonl` has them. Published as CUDA, between the usual crops and flips and `cutout`, with
    `balanced_softmax` among others; shifts are pixels, as in the authors' code, so of small images little is left at
    the highest levels.
    """

    name = "class_strength"
    formula = "L_c ← L_c + 1 where (right / asked) > accept at all levels 0 … L_c, else L_c − 1, within 0 … levels"
    citation = (
        "Ahn, Ko, Yun: CUDA: Curriculum of Data Augmentation for Long-Tailed Recognition, ICLR 2023; "
        "operations and defaults: code, sumyeongahn/CUDA_LTR"
    )
    follows_classes = True

    probability: Fraction = Field(0.5, description="Share of images that are changed.")
    levels: int = Field(10, ge=1, le=30, description="Highest level, of 30.")
    accept: Fraction = Field(
        0.6, lt=1, description="Share of right answers above which a class goes up."
    )
    trials: int = Field(10, ge=1, le=1000, description="Images asked at level 0, and more at each.")
