"""Who the workers are, and what they tell each other outside of training graphs.

A launcher (MindSpore's ``msrun``, a batch system, `ltdsl run --workers`) starts the same command once for each worker
and once more as the scheduler that brings them together, each with variables that say who it is. Joining is all that a
run needs to do; :data:`ALONE` is a run without any of this.
"""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import on_cpu, prepare
from ltdsl_runtime.parallel.exchange import share_memory
from ltdsl_runtime.parallel.part import ClassPart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl.plan import Plan

#: Set by a launcher: a process's part in the cluster. With a rank table (Ascend), there is no scheduler and no role.
ROLE, SCHEDULER, RANK_TABLE = "MS_ROLE", "MS_SCHED", "RANK_TABLE_FILE"

#: Where workers meet.
PORT, LAST_PORT = "MS_SCHED_PORT", 65_535

#: Seconds that workers wait for each other, unless the launcher says otherwise.
PATIENCE = 300

#: Seconds without a sign of life after which MindSpore's scheduler takes a worker for dead.
SILENCE = 20


@dataclass(frozen=True)
class Workers:
    """This worker among all of a run's.

    Attributes:
        rank: Its number, from 0; the first alone writes and prints.
        size: How many there are.
        split_classes: Split the classifier over its classes, not only each batch over its images.
    """

    rank: int = 0
    size: int = 1
    split_classes: bool = False

    @property
    def first(self) -> bool:
        """True for the worker that writes and prints."""
        return self.rank == 0

    def facts(self) -> dict[str, int | bool | None]:
        """What a run records of them: entries of run.json, None for those that it does not have."""
        shared = self.size > 1
        return {
            "workers": self.size if shared else None,
            "split_classes": (shared and self.split_classes) or None,
        }

    def rows(self, images: int) -> slice:
        """Its rows of a batch of images.

        Args:
            images: A multiple of ``size``.
        """
        share = images // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def part(self, classes: int) -> ClassPart | None:
        """Its classes; None where it has all."""
        if self.size == 1 or not self.split_classes:
            return None
        return ClassPart(classes, self.rank, self.size)

    def gather(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """All workers' int32 numbers [n], as [size, n]; every worker calls this at the same place.

        Returns once all have called it, so it is also how they wait for each other.
        """
        if self.size == 1:
            return numbers[None]
        from mindspore import Tensor, ops

        gathered = ops.AllGather()(Tensor(np.asarray(numbers, np.int32)))
        return gathered.asnumpy().reshape(self.size, -1)

    def wait(self) -> None:
        """Wait until all workers are here."""
        self.gather(np.zeros(1, np.int32))

    def all_say(self, yes: bool) -> bool:
        """Whether something is true for all workers."""
        return bool(self.gather(np.array([yes], np.int32)).all())

    def first_ones(self, text: str, room: int = 1024) -> str:
        """The first worker's text, at most ``room`` bytes long."""
        padded = text.encode().ljust(room, b"\0")
        rows = self.gather(np.frombuffer(padded, np.uint8).astype(np.int32))
        return rows[:1].astype(np.uint8).tobytes().rstrip(b"\0").decode()

    def differing(self, *texts: str) -> list[int]:
        """Ranks of the workers whose texts are others than the first one's."""
        digest = hashlib.sha256("\0".join(texts).encode()).digest()
        rows = self.gather(np.frombuffer(digest, np.int32))
        return [rank for rank, row in enumerate(rows) if not np.array_equal(row, rows[0])]


#: A run with one worker.
ALONE = Workers()


def must_divide(plan: Plan, workers: int) -> None:
    """Refuse batches that workers cannot share evenly.

    Raises:
        RunError: LT475.
    """
    for stage in plan.stages:
        if stage.step_images % (workers * stage.accumulate):
            raise RunError(
                "LT475",
                f"{workers} workers cannot share the {stage.step_images} images of a step of stage `{stage.name}` "
                "evenly",
                f"set batch_size to a multiple of {workers}, or choose another number of workers",
            )


def must_split(plan: Plan, classes: int | None, workers: int) -> None:
    """Refuse what cannot be trained with its classes split.

    Args:
        plan: The run.
        classes: How many; None where the data set's files have not been looked at.
        workers: How many split them.

    Raises:
        RunError: LT476.
    """
    if classes is not None and classes < 2 * workers:
        raise _cannot_split(
            f"{classes} of them are too few for {workers} workers", "each needs two"
        )
    if plan.calibration is not None:
        raise _cannot_split(
            f"`{plan.calibration.name}` is fitted to the logits of all classes",
            "leave `calibration` out, or train without --split-classes",
        )
    posthoc = plan.stages[-1].posthoc
    if posthoc is not None and posthoc.is_fitted:
        raise _cannot_split(
            f"`{posthoc.name}` is fitted to the logits of all classes",
            "leave it out, or train without --split-classes",
        )
    for stage in plan.stages:
        if stage.mixer is not None and getattr(stage.mixer, "layer", None) == "fc":
            raise _cannot_split(
                f"`{stage.mixer.name}` in stage `{stage.name}` mixes the logits of all classes",
                "choose `layer = pool`: for a linear classifier, mixed features give the same logits",
            )


def _cannot_split(why: str, hint: str) -> RunError:
    return RunError("LT476", f"the classes cannot be split: {why}", hint)


def launched() -> bool:
    """True where a launcher started this process as one of several."""
    return ROLE in os.environ or RANK_TABLE in os.environ


def is_scheduler() -> bool:
    """True for the process that only brings the workers together."""
    return os.environ.get(ROLE) == SCHEDULER


def check_port(host: str, port: int) -> None:
    """Refuse a port that the scheduler could not listen on.

    Raises:
        RunError: LT471.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RunError(
                "LT471",
                f"the workers cannot meet at {host}:{port}: {error.strerror or error}",
                "name another port",
            ) from error


def _named_port() -> int:
    """The port that the launcher named; 0 where it named none."""
    text = os.environ.get(PORT, "0")
    if text.isascii() and text.isdecimal() and int(text[:6]) <= LAST_PORT:
        return int(text)
    raise RunError(
        "LT471",
        f"{PORT} is `{text}`, and a port is a number from 1 to {LAST_PORT}",
        "set it to a free one, for the scheduler and all workers alike",
    )


def join(device: str = "cpu") -> Workers:
    """Join the workers that a launcher started.

    For the scheduler, this returns when the workers have gone.

    Args:
        device: What :func:`ltdsl_runtime.machine.device.prepare` takes.

    Raises:
        RunError: LT420, there is no such device; LT471, the port is taken; LT472, a worker never came.
    """
    if not launched():
        return ALONE
    prepare(device)
    from mindspore import communication

    os.environ.setdefault("MS_TOPO_TIMEOUT", str(PATIENCE))
    os.environ.setdefault("MS_NODE_TIMEOUT", str(SILENCE))
    port = _named_port()
    if is_scheduler():
        check_port(os.environ.get("MS_SCHED_HOST", ""), port)
    try:
        communication.init()
    except RuntimeError as error:
        if is_scheduler():
            return ALONE  # whoever died has told, or its launcher will
        expected = os.environ.get("MS_WORKER_NUM", "all")
        raise RunError(
            "LT472",
            f"not all of {expected} workers came within {os.environ['MS_TOPO_TIMEOUT']} s",
            "look at the log of the worker that did not start; all need the same MS_SCHED_HOST and MS_SCHED_PORT",
        ) from error
    if is_scheduler():
        return ALONE
    workers = Workers(communication.get_rank(), communication.get_group_size())
    if workers.size > 1 and on_cpu():
        share_memory(workers.rank, workers.size, workers.first_ones, workers.all_say)
    return workers
