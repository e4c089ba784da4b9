"""What is called how in a run directory and in a sweep's folder."""

from __future__ import annotations

#: The form of a run's files, which ``format`` in its run.json gives. One number stands for the folder, since one
#: program fills it: a number in each file, or in each line of metrics.jsonl, could only contradict it. Runs of version
#: 0.1 have none, which reads as 0. It is raised when files of before can no longer be read as they are, not when
#: something is added that may be missing. plan.json and sweep.json, which are used alone, have numbers of their own.
FORMAT = 1

FACTS = "run.json"
PLAN = "plan.json"
METRICS = "metrics.jsonl"
EVALUATION = "evaluation.json"
REPORT = "report.html"
PROFILE = "profile.json"

#: Folders.
RECIPE = "recipe"
CHECKPOINTS = "checkpoints"
PICTURES = "cam"
PREDICTIONS = "predictions"
LOGS = "logs"
TENSORBOARD = "tensorboard"

#: Among the checkpoints: by what their owner's cache knows them again.
MARK = "mark"

#: Held by the process that trains.
LOCK = ".lock"

#: What a run may have left that was killed before it had begun, beside :data:`LOCK`.
BEFORE_IT_BEGAN = frozenset({LOCK, CHECKPOINTS, RECIPE, PLAN})

#: Of a sweep's folder, which has a run directory for each run and a folder :data:`LOGS`.
SWEEP_FORMAT = 1
SWEEP = "sweep.json"
SWEEP_TABLE = "sweep.csv"

#: Of a search's, which is a sweep's with this beside.
SEARCH = "search.json"
