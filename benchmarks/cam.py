"""What CAM-BS adds to a step: its frozen network's forward pass, boxes and warps are part of the same graph."""

from __future__ import annotations

from mindspore import Tensor, nn

from benchmarks.common import Row, cifar_like, compare, first_stage, take_turns


class Forward(nn.Cell):
    """What the frozen network alone takes."""

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, images):
        return self.network.features(images)


def measure(quick: bool = False) -> list[Row]:
    data = cifar_like()
    settings = 'dataset = cifar10_lt; augment = []; init = "weights"; stage1:'
    with_it = first_stage(f"{settings} cam_bs", data)
    without = first_stage(f"{settings} class_balanced", data)
    image, label, *drawn = [Tensor(column) for column in with_it.source[0]]
    rounds = 4 if quick else 12
    step = compare(
        "cam_bs: a step with it",
        "the step without",
        take_turns(
            lambda: with_it.step(image, label, *drawn).asnumpy(),
            lambda: without.step(image, label).asnumpy(),
            rounds,
        ),
    )
    images = with_it.step.normalise(image)
    transform = with_it.step.transform
    forward = Forward(transform.network)
    alone = take_turns(
        lambda: transform(images, label, *drawn).asnumpy(),
        lambda: forward(images).asnumpy(),
        rounds,
    )
    share = compare("cam_bs: alone", "its forward pass", alone)
    rate = 128 * len(alone[0]) / sum(alone[0])
    return [step, share._replace(what=f"cam_bs: alone, {rate:,.0f} images/s")]
