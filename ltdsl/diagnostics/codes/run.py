"""LT4xx: what stops a run, a prediction or an export."""

from __future__ import annotations

from ltdsl.diagnostics import Code
from ltdsl.diagnostics.codes.entry import entry

RUN: dict[str, Code] = {
    "LT401": entry(
        "data missing",
        """The folder given by `--data` does not hold the files that the data set needs.""",
    ),
    "LT402": entry(
        "data damaged",
        """A file is there but is truncated, unreadable, or not what it should be.""",
    ),
    "LT403": entry(
        "counts differ", """The data do not have the class counts that the plan was made for."""
    ),
    "LT404": entry(
        "less than one batch",
        """An epoch has fewer images than a batch, and only full batches are trained.""",
    ),
    "LT410": entry(
        "loss not finite",
        """The loss became infinite or NaN. The run stops; its checkpoints are those of the epoch before.""",
    ),
    "LT411": entry(
        "checkpoint unusable", """A checkpoint is missing, damaged, or no MindSpore checkpoint."""
    ),
    "LT412": entry(
        "checkpoint of another model", """The checkpoint's weights do not fit the recipe's model."""
    ),
    "LT420": entry(
        "no such device",
        """This machine, or this build of MindSpore, has no device of the kind asked for.""",
    ),
    "LT421": entry(
        "run directory unusable", """A run needs an empty folder that it can write to."""
    ),
    "LT422": entry(
        "nothing to resume",
        """`--resume` takes the folder of a run that was begun by this version and did not finish.""",
    ),
    "LT427": entry(
        "number format not supported",
        """The device does not compute in the recipe's `precision`.""",
    ),
    "LT430": entry(
        "optional package missing", """The recipe needs a package that is not installed."""
    ),
    "LT431": entry(
        "model unusable",
        """The package has no such model, or it has no feature maps or classifier.""",
    ),
    "LT499": entry("run failed", """The system stopped the run; the message says what it said."""),
}
