"""LT208."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ltdsl.advice.basis import Arithmetic
from ltdsl.advice.rule import Finding, Rule
from ltdsl.syntax import Call, Float, Integer, Setting

if TYPE_CHECKING:
    from ltdsl.advice.case import Case
    from ltdsl.catalogue import Dataset
    from ltdsl.source import Span

#: Batch sizes that differ by less are left alone.
_FACTOR = 2.0


class _Protocol(NamedTuple):
    """What the data set's protocol trains with."""

    batch: int
    optimizer: str
    lr: float


class RateNotScaled(Rule):
    """A batch size changed without the learning rate.

    With stochastic gradient descent, a step of batch size B at rate lr moves the weights by lr / B for each image. The
    rule compares that ratio with the one of the data set's own protocol, wherever the batch size is at least twice or
    at most half the protocol's while the rate is still the protocol's. It proposes the rate with the same ratio: the
    linear relation of Goyal et al., Accurate, Large Minibatch SGD, 2017. A rate that was changed is left alone.
    """

    code = "LT208"
    title = "learning rate not scaled with the batch size"
    grounds = (Arithmetic,)
    bad = "dataset = cifar10_lt\nbatch_size = 512\nstage1: ce"
    good = "dataset = cifar10_lt\nbatch_size = 512\noptimizer = sgd(lr = 0.4)\nstage1: ce"

    def find(self, case: Case) -> Iterator[Finding]:
        """Batch sizes of the recipe and of its stages."""
        settings = case.recipe.settings
        written = case.setting("batch_size")
        owners = [stage for stage in case.stages if stage.recipe.overrides.batch_size]
        if not (written or owners):
            return
        protocol = _protocol(type(settings.dataset))
        if protocol is None:
            return
        common_seen = False
        for stage, running in zip(case.stages, case.recipe.optimizers, strict=True):
            own = stage.recipe.overrides
            if (running.name, running.lr) != (protocol.optimizer, protocol.lr):
                continue
            if own.batch_size:
                span = stage.written.overrides["batch_size"].span
                images = own.batch_size * (own.accumulate or settings.accumulate)
                yield from _finding(span, images, protocol, case)
            elif written and not common_seen:
                common_seen = True
                images = settings.batch_size * settings.accumulate
                yield from _finding(written, images, protocol, case)


def _finding(span: Span, batch: int, protocol: _Protocol, case: Case) -> Iterator[Finding]:
    ratio = batch / protocol.batch
    if protocol.optimizer != "sgd" or 1 / _FACTOR < ratio < _FACTOR:
        return
    name = case.recipe.settings.dataset.name
    scaled = f"{protocol.lr * ratio:.4g}"
    yield Finding(
        span,
        f"the batch size is {ratio:.3g} times the protocol's, the learning rate is still the protocol's",
        (
            Arithmetic(
                f"lr / batch size: {protocol.lr:g} / {protocol.batch} = {protocol.lr / protocol.batch:.3g} in the "
                f"protocol of {name}, {protocol.lr:g} / {batch} = {protocol.lr / batch:.3g} here; "
                f"{scaled} / {batch} is the protocol's"
            ),
        ),
        f"scale the rate with the batch size: `optimizer = sgd(lr = {scaled})`",
    )


@cache
def _protocol(dataset: type[Dataset]) -> _Protocol | None:
    """Batch size and optimizer of a data set's protocol; None where it does not say."""
    from ltdsl.source import Source
    from ltdsl.syntax.parser import parse_file

    tree, _ = parse_file(Source("protocol", dataset.protocol))
    values = {s.name.text: s.value for s in tree.statements if isinstance(s, Setting)}
    batch, optimizer = values.get("batch_size"), values.get("optimizer")
    if not (isinstance(batch, Integer) and isinstance(optimizer, Call)):
        return None
    rates = [a.value for a in optimizer.arguments if a.name.text == "lr"]
    if not rates or not isinstance(rates[0], Float | Integer):
        return None
    return _Protocol(batch.value, optimizer.name.text, float(rates[0].value))
