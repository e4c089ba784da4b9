"""Prints what a worker's step needs where the classes are split: ``python tests/parallel/memory.py``.

100,003 classes, 256 features, 64 images: the growth of the process from before the classifier is made, at its peak.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

CLASSES, FEATURES, IMAGES = 100_003, 256, 64


def worker() -> None:
    import mindspore as ms
    import numpy as np
    from mindspore import Tensor
    from mindspore.communication import get_group_size, get_rank, init
    from split_classes import Classified

    from runtime.parallel.classes import ClassPart, SplitClassifier

    ms.set_context(mode=ms.GRAPH_MODE)
    rank, workers = 0, 1
    if "MS_ROLE" in os.environ:
        init()
        rank, workers = get_rank(), get_group_size()
    part = ClassPart(CLASSES, rank, workers)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    own = np.zeros((1, FEATURES), np.float32)
    classifier = SplitClassifier(np.broadcast_to(own, (CLASSES, FEATURES)), part)
    step = Classified(classifier, np.ones(CLASSES), part)
    features = Tensor(np.ones((IMAGES // workers, FEATURES), np.float32))
    labels = Tensor(np.arange(IMAGES), ms.int32)
    for _ in range(3):
        value, _ = step(features, labels)
    value.asnumpy()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"grown|{grown / 1024:.0f}", flush=True)


def main() -> None:
    import cluster

    cluster.LIMIT = 600
    for size in (1, 2, 4):
        folder = Path(tempfile.mkdtemp())
        logs = cluster.together(Path(__file__), size, folder, "worker")
        grown = [
            int(line.split("|")[1]) for log in logs for line in log.splitlines() if "grown|" in line
        ]
        print(f"{size} workers: {max(grown)} MiB each", flush=True)


if __name__ == "__main__":
    worker() if "worker" in sys.argv else main()
