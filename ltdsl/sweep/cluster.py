"""Where runs are done: on the workers of a Dask cluster, which share a file system."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

from ltdsl.sweep.process import Job, run_job
from ltdsl.system.packages import missing
from ltdsl.system.processors import processor_count

if TYPE_CHECKING:
    from distributed import Worker

#: Seconds to wait for the scheduler.
PATIENCE = 5


class ClusterError(Exception):
    """There is no cluster to work with.

    Attributes:
        code: Of the problem.
        hint: What to do about it.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class ClusterPool:
    """The workers of a scheduler: each does as many runs at once as it has threads, each in a process.

    Args:
        address: The scheduler's, such as ``tcp://host:8786``.

    Raises:
        ClusterError: LT430, the extra is not installed; LT463, no scheduler answers.
    """

    def __init__(self, address: str) -> None:
        why = missing("--cluster", "cluster")
        if why is not None:
            raise ClusterError("LT430", why, "the workers need it too")
        from distributed import Client

        try:
            self._client = Client(address, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            hint = (
                "start one with `dask scheduler`, workers with `dask worker ADDRESS --nthreads 1`"
            )
            raise ClusterError("LT463", f"no scheduler answers at {address}", hint) from error
        known = cast("Any", self._client).scheduler_info(n_workers=-1)["workers"]
        self.slots = max(1, sum(each["nthreads"] for each in known.values()))
        # a worker that dies gives its run to another one, which goes on with it
        self._executor = self._client.get_executor(pure=False)

    def submit(self, job: Job) -> Future[str]:
        """Do a job on some worker."""
        future: Future[str] = self._executor.submit(_on_worker, job)
        return future

    def stop(self) -> None:
        """Take back what is not done: workers see it and stop."""
        self._executor.shutdown(wait=False)
        self._client.close()


def _on_worker(job: Job) -> str:
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def stopped() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state != "executing"

    return run_job(job, _environment(worker), stopped)


def _environment(worker: Worker) -> dict[str, str]:
    """Dask keeps its workers to one thread for their computing; runs compute in processes of their own."""
    return {"OMP_NUM_THREADS": str(max(1, processor_count() // worker.state.nthreads))}
