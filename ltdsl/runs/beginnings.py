"""``RUN``, ``RUN@stage1``, ``RUN@epoch 160``: the state of another run that a new one begins with."""

from __future__ import annotations

import re
from pathlib import Path

from ltdsl.options import Begins
from ltdsl.plan import Plan
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.reading import read_run
from ltdsl.wording import counted

_EPOCH = re.compile(r"epoch *(\d{1,9})")


def read_begins(text: str) -> Begins:
    """What ``--from`` names.

    Args:
        text: A run's directory, and perhaps behind ``@`` a stage, for its end, or ``epoch N``, for N epochs done.

    Raises:
        UnreadableError: There is no such run, or none that has come so far.
    """
    whole, (folder, at, where) = Path(text), text.rpartition("@")
    if whole.is_dir() or not at:
        folder, where = text, ""
    run = read_run(folder)
    plan, done = run.plan, len(run.metrics)
    if plan is None:
        raise UnreadableError(f"{folder} has no plan to begin with: {' '.join(run.gaps)}")
    epochs = _epochs(plan, where, folder) if where else done
    if not 0 < epochs <= done:
        raise UnreadableError(
            f"{folder} has trained {counted(done, 'epoch')}, and none of them is the one before epoch {epochs}",
            f"name a stage that has ended, or `epoch N` with N from 1 to {done}",
        )
    return Begins(run.path, epochs)


def _epochs(plan: Plan, where: str, folder: str) -> int:
    if epoch := _EPOCH.fullmatch(where.strip()):
        return int(epoch[1])
    ends = {stage.name: stage.end for stage in plan.stages}
    if where not in ends:
        raise UnreadableError(
            f"{folder} has no stage `{where}`", f"its stages: {', '.join(ends)}; or write `epoch N`"
        )
    return ends[where]
