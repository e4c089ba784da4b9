"""What keeps models of others from coming to other numbers in each run: draws that nobody could repeat."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let what a constructor draws follow from a seed: values that :func:`.initial.initialise` leaves as they are.

    Args:
        seed: Non-negative.
    """
    before = np.random.get_state()  # noqa: NPY002 - what mindcv's models draw from
    ms.set_seed(seed % 2**32)  # NumPy's too
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def leave_out_dropout(network: nn.Cell) -> int:
    """Put identities in the place of dropout, that of whole blocks included, and say of how many.

    MindSpore's draws its masks from a state that no checkpoint holds: two runs of one seed would come to other numbers,
    and so would a run and its resumption.

    Args:
        network: Changed in place.
    """
    found = 0
    for parent in [cell for _, cell in network.cells_and_names()]:
        for name, child in parent.name_cells().items():
            if not isinstance(child, DROPOUTS):
                continue
            found += child.p > 0
            if isinstance(parent, nn.SequentialCell):
                parent[int(name)] = nn.Identity()
            else:
                setattr(parent, name, nn.Identity())
    return found
