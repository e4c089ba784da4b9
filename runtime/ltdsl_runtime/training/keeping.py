"""The checkpoints of a run that several workers may share: the first one writes them, and all read them."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl_runtime.models.split import Split
from ltdsl_runtime.training.resume import Reached, reached
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.averages import PREFIX, as_used
from ltdsl_runtime.weights.classes import FACT, as_fact
from ltdsl_runtime.weights.restore import load_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mindspore import Parameter
    from numpy.typing import NDArray

    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.weights.records import Saved

#: Seconds for which an epoch's state stays in memory where the one on the disk is no older: of short epochs, most of
#: the time would go into files that nobody reads.
PUT_OFF = 2.0


class Keeper:
    """Writes and reads a run's checkpoints; on disk they are whole, however classes are split.

    Args:
        run: The run directory.
        digest: Hash of the plan: a checkpoint of another one is refused.
        network: The trained one.
        workers: This one among those that share the work. All call the methods at the same places.
        class_names: One a class, by label: whoever uses a checkpoint elsewhere knows its rows by them.
    """

    def __init__(
        self,
        run: RunDirectory,
        digest: str,
        network: Network,
        workers: Workers,
        class_names: Sequence[str],
    ) -> None:
        self._run = run
        self._digest = digest
        self._network = network
        self._workers = workers
        self._split = Split(network)
        self._facts = {"plan_sha256": digest, FACT: as_fact(class_names)}
        #: The state after the last epoch, by name, and what to remember of it; None where it is written.
        self._state: dict[str, NDArray[Any]] = {}
        self._unwritten: dict[str, Any] | None = None
        self._since = -math.inf

    def reached(self, warn: Callable[[str], None]) -> Reached:
        """How far the run has come; the first worker finds out, and tidies up, before the others.

        Raises:
            RunError: As :func:`ltdsl_runtime.training.resume.reached` says.
        """
        if not self._workers.first:
            self._workers.wait()
        so_far = reached(self._run, self._digest, warn, self._split.own)
        if self._workers.first:
            self._workers.wait()
        return so_far

    def whole(self, parameters: Iterable[Parameter]) -> list[Parameter]:
        """Parameters as they are saved; see :meth:`ltdsl_runtime.models.split.Split.whole`."""
        return self._split.whole(parameters)

    def save_last(self, whole: Iterable[Parameter], at_once: bool, **facts: Any) -> bool:
        """Write the checkpoint that the run goes on from, or put it off while the one on the disk is young.

        What was last is kept: a run can go on where one of the two latest is whole. A process that is killed repeats
        the epochs that it had put off; whatever else ends it calls :meth:`flush`.

        Args:
            whole: What :meth:`whole` gave.
            at_once: Something on the disk goes with it: it may not be put off.
            **facts: What else to remember.

        Returns:
            Whether it is written.

        Raises:
            RunError: LT424, it cannot be written.
        """
        if not self._workers.first:
            return True
        self._remember(whole, facts)
        if not at_once and time.monotonic() - self._since < PUT_OFF:
            return False
        return self.flush()

    def _remember(self, whole: Iterable[Parameter], facts: dict[str, Any]) -> None:
        self._unwritten = None  # half of one epoch and half of another is none
        before, self._state = self._state, {}
        for parameter in whole:
            value = parameter.asnumpy()
            room = before.get(parameter.name)
            if room is None or room.shape != value.shape or room.dtype != value.dtype:
                room = np.empty_like(value)
            np.copyto(room, value)  # the next step changes it
            self._state[parameter.name] = room
        self._unwritten = facts

    def flush(self) -> bool:
        """Write what was put off.

        Returns:
            Whether anything was.

        Raises:
            RunError: LT424, it cannot be written; it is still to be.
        """
        if self._unwritten is None:
            return False
        last = self._run.checkpoint("last")
        state = checkpoints.as_parameters(self._state)
        self._write(last, state, self._run.checkpoint("previous"), **self._unwritten)
        self._unwritten, self._since = None, time.monotonic()
        return True

    def save(self, path: Path, whole: Iterable[Parameter], **facts: Any) -> None:
        """Write a checkpoint.

        Args:
            path: The checkpoint; not that which the run goes on from.
            whole: What :meth:`whole` gave.
            **facts: What else to remember.

        Raises:
            RunError: LT424, it cannot be written.
        """
        if self._workers.first:
            self._write(path, whole, **facts)

    def _write(
        self, path: Path, whole: Iterable[Parameter], keep: Path | None = None, **facts: Any
    ) -> None:
        with self._run.writing(path):
            checkpoints.save(path, whole, keep=keep, **self._facts, **facts)

    def save_network(self, path: Path) -> None:
        """Write the network's weights alone."""
        self.save(path, self.whole(self._network.get_parameters()))

    def restore(self, path: Path) -> Saved:
        """Load a checkpoint's weights into the network: the averaged ones, where it has any.

        Returns:
            They, and the facts that it was written with.

        Raises:
            RunError: LT411, it is damaged; LT412, it is of another run.
        """
        self.written()
        held = {parameter.name for parameter in self._network.get_parameters()}

        def own(name: str, value: NDArray[Any]) -> NDArray[Any] | None:
            # not what an optimizer keeps
            is_held = name.removeprefix(PREFIX) in held
            return self._split.own(name, value) if is_held or value.size == 1 else None

        saved = load_own(path, self._digest, own)
        checkpoints.apply(as_used(saved), self._network, path)
        return saved

    def written(self) -> None:
        """Wait until the first worker has written what it was to write."""
        self._workers.wait()
