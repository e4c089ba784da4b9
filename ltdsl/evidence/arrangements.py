"""How published rows were trained where their tricks and epochs do not say it: what the column ``trained`` names.

The figures are those of the reference repository's configurations, at the commits that :data:`ltdsl.evidence.SOURCES`
names. Milestones are its own but for the end of a first part: it advances its schedule before an epoch, so a first
part as long as its milestone ends with one epoch at the lower rate, here by a milestone one epoch earlier.
"""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """A stage that was a run of its own, from the weights of the one before: a fresh optimizer, a schedule anew.

    Attributes:
        start: Epochs completed before it.
        lr: Its learning rate.
        milestones: Of its own epochs, as its schedule's gamma and warm-up.
        gamma: Factor of each drop.
        warmup: Epochs of warm-up.
        warmed: Benchmarks whose configuration alone has the warm-up; empty where all have it.
        weight_decay: None where it is the protocol's.
        best: True where it starts from the best weights instead of the last.
    """

    start: int
    lr: float
    milestones: tuple[int, ...]
    gamma: float
    warmup: int = 0
    warmed: tuple[str, ...] = ()
    weight_decay: float | None = None
    best: bool = False


class Arrangement(NamedTuple):
    """How rows were trained.

    Attributes:
        milestones: Of all epochs, or of a first part; empty where they are the protocol's.
        batch_size: None where it is the protocol's.
        start: Epochs completed before a second stage that goes on with the optimizer; None where they are 80 %.
        parts: The stages after the first, where they were runs of their own.
        augment: Of all stages; empty where it is the protocol's.
        settings: Further settings, as recipes write them.
        validation: Share of the training images that chooses the best weights; 0 where nothing asks for them.
        teacher: Path that a distilled row's teacher is expected at.
        warmup: Epochs of warm-up of a first part; None where they are the protocol's.
        suffix: Ends the recipe's name, where another row has the same tricks and epochs.
        remark: What a reader has to be told.
    """

    milestones: tuple[int, ...] = ()
    batch_size: int | None = None
    start: int | None = None
    parts: tuple[Part, ...] = ()
    augment: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    validation: float = 0.0
    teacher: str = ""
    warmup: int | None = None
    suffix: str = ""
    remark: str = ""


#: How the reference repository implements a trick, where the language's default is the paper's or another: parameters
#: that recipes of its rows are written with. They are no part of a row's combination.
REFERENCE: dict[str, str] = {
    "label_aware_smoothing": "over = all",
    "influence_balanced": "through_factor = true",
    "crt": "statistics = running",
    "lws": "statistics = running",
    "cam_bs": "threshold = 0.75",
}

_VALIDATION = (
    "A tenth of the training images chooses the weights that stage3 starts from; the published run trained on all and "
    "chose by the test images."
)
_EARLY = (
    "The reference advances its schedule before an epoch, so that its first part ends with one epoch at the lower "
    "rate: the milestone one epoch before the part's end."
)
_SECOND = Part(320, 0.001, (40,), 0.01, warmup=5, warmed=("CIFAR-100-LT-100",))
_THIRD = Part(400, 0.001, (8, 16), 0.1, warmup=5, warmed=("CIFAR-10-LT-100",), best=True)


def _strong(decay: str, rho: str) -> Arrangement:
    """SAM and augmentation in 400 epochs, as the script of wang22ti/DDC has it."""
    return Arrangement(
        augment=(
            "random_crop(padding = 4)",
            "random_horizontal_flip",
            "auto_augment(policy = cifar)",
            "cutout(size = 16)",
        ),
        settings=(f"optimizer = sgd(weight_decay = {decay})", f"sharpness = sam(rho = {rho})"),
        remark="Weight decay and rho are those of the repository's bash_script.sh. Its warm-up takes ten epochs, the "
        "last five of them above the rate that follows: here it is the protocol's.",
    )


ARRANGEMENTS: dict[str, Arrangement] = {
    "": Arrangement(),
    "longer": Arrangement(
        remark="Assumed, as no configuration of it is published: drops at 80 % and 90 %, as in those of 400 epochs."
    ),
    "pairs": Arrangement(batch_size=64),
    "influence": Arrangement(milestones=(100, 160, 180), start=100),
    "retrained": Arrangement(
        milestones=(160, 180),
        parts=(Part(200, 0.1, (10, 20), 0.1, warmup=5, weight_decay=0.0005),),
    ),
    "dive": Arrangement(
        milestones=(120, 160),
        teacher="teacher.ckpt",
        remark="The teacher: last.ckpt of this recipe without dive, copied here as teacher.ckpt.",
    ),
    "cam": Arrangement(
        milestones=(159,),
        parts=(Part(160, 0.001, (20,), 0.01, warmup=5, warmed=("CIFAR-100-LT-100",)),),
        remark=_EARLY,
    ),
    "bag": Arrangement(milestones=(319,), parts=(_SECOND,), remark=_EARLY),
    "bag_tuned": Arrangement(
        milestones=(319,),
        parts=(_SECOND, _THIRD),
        validation=0.1,
        remark=f"{_EARLY} {_VALIDATION}",
    ),
    "bag_paper": Arrangement(
        milestones=(319,),
        parts=(_SECOND, _THIRD),
        validation=0.1,
        remark="Assumed, as no configuration is published with this figure: that of the reference repository's own "
        f"run on the split cui. {_EARLY} {_VALIDATION}",
    ),
    "bag_imagenet": Arrangement(
        milestones=(120, 159),
        parts=(Part(160, 0.002, (39,), 0.1), Part(200, 0.002, (8, 16), 0.1)),
        remark="Assumed, as no configuration is published with this figure: that of the reference repository for "
        "ImageNet-LT. It advances its schedule before an epoch, so that its first and second parts end with one "
        "epoch at the lower rate: the milestones one epoch before their ends.",
    ),
    "no_jitter": Arrangement(
        augment=("random_resized_crop", "random_horizontal_flip"), suffix="no_jitter"
    ),
    "ddc10_ce": _strong("0.0001", "0.1"),
    "ddc10_ldam": _strong("0.00005", "0.4"),
    "ddc10_vs": _strong("0.0002", "0.1"),
    "ddc100_ce": _strong("0.0001", "0.2"),
    "ddc100_ldam": _strong("0.0001", "0.5"),
    "ddc100_vs": _strong("0.0002", "0.3"),
    "cards": Arrangement(
        remark="Assumed: four cards. The configuration says 128 images a card, not how many cards there were."
    ),
}
