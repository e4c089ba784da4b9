"""The rows of ``published-results.csv``."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ltdsl.wording import counted

PATH = Path(__file__).with_name("published-results.csv")

#: What the names in the column ``split`` stand for. Rows of different splits are never compared.
SPLITS: dict[str, str] = {
    "cao": "CIFAR-LT as in LDAM-DRW (Cao et al., NeurIPS 2019)",
    "cui": "CIFAR-LT as in class-balanced loss (Cui et al., CVPR 2019)",
    "paper": "printed for Bag of Tricks (Zhang et al., AAAI 2021)",
    "repo": "the reference repository's own run",
    "ddc": "CIFAR-LT as in LDAM-DRW, trained by wang22ti/DDC (NeurIPS 2023)",
    "ddc_sam": "CIFAR-LT as in LDAM-DRW, trained by wang22ti/DDC with SAM, augmentation and tuned weight decay",
}

_REPOSITORY = "github.com/zhangyongshun/BagofTricks-LT"

#: Where the documents in the column ``source`` are.
SOURCES: dict[str, str] = {
    "trick_gallery.md@main": f"{_REPOSITORY}, main at commit ce7859a",
    "README.md@main": f"{_REPOSITORY}, main at commit ce7859a",
    "trick_gallery.md@experiments_on_cui_cifar": f"{_REPOSITORY}, branch experiments_on_cui_cifar",
    "trick_combination.md@experiments_on_cui_cifar": f"{_REPOSITORY}, branch experiments_on_cui_cifar "
    "at commit 46e1ca3",
    "wang22ti/DDC": "github.com/wang22ti/DDC, at commit 4bd4fb3",
    "yanyanSann/Long-Tailed-Classification-Leaderboard": "github.com/yanyanSann/"
    "Long-Tailed-Classification-Leaderboard",
}

#: What one training differs by from the same training, in points of top-1 error: label smoothing is printed twice on
#: the split `cao`, once as deferred, and was on throughout both times (27.19 and 28.39 on CIFAR-10-LT-100).
NOISE = 1.2

#: How notes begin that say that a figure is not what its row says.
_DOUBTFUL = ("suspect", "cited reference row", "digits to be checked")


class Row(NamedTuple):
    """A published figure.

    Attributes:
        dataset: The benchmark, such as ``CIFAR-10-LT-100``.
        split: Which version of it, a key of :data:`SPLITS`.
        stages: The tricks of each stage in the language's notation; ``ce`` where a first stage has none.
        epochs: Of all stages together; None where that is not printed.
        trained: How, where tricks and epochs do not say it: a key of :data:`~ltdsl.evidence.arrangements.ARRANGEMENTS`.
        error: Top-1 error in percent.
        printed_as: The label it is printed with.
        source: The document it is printed in, a key of :data:`SOURCES`.
        note: Where label or value are known to be wrong or borrowed, or what the label does not say.
    """

    dataset: str
    split: str
    stages: tuple[str, ...]
    epochs: int | None
    trained: str
    error: float
    printed_as: str
    source: str
    note: str

    @property
    def reliable(self) -> bool:
        """False where its note says that the figure is borrowed, suspect or unchecked: never compared."""
        return not self.note.startswith(_DOUBTFUL)

    @property
    def of_reference(self) -> bool:
        """True where the reference repository printed it: its own implementation was trained."""
        return SOURCES[self.source].startswith(_REPOSITORY)

    @property
    def recipe(self) -> str:
        """Its stages in a line."""
        return "; ".join(self.stages)

    @property
    def length(self) -> str:
        """Its epochs in words."""
        return counted(self.epochs, "epoch") if self.epochs else "epochs not printed"


@cache
def rows() -> tuple[Row, ...]:
    """All rows in the order of the file, without those that repeat another under the same label."""
    with PATH.open(encoding="utf-8", newline="") as file:
        return tuple(dict.fromkeys(map(_row, csv.DictReader(file))))


def _row(line: dict[str, str]) -> Row:
    later = [line[name] for name in ("stage2", "stage3") if line[name]]
    return Row(
        dataset=line["dataset"],
        split=line["split"],
        stages=(line["stage1"] or "ce", *later),
        epochs=int(line["epochs"]) if line["epochs"] else None,
        trained=line["trained"],
        error=float(line["top1_error"]),
        printed_as=line["printed_as"],
        source=line["source"],
        note=line["note"],
    )
