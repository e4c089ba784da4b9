"""Where the authors of data sets publish them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        url: Where its authors have it.
        md5: What they say of it, 32 hex digits.
        holds: What lies at its top, by which one sees that it was unpacked.
        size: About how large it is, in words.
    """

    url: str
    md5: str
    holds: str
    size: str

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rsplit("/", 1)[1]


_TORONTO = "https://www.cs.toronto.edu/~kriz"
_INAT = "https://ml-inat-competition-datasets.s3.amazonaws.com/2018"

#: Data set -> the archives it is made of, as its authors publish them.
ARCHIVES: dict[str, tuple[Archive, ...]] = {
    "cifar10_lt": (
        Archive(
            f"{_TORONTO}/cifar-10-binary.tar.gz",
            "c32a1d4ab5d03f1284b67883e8d87530",
            "cifar-10-batches-bin",
            "162 MB",
        ),
    ),
    "cifar100_lt": (
        Archive(
            f"{_TORONTO}/cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
            "cifar-100-binary",
            "161 MB",
        ),
    ),
    "inat18": (
        Archive(
            f"{_INAT}/train2018.json.tar.gz",
            "bfa29d89d629cbf04d826a720c0a68b0",
            "train2018.json",
            "26 MB",
        ),
        Archive(
            f"{_INAT}/val2018.json.tar.gz",
            "f2ed8bfe3e9901cdefceb4e53cd3775d",
            "val2018.json",
            "26 MB",
        ),
        Archive(
            f"{_INAT}/train_val2018.tar.gz",
            "b1c6952ce38f31868cc50ea72d066cc3",
            "train_val2018",
            "120 GB",
        ),
    ),
}

#: Data set -> how to get what no program may get for you.
BY_HAND = {
    "imagenet_lt": "register at https://image-net.org/download, unpack ILSVRC 2012 into folders `train` and `val` of "
    "one folder, add ImageNet_LT_train.txt and ImageNet_LT_test.txt, to which "
    "https://liuziwei7.github.io/projects/LongTail.html links, and name that folder by --data",
}
