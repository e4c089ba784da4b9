"""Lists that data sets were published with, known by the identity of their bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from ltdsl.survey import Note
from ltdsl.system.opening import LIST, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Published(NamedTuple):
    """A published list.

    Attributes:
        dataset: Its data set, as papers call it.
        part: Which of its images.
    """

    dataset: str
    part: str


#: Of Liu et al., 2019. By the name that git gives the file (SHA-1), under which the lists are in every repository that
#: has them: facebookresearch/classifier-balancing, Dylanhj/BALLAD, KaihuaTang/Long-Tailed-Recognition.pytorch and
#: saurabhsharma1993/class-balanced-experts were looked at, and agree but for the folders that some put before paths.
PUBLISHED: Mapping[str, Published] = {
    "a063f095fcd475db4cf8b0658c4b73955535bbf9": Published("ImageNet-LT", "training"),
    "3ed3188b2f44829ce2dec1cc27040d8d40984088": Published("ImageNet-LT", "validation"),
    "76a2fb9749d6cd29e765cc4f8c270f2504131e2f": Published("ImageNet-LT", "test"),
    "0b447ac5396339be4de1a91cb5b2b8cc7c73fb4b": Published("ImageNet-LT", "test"),
    "6392252f8ae867bc8a5e841cc1b29e5b8ef4b636": Published("Places-LT", "training"),
    "b93a2ca58ccb7f3b671c176f395a70bf52c95533": Published("Places-LT", "validation"),
    "e732e58b8aa718a2c1c11933375f5710652c2b93": Published("Places-LT", "test"),
}

#: Data sets of the language whose lists are among them.
KNOWN = {"imagenet_lt": "ImageNet-LT"}


def git_name(path: Path) -> str:
    """The name that git gives a file's content: the SHA-1 of a header with its size, and of its bytes.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with open_file(path, LIST) as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def about_lists(dataset: str, lists: Mapping[str, Path]) -> Iterator[Note]:
    """Which lists are published ones; and which are not, though their data set has such.

    Args:
        dataset: Its name in the language.
        lists: Those that are read, by part.
    """
    for part, path in lists.items():
        found = PUBLISHED.get(git_name(path))
        if found is not None:
            yield Note(
                "LT405",
                f"{path} is the {found.part} list of {found.dataset}, as published",
                level="info",
            )
            if (part == "train") != (found.part == "training"):
                yield Note(
                    "LT405",
                    f"{path} is the {found.part} list of {found.dataset}, and is read for {part}",
                    "figures are not those of published rows; name the lists as they were published",
                )
        elif dataset in KNOWN and part in ("train", "test"):
            yield Note(
                "LT405",
                f"{path} is not a list of {KNOWN[dataset]} as it was published, byte for byte",
                "its images may be others: compare with published rows only if it differs in how paths are written",
                level="advice",
            )
