"""A compiled stage's step against the same step written by hand in plain MindSpore.

Both start from bytes, normalise on the device, run a ResNet-32 of the same class with weights of their own
forward and backward, and update with nn.SGD (Nesterov momentum, weight decay). By hand, mixing takes one λ and a
permutation, and the loss is nn.CrossEntropyLoss.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from ltdsl_runtime.data.cifar import MEAN, STD
from ltdsl_runtime.models import build_network
from mindspore import Tensor, nn, ops

from benchmarks.common import Row, cifar_like, compare, first_stage, take_turns


class ByHand(nn.Cell):
    """What a person would write for this one experiment."""

    def __init__(self, network: nn.Cell, optimizer: nn.Optimizer, mixed: bool) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
        self.mixed = mixed
        self.loss = nn.CrossEntropyLoss()
        self.mean = Tensor(np.float32(MEAN).reshape(1, 3, 1, 1))
        self.std = Tensor(np.float32(STD).reshape(1, 3, 1, 1))
        self.value_and_grad = ms.value_and_grad(self.forward, None, optimizer.parameters)

    def forward(self, x, y, partner, lam):
        if not self.mixed:
            return self.loss(self.network(x), y)
        logits = self.network(lam * x + (1 - lam) * x[partner])
        return lam * self.loss(logits, y) + (1 - lam) * self.loss(logits, y[partner])

    def construct(self, image, label, partner, lam):
        x = (image.astype(ms.float32) / 255 - self.mean) / self.std
        loss, gradients = self.value_and_grad(x, label, partner, lam)
        self.optimizer(gradients)
        return loss


def by_hand(mixed: bool) -> ByHand:
    network = build_network("resnet32", {}, 10, 3)
    group = [{"params": network.trainable_params(), "weight_decay": 2e-4}]
    optimizer = nn.SGD(group, [0.001] * 10_000, 0.9, nesterov=True)
    return ByHand(network, optimizer, mixed).set_train()


def measure(quick: bool = False) -> list[Row]:
    data = cifar_like()
    rows = []
    for tricks in ("ce", "input_mixup"):
        stage = first_stage(f"dataset = cifar10_lt; augment = []; stage1: {tricks}", data)
        batch = [Tensor(column) for column in stage.source[0]]
        image, label, *mixing = batch
        partner, share = mixing or (ops.zeros(1, ms.int32), ops.zeros(1))
        hand, lam = by_hand(bool(mixing)), Tensor(share[0])
        times = take_turns(
            lambda stage=stage, batch=batch: stage.step(*batch).asnumpy(),
            lambda args=(image, label, partner, lam), hand=hand: hand(*args).asnumpy(),
            rounds=4 if quick else 12,
        )
        rows.append(compare(f"step: {tricks}", "by hand", times, 1.05))
    return rows
