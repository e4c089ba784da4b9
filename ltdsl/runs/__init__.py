"""The run directory: one model for each file in it, written and read through here.

    >>> from ltdsl.runs import read_run
    >>> run = read_run("runs/first")
    >>> run.evaluation.last.top1_error, run.plan.epochs, run.metrics[-1].loss

A model is strict where a file is written or gone on from, and lenient where it is shown: what is missing or damaged
there is None, and :attr:`Run.gaps` says why.
"""

from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.evaluation import Evaluation, Figures
from ltdsl.runs.facts import Facts
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.reading import Run, found_runs, is_run, read_run

__all__ = [
    "Epoch",
    "Evaluation",
    "Facts",
    "Figures",
    "Run",
    "UnreadableError",
    "found_runs",
    "is_run",
    "read_run",
]
