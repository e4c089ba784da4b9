"""The same work for many things, by as many processes as there are processors."""

from __future__ import annotations

import gc
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from ltdsl.system.processors import processor_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Given = TypeVar("Given")
Made = TypeVar("Made")

#: What forked processes take over from this one, and nobody has to send them: what to do, and for what.
_work: tuple[Callable[[Any], Any], Sequence[Any]]


def spread(function: Callable[[Given], Made], items: Sequence[Given], enough: int) -> list[Made]:
    """What a function makes of each item, in their order.

    Args:
        function: Changes nothing that is seen outside of it, and what it makes can be pickled.
        items: For each of which it is called.
        enough: How many items are worth another process. Processes are forked, with all that is imported and computed
            once. Where that cannot be done, or not safely beside other threads, this one does the work by itself.
    """
    processes = min(processor_count(), len(items) // enough)
    if processes > 1 and hasattr(os, "fork") and threading.active_count() == 1:
        return _forked(function, items, processes)
    return [function(item) for item in items]


def _forked(
    function: Callable[[Given], Made], items: Sequence[Given], processes: int
) -> list[Made]:
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
    from multiprocessing import get_context

    global _work
    _work = (function, items)
    gc.freeze()  # what is shared until it is written to should not be written to by the collector
    try:
        with ProcessPoolExecutor(processes, get_context("fork"), _begin) as pool:
            together = -(-len(items) // (4 * processes))
            return list(pool.map(_at, range(len(items)), chunksize=together))
    except (BrokenProcessPool, OSError):  # one was killed, or could not begin
        return [function(item) for item in items]
    finally:
        gc.unfreeze()


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all: this one ends without a word


def _at(place: int) -> Any:
    function, items = _work
    return function(items[place])
