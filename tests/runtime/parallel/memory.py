"""Prints what a worker's process needs with many classes: ``python tests/runtime/parallel/memory.py [FOLDER]``.

An epoch of ResNet-10 (512 features) with 100,003 classes, 64 images of 3×64×64 a step, evaluated and saved as any run:
how much the process has grown at its peak since before the network was made, as training ends, and in the end.
"""

from __future__ import annotations

import io
import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[2])]

CLASSES, IMAGES, STEPS, SIDE = 100_003, 64, 3, 64

RECIPE = f"""
model = resnet10; epochs = 1; batch_size = {IMAGES}; augment = []
schedule = constant(warmup = 0); optimizer = sgd(lr = 0.01)
a: ce
"""


def peak() -> float:
    """MiB of the process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def worker(folder: Path, split: bool) -> None:
    import numpy as np
    from ltdsl_runtime.data import ImageArrays, LoadedData
    from ltdsl_runtime.machine.device import prepare
    from ltdsl_runtime.parallel.cluster import is_scheduler, join
    from ltdsl_runtime.parallel.follower import meet, open_directory
    from ltdsl_runtime.training.progress import Reporter
    from ltdsl_runtime.training.train import Trainer
    from support.training import given, plan

    from ltdsl.display.console import Console

    prepare("cpu")
    workers = replace(join(), split_classes=split)
    if is_scheduler():
        return
    names = tuple(map(str, range(CLASSES)))
    rng = np.random.default_rng(0)

    def part(images: int) -> ImageArrays:
        labels = rng.integers(CLASSES, size=images, dtype=np.int32)
        pixels = rng.integers(0, 256, (images, 3, SIDE, SIDE), dtype=np.uint8)
        return ImageArrays(pixels, labels, names)

    third = np.float32([0.3] * 3)
    data = LoadedData(part(STEPS * IMAGES), None, part(IMAGES), (1,) * CLASSES, {}, third, third)

    class Watch(Reporter):
        def step(self, done, loss) -> None:
            loss()
            self.trained = peak()

    run = plan(RECIPE)
    watch, before = Watch(Console(file=io.StringIO()), run), peak()
    with open_directory(folder / f"run-{workers.size}-{split}", workers) as directory:
        directory.begin(run, {}, **given())
        meet(directory, workers)
        Trainer(run, data, directory, watch, workers=workers)()
    print(f"grown|{watch.trained - before:.0f}|{peak() - before:.0f}", flush=True)


def main() -> None:
    from support import cluster

    cluster.LIMIT = 1800
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    for size, split in ((1, "whole"), (2, "whole"), (2, "split")):
        logs = cluster.together(Path(__file__), size, folder, "worker", str(folder), split)
        rows = [line for log in logs for line in log.splitlines() if line.startswith("grown|")]
        for rank, row in enumerate(rows):
            _, trained, end = row.split("|")
            print(f"{split}, worker {rank} of {size}: {trained} MiB training, {end} MiB in all")


if __name__ == "__main__":
    if "worker" in sys.argv:
        worker(Path(sys.argv[2]), sys.argv[3] == "split")
    else:
        main()
