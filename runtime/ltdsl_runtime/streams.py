"""Random numbers: one independent, named stream per purpose, all derived from the run's seed.

No global generator is ever seeded. What a stream yields depends on (seed, name, keys) alone, so an
epoch's order or augmentation can be computed without the epochs before it.
"""

from __future__ import annotations

import numpy as np

# The numbers are part of what a seed means: add new names, never renumber.
STREAMS = {
    "order": 1,
    "augment": 2,
    "mix": 3,
    "warp": 4,
    "init": 5,
    "split": 6,
    "subset": 7,
    "loss": 8,
    "holdout": 9,
    "view": 10,
    "curriculum": 11,
}

_WORD = 2**32


def generator(seed: int, stream: str, *keys: int) -> np.random.Generator:
    """Return the generator of one stream, the same on every platform.

    Args:
        seed: The run's seed (or the split's), in [0, 2^64).
        stream: A name of :data:`STREAMS`.
        *keys: What the numbers belong to, such as an epoch; each in [0, 2^32).

    Raises:
        ValueError: If the seed or a key is out of range.
        KeyError: If the stream's name is unknown.
    """
    if not 0 <= seed < _WORD**2:
        raise ValueError(f"a seed must be in [0, 2^64), not {seed}")
    if any(not 0 <= key < _WORD for key in keys):
        raise ValueError(f"stream keys must be in [0, 2^32), not {keys}")
    # Keys go into spawn_key, not into entropy: SeedSequence pads entropy with zeros to four words,
    # so [seed, 1] and [seed, 1, 0] would be the same stream. Within 2^32 each key is exactly one
    # word.
    path = (STREAMS[stream], *(int(key) for key in keys))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(int(seed), spawn_key=path)))
