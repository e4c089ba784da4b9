"""The same work for many things, by as many processes as there are processors."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from ltdsl.system.processors import processor_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Given = TypeVar("Given")
Made = TypeVar("Made")

#: What forked processes take over from this one, and nobody has to send them: what to do, and for what.
_work: tuple[Callable[[Any], Any], Sequence[Any]] | None = None


def spread(function: Callable[[Given], Made], items: Sequence[Given], enough: int) -> list[Made]:
    """What a function makes of each item, in their order.

    Args:
        function: Changes nothing that is seen outside of it, and what it makes can be pickled.
        items: For each of which it is called.
        enough: How many items are worth another process. Processes are forked, with all that is imported and computed
            once. Where that is not done, or not safely beside other threads, this one does the work by itself.
    """
    processes = min(processor_count(), len(items) // enough)
    if processes > 1 and sys.platform == "linux" and threading.active_count() == 1:
        return _forked(function, items, processes)
    return [function(item) for item in items]


def _forked(
    function: Callable[[Given], Made], items: Sequence[Given], processes: int
) -> list[Made]:
    global _work
    _work = (function, items)
    gc.freeze()  # what is shared until it is written to should not be written to by the collector
    try:
        from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
        from multiprocessing import get_context

        together = -(-len(items) // (4 * processes))
        try:
            with ProcessPoolExecutor(
                processes, get_context("fork"), _begin, (os.getpid(),)
            ) as pool:
                return list(pool.map(_at, range(len(items)), chunksize=together))
        except BrokenProcessPool:  # one was killed
            return [function(item) for item in items]
    except (
        ImportError,
        NotImplementedError,
        OSError,
    ):  # none could begin: no semaphores, no memory
        return [function(item) for item in items]
    finally:
        _work = None
        gc.unfreeze()


def _begin(parent: int) -> None:
    # Ctrl-C reaches all: this one ends without a word; where it is ignored (nohup), it stays so
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)  # it was killed, and nobody waits for what is made


def _at(place: int) -> Any:
    assert _work is not None
    function, items = _work
    return function(items[place])
