"""The graph of a stage's training step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops

from ltdsl_runtime.graph.called import CalledCell
from ltdsl_runtime.graph.outputs import MixedOutputs, Outputs
from ltdsl_runtime.graph.over_classes import by_own_image
from ltdsl_runtime.graph.precision import lowered
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.parallel.collectives import SumGradients

if TYPE_CHECKING:
    from ltdsl_runtime.data.columns import Places
    from ltdsl_runtime.graph.normalise import Normalise
    from ltdsl_runtime.graph.precision import Precision, Update
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.tricks.around import Climb, MaxNorm
    from ltdsl_runtime.tricks.averages import Average
    from ltdsl_runtime.tricks.cam import CamBalance
    from ltdsl_runtime.tricks.distillation import Distillation
    from ltdsl_runtime.tricks.losses import LossCell, Reduction
    from ltdsl_runtime.tricks.mixers import Mixer


class TrainStep(CalledCell):
    """A stage's training step as one graph: transform, mix, forward, loss, backward, update.

    Nothing travels to the host but the loss, and that only when asked for.

    Args:
        network: The model; trained in place.
        loss: (logits, labels) -> per-sample (loss, weight); it takes features and columns of its own as well where it
            says so, see :class:`ltdsl_runtime.tricks.losses.LossCell`.
        reduction: The one place that reduces; see :class:`ltdsl_runtime.tricks.losses.Reduction`.
        update: Applies the gradients of the parameters that its optimizer was made for.
        normalise: Bytes to network input.
        places: Where a batch has which columns.
        transform: The sampler's change of drawn images, or None.
        mixer: See :class:`ltdsl_runtime.tricks.mixers.Mixer`; or None.
        teacher: A frozen network, with as many of the classes as ``network``; or None.
        distil: (loss, logits, teacher's logits) -> loss; with a teacher only.
        precision: Number format of the networks' convolutions and matrix products.
        accumulate: Parts that a step's images are learned in, one after the other; the sum of their gradients is that
            of all images at once, batch norms apart, which see a part.
        workers: Who shares the batch: this one has its own rows of each column, and permutations count all rows.
        climb: Moves the weights to where the gradient is taken a second time, which is then applied; or None.
        constraint: Holds the weights within limits after each update; or None.
        average: Follows the weights, last of all; or None.

    Attributes:
        total: Sum of the losses since it was last set to 0; a device scalar, so that the mean of an epoch costs one
            transfer.
    """

    def __init__(
        self,
        network: Network,
        loss: LossCell,
        reduction: Reduction,
        update: Update,
        normalise: Normalise | nn.Identity,
        places: Places,
        transform: CamBalance | None = None,
        mixer: Mixer | None = None,
        teacher: Network | None = None,
        distil: Distillation | None = None,
        precision: Precision = "fp32",
        accumulate: int = 1,
        workers: Workers = ALONE,
        climb: Climb | None = None,
        constraint: MaxNorm | None = None,
        average: Average | None = None,
    ) -> None:
        super().__init__(auto_prefix=False)  # weights keep their names from stage to stage
        self.network = network
        self.loss = loss
        self.reduction = reduction
        self.update = update
        self.normalise = normalise
        self.transform = transform
        self.mixer = mixer
        self.teacher = lowered(Outputs(teacher), precision) if teacher is not None else None
        self.distil = distil
        self.climb = climb
        self.constraint = constraint
        self.average = average
        self.accumulate = accumulate
        self.pieces = (
            accumulate * workers.size
        )  # equally large ones, that a step's images are learned in
        self.has_partner = places.has_partner
        self.mixes_hidden = mixer is not None and mixer.layer is not None
        if mixer is not None and mixer.layer is not None:
            mixed = MixedOutputs(network, mixer, loss.needs_features, workers)
            self.mixed_outputs = lowered(mixed, precision)
        else:
            self.outputs = lowered(Outputs(network, loss.needs_features), precision)
        # constants of the graph
        self.warp_at, self.mix_at, self.loss_at = places.warp, places.mix, places.loss
        self.mix_count = self.loss_at - self.mix_at
        self.total = Parameter(Tensor(0.0, ms.float32), name="loss_total", requires_grad=False)
        self.map = ops.HyperMap()
        self.one = Tensor(1.0, ms.float32)
        parameters = update.optimizer.parameters
        self.value_and_grad = ms.value_and_grad(self._forward, None, parameters)
        self.by_own_image = network.part is not None
        self.workers = workers.size
        self.shared = workers.size > 1
        if self.shared:
            self.all_gather = ops.AllGather()
            self.sum_gradients = SumGradients(parameters, update.own)

    def construct(self, image: Tensor, label: Tensor, *draws: Tensor) -> Tensor:
        """Trains on a batch.

        Args:
            image: uint8 [B, ch, H, W].
            label: int32 [B].
            *draws: The columns after them; see :mod:`ltdsl_runtime.data.columns`.

        Returns:
            The loss of the batch before the update, a float32 scalar.
        """
        images = self.normalise(image)
        if self.transform is not None:
            images = self.transform(images, label, *draws[self.warp_at : self.mix_at])
        mix, rest = draws[self.mix_at : self.loss_at], draws[self.loss_at :]
        if self.mixer is None:
            if self.has_partner:  # both images of a pair are learned
                images = ops.concat((images, self.normalise(draws[0])), 0)
                label = ops.concat((label, draws[1]), 0)
            rest = self._taught(images) + rest
        elif self.mixes_hidden:
            rest = mix + self._taught(images) + rest
        else:
            if self.has_partner:
                other, other_label = self.normalise(draws[0]), draws[1]
            else:
                other = ops.gather(self._everyones(images), mix[0], 0)
                other_label = ops.gather(self._everyones(label), mix[0], 0)
                mix = mix[1:]
            images, share = self.mixer(images, label, other, other_label, *mix)
            rest = (other_label, share) + self._taught(images) + rest  # noqa: RUF005 - graph mode
        scaled, gradients = self._gradients(images, label, rest)
        if self.climb is not None:
            self.climb(gradients)
            _, gradients = self._gradients(images, label, rest)
            self.climb.back(gradients)
        loss = self.update(scaled, gradients)
        if self.constraint is not None:
            self.constraint()
        if self.average is not None:
            self.average()
        ops.assign_add(self.total, loss)
        return loss

    def _gradients(
        self, images: Tensor, label: Tensor, rest: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The scaled loss of a step, of all workers' images, and its gradients at the weights as they are."""
        if self.accumulate == 1:
            scaled, gradients = self.value_and_grad(images, label, *rest)
        else:
            scaled, gradients = self._by_parts(images, label, rest)
        if self.shared:
            return self.sum_gradients(scaled, gradients)
        return scaled, gradients

    def _by_parts(
        self, images: Tensor, label: Tensor, rest: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The scaled loss of a step and its gradients, from parts that follow each other."""
        totals = (self._total(label), self._total(label if self.mixer is None else rest[0]))
        size = images.shape[0] // self.accumulate
        loss, gradients = self.value_and_grad(
            images[:size], label[:size], *totals, *_rows(rest, 0, size)
        )
        for part in range(1, self.accumulate):
            start, end = part * size, (part + 1) * size
            # not before the part before it: their memory would add up
            own = ops.depend(images[start:end], gradients)
            value, gradient = self.value_and_grad(
                own, label[start:end], *totals, *_rows(rest, start, end)
            )
            loss, gradients = loss + value, self.map(ops.add, gradients, gradient)
        return loss, gradients

    def _total(self, label: Tensor) -> Tensor:
        """What the sum over all images of a step is divided by, a float32 scalar."""
        weights = self.loss.weights(label) if self.reduction.by_weight else label
        return self.one * self.reduction.total(weights)

    def finish_epoch(self, steps: int) -> tuple[float, int]:
        """Wait for the device, and begin to count anew.

        Args:
            steps: How many the epoch had.

        Returns:
            Mean of the losses, NaN where no step was applied; and how many steps were skipped.
        """
        skipped = int(self.update.skipped.asnumpy()) if self.update.scaled else 0
        total = float(self.total.asnumpy())
        self.total.set_data(Tensor(0.0, ms.float32))
        if skipped:
            self.update.skipped.set_data(Tensor(0, ms.int32))
        return (total / (steps - skipped) if skipped < steps else math.nan), skipped

    def _everyones(self, rows: Tensor) -> Tensor:
        """The rows of all workers, of what has no gradient."""
        return self.all_gather(rows) if self.shared else rows

    def _taught(self, images: Tensor) -> tuple[Tensor, ...]:
        """The teacher's logits of what the network will see, a row an image, in a tuple; empty without a teacher."""
        if self.teacher is None:
            return ()
        logits = ops.stop_gradient(self.teacher(images)[0])
        return (by_own_image(logits, self.workers) if self.by_own_image else logits,)

    def _forward(self, images: Tensor, label: Tensor, *rest: Tensor) -> Tensor:
        """The scaled loss.

        ``rest``: the whole step's divisors, where these images are a part of it; partners' labels and shares, or what
        draws them; teacher's logits; the loss's columns.
        """
        other_label, share, totals = label, None, None
        if self.accumulate > 1:
            totals, rest = (rest[0], rest[1]), rest[2:]
        if self.mixer is None:
            logits, extra = self.outputs(images)
        elif not self.mixes_hidden:
            logits, extra = self.outputs(images)
            other_label, share = rest[0], rest[1]
            rest = rest[2:]
        else:
            other_label = ops.gather(self._everyones(label), rest[0], 0)
            mix = rest[: self.mix_count]
            logits, extra, share = self.mixed_outputs(images, label, other_label, *mix)
            rest = rest[self.mix_count :]
        draws = rest if self.teacher is None else rest[1:]
        loss_a, weight_a = self.loss(logits, label, *extra, *draws)
        if self.mixer is None:
            loss = self.reduction(loss_a, weight_a, totals=totals)
        else:
            loss_b, weight_b = self.loss(logits, other_label, *extra, *draws)
            loss = self.reduction(loss_a, weight_a, loss_b, weight_b, share, totals)
        if self.distil is not None:  # a mean over the images here, the loss a share of a sum
            loss = self.distil(loss * self.pieces, logits, rest[0]) / self.pieces
        return self.update.scale(loss)


def _rows(columns: tuple[Tensor, ...], start: int, end: int) -> tuple[Tensor, ...]:
    """Some rows of each column."""
    some: tuple[Tensor, ...] = ()
    for column in columns:
        some = some + (column[start:end],)  # noqa: RUF005 - graph mode
    return some
