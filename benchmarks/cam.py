"""Times CAM-BS in images a second, the frozen network's forward pass included.

Run from the checkout: ``python -m benchmarks.cam``.
"""

import os
import statistics
import time

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from ltdsl.catalogue import CamBalanced, Cifar10LT
from runtime.cam import CamBalance, draw
from runtime.models import build_network, freeze


class Forward(nn.Cell):
    """What the frozen network alone takes."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def construct(self, images):
        return self.network.features(images)


def measure(batch: int = 128, rounds: int = 15) -> dict[str, float]:
    """Images a second of the whole transformation and of the forward pass within it."""
    ms.set_context(mode=ms.GRAPH_MODE)
    rng = np.random.default_rng(0)
    frozen = freeze(build_network("resnet32", {}, 10, 3))
    keep = np.asarray(CamBalanced().keep_shares(Cifar10LT().class_counts()))
    labels = rng.integers(10, size=batch)
    kind, u = draw(rng, labels, keep)
    images = Tensor(rng.normal(size=(batch, 3, 32, 32)), ms.float32)
    columns = Tensor(labels, ms.int32), Tensor(kind), Tensor(u)
    cells = {
        "cam_bs": (CamBalance(frozen), (images, *columns)),
        "forward": (Forward(frozen), (images,)),
    }
    times = {name: [] for name in cells}
    for turn in range(rounds + 2):
        for name, (cell, arguments) in cells.items():
            start = time.perf_counter()
            cell(*arguments).asnumpy()
            if turn >= 2:
                times[name].append(time.perf_counter() - start)
    return {name: batch / statistics.median(values) for name, values in times.items()}


def main() -> None:
    for name, rate in measure().items():
        print(f"{name:>8} {rate:8.0f} images/s at 128×3×32×32, ResNet-32")


if __name__ == "__main__":
    main()
