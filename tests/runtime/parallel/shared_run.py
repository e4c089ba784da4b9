"""One worker of `test_shared_run.py`: a whole run, or as much of it as there is time for.

python shared_run.py OUT EPOCHS [resume] [split]
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

from ltdsl_runtime.parallel.cluster import is_scheduler, join
from ltdsl_runtime.parallel.follower import meet, open_directory
from ltdsl_runtime.training.progress import Reporter
from ltdsl_runtime.training.train import Trainer
from shared_steps import CLASSES, network
from support.training import given, hand_made, plan

from ltdsl.display.console import Console

RECIPE = """
epochs = 4; batch_size = 8; augment = []; validation = 0.2; best_on = validation
optimizer = sgd(lr = 0.3); schedule = constant(warmup = 0)
first: input_mixup + cs_ce
second: cam_bs @ epoch 2 { optimizer = sgd(lr = 0.1); handoff = best }
"""


class Stop(Reporter):
    """Ends the run when some epochs are over, as somebody might."""

    def __init__(self, run, epochs: int) -> None:
        super().__init__(Console(file=io.StringIO()), run)
        self.epochs = epochs

    def stage(self, name: str) -> None:
        """Not the end."""

    def epoch(self, record) -> None:
        if record.epoch + 1 == self.epochs:
            raise SystemExit(0)


def main() -> None:
    workers = replace(join(), split_classes="split" in sys.argv)
    if is_scheduler():
        return
    out, epochs, resumed = Path(sys.argv[1]), int(sys.argv[2]), "resume" in sys.argv
    run, data = plan(RECIPE), hand_made(CLASSES)
    with open_directory(out, workers, resumed) as directory:
        directory.begin(run, {}, **given()) if not resumed else None
        meet(directory, workers)
        trainer = Trainer(run, data, directory, Stop(run, epochs), workers=workers)
        trainer(resume=resumed)


if __name__ == "__main__":
    import ltdsl_runtime.training.networks
    import ltdsl_runtime.weights.restore

    for module in (ltdsl_runtime.weights.restore, ltdsl_runtime.training.networks):
        module.planned_network = lambda plan, *_: network(plan.seed)
    main()
