"""MLflow: where its runs go is what MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say."""

from __future__ import annotations

import os
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ltdsl_runtime.tracking.told import scalars

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.tracking.told import About

#: The tag by which a run that goes on is found again.
KEY = "ltdsl.key"

#: Parameters that a request may have, and characters of each, as MLflow limits them.
_MOST, _LONGEST = 100, 6000


class MLflow:
    """A run of an MLflow server, or of a folder."""

    def __init__(self) -> None:
        # a server that is gone is asked again for minutes otherwise
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        mlflow: Any = import_module("mlflow")
        self._entities: Any = import_module("mlflow.entities")
        self._client: Any = mlflow.MlflowClient()
        self._run = ""
        self._known: set[int] = set()

    def begin(self, about: About) -> None:
        """Create the run, or find the one that goes on."""
        client, name = self._client, os.environ.get("MLFLOW_EXPERIMENT_NAME", "ltdsl")
        experiment = client.get_experiment_by_name(name)
        where = experiment.experiment_id if experiment else client.create_experiment(name)
        found = client.search_runs([where], f"tags.`{KEY}` = '{about.key}'", max_results=1)
        if found:
            self._run = found[0].info.run_id
            client.update_run(self._run, status="RUNNING")
            history = client.get_metric_history(self._run, "loss/train")
            self._known = {metric.step for metric in history}
            return
        tags = about.tags | {KEY: about.key}
        self._run = client.create_run(where, run_name=about.name, tags=tags).info.run_id
        given = [
            self._entities.Param(key, value[:_LONGEST]) for key, value in about.parameters.items()
        ]
        for first in range(0, len(given), _MOST):
            client.log_batch(self._run, params=given[first : first + _MOST])

    def epoch(self, epoch: Epoch) -> None:
        """A point of each figure, at the epoch's number."""
        if epoch.epoch not in self._known:
            self._log(scalars(epoch), epoch.epoch)

    def file(self, path: Path) -> None:
        """An artefact."""
        self._client.log_artifact(self._run, str(path))

    def end(self, figures: dict[str, float], finished: bool) -> None:
        """Results, and the run's status."""
        self._log(figures, 0)
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")

    def _log(self, values: dict[str, float], step: int) -> None:
        now = time.time_ns() // 1_000_000
        self._client.log_batch(
            self._run,
            metrics=[
                self._entities.Metric(name, value, now, step) for name, value in values.items()
            ],
        )
