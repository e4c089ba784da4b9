"""What labels of all kinds have in common: numbers from 0 without gaps, or names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.data.reading import few

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What to do about labels that are no numbers from 0 without gaps, whoever reads them.
FROM_0 = (
    "labels count from 0 without gaps: subtract 1 from labels that begin at 1, or give the classes names, and those "
    "without an image are left out"
)


def are(labels: NDArray[np.int32] | Iterable[int]) -> str:
    """``its labels are 1, 2 and 4``: those that there are, in a few words."""
    found = np.unique(np.fromiter(labels, np.int64)).tolist()
    if len(found) > 5 and found == list(range(found[0], found[-1] + 1)):
        return f"its labels are {found[0]:,} to {found[-1]:,}"
    return f"its labels are {few((f'{label:,}' for label in found), 5)}"


def ranks(numbers: Sequence[int], labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each label's place in an ascending sequence that has it, int32."""
    return np.searchsorted(np.asarray(numbers, np.int64), labels).astype(np.int32)
