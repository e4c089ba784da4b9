"""What the cache holds: each kind is declared here, so that `ltdsl cache` knows all of them without what makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Kind:
    """A kind of entries.

    Attributes:
        name: That of its folder.
        version: Of the form of its files. Entries of another version are not found.
        holds: What an entry is, in words.
        shows: The facts that tell its entries apart in a list.
        executed: Its files are run: then all of every file is read and compared before it is used, and no folder
            above may let others exchange it.
        verify: What is compared before an entry is used: the digest of each file, or, where reading gigabytes
            would cost what they save, only its size.
        durable: A power cut may not lose an entry once it is kept.
        share: The largest part of the size limit that the kind may take, in (0, 1].
        patience: Seconds to wait for another process that builds the same entry; None for as long as it lives.
    """

    name: str
    version: int
    holds: str
    shows: tuple[str, ...] = ()
    executed: bool = False
    verify: Literal["digest", "size"] = "digest"
    durable: bool = False
    share: float = 1.0
    patience: float | None = 600.0

    def __post_init__(self) -> None:
        if self.executed and self.verify != "digest":
            raise ValueError(f"{self.name}: what is executed is compared by its digest")
        if not 0 < self.share <= 1:
            raise ValueError(f"{self.name}: a share is in (0, 1]")


NATIVE_KERNELS = Kind(
    "native-kernels",
    version=1,
    holds="kernels for training on a CPU, compiled for this machine",
    shows=("compiler", "machine"),
    executed=True,
)

CHART_SCRIPT = Kind(
    "chart-script",
    version=1,
    holds="the script that draws a report's charts",
    shows=("vl-convert",),
    executed=True,
)

#: Data, not code, and every run makes some: together they take half of the room at most.
STAGE_WEIGHTS = Kind(
    "stage-weights",
    version=2,
    holds="weights and optimizer after the first epochs of a run, for others that begin alike",
    shows=("what",),
    share=0.25,
)

STAGE_RECORDS = Kind(
    "stage-records",
    version=1,
    holds="records and best weights of the first epochs of a run",
    shows=("what",),
    share=0.25,
)

#: Data too; some gigabytes are read in pieces, and compared by what they take.
DECODED_IMAGES = Kind(
    "decoded-images",
    version=1,
    holds="pixels of images that would be decoded in every epoch",
    shows=("form", "images"),
    verify="size",
    share=0.5,
    patience=None,
)

FEATURES = Kind(
    "features",
    version=1,
    holds="features of images under a frozen body, which classifiers are trained on",
    shows=("what",),
    share=0.25,
    patience=None,
)

#: What nobody else can read, so that nobody else can make what it signs.
SECRET = Kind(
    "secret",
    version=1,
    holds="32 random bytes, by which runs that were trained here are known again",
)

#: All kinds by their names.
KINDS = {
    kind.name: kind
    for kind in (
        NATIVE_KERNELS,
        CHART_SCRIPT,
        STAGE_WEIGHTS,
        STAGE_RECORDS,
        DECODED_IMAGES,
        FEATURES,
        SECRET,
    )
}
