"""On paper: what workers send each other in a step, and with how many of them sending takes as long as computing.

Nothing is measured here. Assumed are gradients in float32, as many images a step however many workers there are (the
numbers stay the same), work that divides evenly, a ring of equal links without delay, and nothing sent while something
is computed. So times of sending are the least that the links allow, and overlapping could hide some of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

#: Bytes of a number.
FLOAT = 4

#: Bytes a second that each worker sends, and receives at the same time; by the name of the link. The last is PCIe 4.0
#: with 16 lanes.
LINKS = {"10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9, "32 GB/s": 32e9}

CLASSES = (10, 100, 1000, 8142, 100_003)

#: Images of a step, and the seconds that one worker computes for it: ResNet-32 on two cores by docs/benchmarks.md; a
#: second for ResNet-50, to be multiplied.
STEPS = {"resnet32": (128, 0.328), "resnet50": (512, 1.0)}


@dataclass(frozen=True)
class Network:
    """What decides how much is sent.

    Attributes:
        body: Trained numbers before the classifier.
        features: K, that the classifier sees.
        classes: C.
    """

    body: int
    features: int
    classes: int

    @property
    def classifier(self) -> int:
        """Weights and biases of a dense layer."""
        return (self.features + 1) * self.classes

    @property
    def gradients(self) -> int:
        """Bytes of all gradients."""
        return FLOAT * (self.body + self.classifier)


def sent(network: Network, workers: int, images: int, split: bool = False) -> float:
    """Bytes that each worker sends in a step.

    In a ring, 2 (N − 1) / N of what is added up, and (N − 1) / N of what is gathered. Where the classes are split, the
    classifier's gradients stay where they are; instead the features of all images are gathered and their gradients
    added up, and of every image its label, the largest logit of each worker's classes, and two sums with their
    gradients, as cross entropy needs them.

    Args:
        network: What is trained.
        workers: N.
        images: Of a step, all workers together.
        split: Split the classes.
    """
    ring = (workers - 1) / workers
    if not split:
        return 2 * ring * network.gradients
    features = (1 + 2) * ring * images * network.features
    of_images = ring * images + (workers - 1) * images + 4 * 2 * ring * images
    return 2 * ring * FLOAT * network.body + FLOAT * (features + of_images)


def share(network: Network, workers: int, images: int, seconds: float, link: float) -> float:
    """What part of a step is sending, from 0 to 1; without split classes.

    Args:
        network: What is trained.
        workers: N.
        images: Of a step.
        seconds: That one worker alone computes for all images of a step.
        link: Bytes a second.
    """
    sending = sent(network, workers, images) / link
    return sending / (sending + seconds / workers)


def workers_until(part: float, network: Network, seconds: float, link: float) -> float:
    """The number of workers at which sending takes a part of the step: N = 1 + p / (1 − p) · T / (2 G / β).

    T is what one worker computes a step, G the bytes of the gradients, β those of the link a second. Sending takes
    2 (N − 1) / N · G / β, computing T / N: their ratio is p / (1 − p) there.

    Args:
        part: p, in (0, 1).
        network: What is trained.
        seconds: T.
        link: β.
    """
    return 1 + part / (1 - part) * seconds * link / (2 * network.gradients)


def network_of(model: str, classes: int) -> Network:
    """The numbers of one of the project's models."""
    return Network(*_body_and_features(model), classes)


@cache
def _body_and_features(model: str) -> tuple[int, int]:
    from ltdsl_runtime.models import build_network

    made = build_network(model, {}, 1, 3)
    features = made.classifier.weight.shape[1]
    body = sum(math.prod(p.shape) for p in made.trainable_params()) - (features + 1)
    return body, features


def tables(images: int | None = None, seconds: float | None = None) -> dict[str, list[str]]:
    """For each model a title and the rows of its tables, in Markdown.

    Args:
        images: Of a step.
        seconds: That one worker computes for these. Both are those of :data:`STEPS`, unless they are given.
    """
    found = {}
    for model, (usual, own) in STEPS.items():
        step, time = images or usual, seconds or own
        title = f"{model}, {step} images a step, computed in {time:g} s by one worker"
        networks = [network_of(model, classes) for classes in CLASSES]
        found[title] = [
            *_amounts(networks, step),
            "",
            *_limits(networks, time),
        ]
    return found


def _amounts(networks: list[Network], images: int) -> Iterator[str]:
    """What each of eight workers sends in a step, and for how long; with whole and with split classes."""
    yield _row(
        "classes", "gradients, MiB", "sent by each of 8, MiB", *(f"ms at {x}" for x in LINKS)
    )
    yield _row("---:", *["---:"] * (2 + len(LINKS)))
    for network in networks:
        both = [sent(network, 8, images, split) for split in (False, True)]
        yield _row(
            f"{network.classes:,}",
            f"{network.gradients / 2**20:,.1f}",
            " → ".join(f"{each / 2**20:,.1f}" for each in both),
            *(" → ".join(f"{1e3 * each / link:,.1f}" for each in both) for link in LINKS.values()),
        )


def _limits(networks: list[Network], seconds: float) -> Iterator[str]:
    """With how many workers sending takes a third and half of a step."""
    yield _row("classes", *(f"workers at {link}" for link in LINKS))
    yield _row("---:", *["---:"] * len(LINKS))
    for network in networks:
        yield _row(
            f"{network.classes:,}",
            *(
                ", ".join(
                    f"{workers_until(p, network, seconds, link):,.0f}" for p in (1 / 3, 1 / 2)
                )
                for link in LINKS.values()
            ),
        )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def show(options: argparse.Namespace) -> None:
    """Print the tables.

    Args:
        options: ``images`` and ``seconds``, or None.
    """
    for title, rows in tables(options.images, options.seconds).items():
        print(title, *rows, sep="\n", end="\n\n")
