"""Where a run's wall time goes, part by part. Nothing is looked at while nobody asks."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Seconds by part.

    At any time the thread that made the clock is at one part, so that its parts add up to the wall time. Other threads
    are beside it, several at once.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._part = "other"
        self._since = time.perf_counter()
        self._parts: defaultdict[str, float] = defaultdict(float)
        self._beside: defaultdict[str, float] = defaultdict(float)

    def at(self, part: str) -> str:
        """From here on the thread is at ``part``; what it was at before is returned."""
        now = time.perf_counter()
        self._parts[self._part] += now - self._since
        before, self._part, self._since = self._part, part, now
        return before

    @contextmanager
    def spent_on(self, part: str) -> Iterator[None]:
        """Count what is inside for ``part``, and for what was going on before no longer."""
        if threading.get_ident() == self._thread:
            before = self.at(part)
            try:
                yield
            finally:
                self.at(before)
            return
        began = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._beside[part] += time.perf_counter() - began

    def lap(self) -> tuple[dict[str, float], dict[str, float]]:
        """Seconds since the lap before: by part of this thread, and by part of all others."""
        self.at(self._part)
        with self._lock:
            parts, self._parts = dict(self._parts), defaultdict(float)
            beside, self._beside = dict(self._beside), defaultdict(float)
        return parts, beside


#: That of the run that is profiled.
_running: list[Clock] = []

_NOTHING = nullcontext()


def running() -> Clock | None:
    """The clock of the run that is profiled; None where none is."""
    return _running[-1] if _running else None


@contextmanager
def profiled(asked: bool) -> Iterator[None]:
    """Profile what is inside, where it is asked for."""
    if not asked:
        yield
        return
    _running.append(Clock())
    try:
        yield
    finally:
        _running.pop()


def spent_on(part: str) -> AbstractContextManager[None]:
    """Count what is inside for a part of the run; costs nothing to speak of while none is profiled."""
    return _running[-1].spent_on(part) if _running else _NOTHING


def now_at(part: str) -> None:
    """From here on the thread that trains is at a part of the run."""
    if _running:
        _running[-1].at(part)
