"""What all of several workers must have alike before they train."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.parallel.cluster import must_divide, must_split
from ltdsl_runtime.rundir.versions import versions

if TYPE_CHECKING:
    from mindspore import nn

    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.parallel.cluster import Workers


def must_agree(plan: Plan, loaded: LoadedData, workers: Workers) -> None:
    """Refuse workers that would train something else than the first one.

    Raises:
        RunError: LT473, plans, data or versions differ; LT475, the workers cannot share a batch evenly; LT476, or not
            split the classes.
    """
    for what, text, hint in (
        (
            "another plan",
            plan.digest(),
            "start all of them with the same recipe, --set and --seed",
        ),
        ("other images", json.dumps(loaded.fingerprint), "give all of them the same --data"),
        (
            "another --split-classes",
            str(workers.split_classes),
            "start all of them with it, or none",
        ),
        (
            "other versions of packages",
            json.dumps(versions()),
            "install the same packages everywhere",
        ),
    ):
        if ranks := workers.differing(text):
            raise _differ(ranks, what, hint)
    must_divide(plan, workers.size)
    if workers.split_classes:
        must_split(plan, len(loaded.counts), workers.size)


def must_start_alike(network: nn.Cell, workers: Workers) -> None:
    """See that all workers start from the same weights.

    Raises:
        RunError: LT473.
    """
    if workers.size == 1:
        return
    digest = hashlib.sha256()
    for parameter in network.get_parameters():
        digest.update(parameter.asnumpy().tobytes())
    if ranks := workers.differing(digest.hexdigest()):
        raise _differ(ranks, "other first weights", "give all of them the same checkpoints")


def _differ(ranks: list[int], what: str, hint: str) -> RunError:
    who = (
        f"worker {ranks[0]} has"
        if len(ranks) == 1
        else f"workers {', '.join(map(str, ranks))} have"
    )
    return RunError("LT473", f"{who} {what} than worker 0", hint)
