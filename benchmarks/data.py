"""Images in files: decoding in threads, and planning epochs of up to ten million images.

Decoding: a batch of photographs through `ImageFiles`, against the same with one thread, and against MindData's eager
operators in as many threads. Planning: an epoch's order cut into batches, against a bare permutation; memory is what
NumPy and Python hold at most meanwhile, the images' labels not counted, which are there before.
"""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from ltdsl_runtime.data import files
from ltdsl_runtime.data.augment import RandomResizedCrop, draw_batch
from ltdsl_runtime.data.files import ImageFiles, Names
from ltdsl_runtime.data.image import View
from ltdsl_runtime.data.source import StageSource
from ltdsl_runtime.tricks.samplers import Moment, order
from PIL import Image

from benchmarks.common import Row, compare, take_turns
from ltdsl.catalogue import SAMPLERS

#: A subset of CIFAR, iNaturalist 2018, and beyond; with their numbers of classes.
SIZES = ((12_406, 10), (437_513, 8_142), (10_000_000, 10_000))

PHOTOS = 64


def measure(quick: bool = False) -> list[Row]:
    rounds = 3 if quick else 9
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_decoding(Path(folder), rounds))
    sizes = SIZES[:2] if quick else SIZES
    for images, classes in sizes:
        rows += _planning(images, classes, rounds)
    return rows


def _decoding(folder: Path, rounds: int):
    import mindspore.dataset.vision as vision

    part = _photographs(folder)
    chain = [RandomResizedCrop(0.08, 4 / 3)]
    drawn = draw_batch(chain, 0, (0, 0, 0), PHOTOS)
    decode, resize = vision.Decode(), vision.Resize((224, 224))
    usual, alone = files.threads(), ThreadPoolExecutor(1)

    def with_pool(pool: ThreadPoolExecutor) -> None:
        files.threads = lambda: pool
        part.batch(range(PHOTOS), chain, drawn)
        files.threads = lambda: usual

    def one(index: int) -> np.ndarray:
        image = decode(np.frombuffer(part.path(index).read_bytes(), np.uint8))
        left, top, right, bottom = chain[0].box(drawn[0][index], image.shape[1], image.shape[0])
        return resize(image[top:bottom, left:right].copy()).transpose(2, 0, 1)

    def by_minddata() -> None:
        np.stack(list(usual.map(one, range(PHOTOS))))

    for other, against in (
        (lambda: with_pool(alone), "one thread"),
        (by_minddata, "MindData, eager"),
    ):
        times = take_turns(lambda: with_pool(usual), other, rounds)
        rate = PHOTOS / float(np.median(times[0]))
        yield compare(f"data: {PHOTOS} photographs, {rate:,.0f} images/s", against, times)


def _photographs(folder: Path) -> ImageFiles:
    """JPEG files of ImageNet's usual size and about its bytes."""
    rng = np.random.default_rng(0)
    names = []
    for number in range(PHOTOS):
        coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
        names.append(f"{number}.jpg")
        coarse.resize((500, 375), Image.Resampling.BICUBIC).save(folder / names[-1], quality=95)
    labels = np.zeros(PHOTOS, np.int32)
    return ImageFiles(folder, Names(names), labels, ("a",), View.square(224, 0.875))


def _planning(images: int, classes: int, rounds: int) -> Iterable[Row]:
    rng = np.random.default_rng(0)
    falling = 500.0 ** (-np.arange(classes) / classes)
    counts = 1 + rng.multinomial(images - classes, falling / falling.sum())
    labels = rng.permutation(np.repeat(np.arange(classes, dtype=np.int32), counts))
    part = ImageFiles(Path(), Names(()), labels, tuple(map(str, range(classes))), View(3, 224, 224))
    sampler = SAMPLERS["class_balanced"]()
    epoch = iter(range(10**6))

    def ours() -> None:
        number = next(epoch)
        source = StageSource(
            part, lambda e: order(sampler, labels, Moment(0, e)), 256, number, 1, 0
        )
        source.labels(number)

    def other() -> None:
        rng.permutation(images)

    what = f"data: plan class_balanced over {images:,} images"
    times = take_turns(ours, other, 3 if images > 10**6 else rounds, 1)
    yield compare(what, "a permutation", times)
    held, least = _held(ours), _held(other)
    ratio = held / least
    yield Row(
        f"{what}, memory",
        f"{held:,.1f} MiB",
        "a permutation",
        f"{least:,.1f} MiB",
        ratio,
        (ratio, ratio),
    )


def _held(call: Callable[[], None]) -> float:
    """MiB that a call holds at most."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20
