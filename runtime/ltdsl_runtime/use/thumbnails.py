"""Small pictures of a run's test images, for a report that was asked to have them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ltdsl_runtime.use.reevaluate import test_part

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ltdsl_runtime.use.trained import Trained

#: Pixels of their longer side: larger ones are shrunk, and smaller ones keep every pixel.
SIDE = 96


def thumbnails(run: Trained, data: Path | None, images: Collection[int]) -> dict[int, bytes]:
    """PNG files of some test images, as evaluation sees them, by their places in the test part.

    Args:
        run: The run.
        data: Folder of the data set's files, for those that have any.
        images: Places.

    Raises:
        RunError: LT401 to LT403, they cannot be read or are not those that the run was tested on.
    """
    test, _ = test_part(run, data, False)
    places = sorted({place for place in images if 0 <= place < len(test)})
    found = {}
    for place, pixels in zip(places, test.batch(places) if places else (), strict=True):
        picture = Image.fromarray(np.moveaxis(pixels, 0, -1).squeeze())
        picture.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        picture.save(file, "PNG", optimize=True)
        found[place] = file.getvalue()
    return found
