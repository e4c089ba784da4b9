"""LT3xx: when stages start and rates change."""

from __future__ import annotations

from ltdsl.codes.entry import entry
from ltdsl.diagnostics import Code

TIME: dict[str, Code] = {
    "LT301": entry(
        "stage without a start",
        """Every stage but the first says after which completed epoch it starts.""",
        "stage1: ce\nstage2: cs_ce",
        "stage1: ce\nstage2: cs_ce @ epoch 160",
    ),
    "LT302": entry(
        "malformed start",
        """A stage starts at `epoch N` or at `N%` of `epochs`. A bare number could mean either.""",
        "stage2: cs_ce @ 160",
        "stage2: cs_ce @ epoch 160",
    ),
    "LT303": entry(
        "stages out of order",
        """Stages are written in order of time; each starts later than the one before.""",
        "stage1: ce\nstage2: cs_ce @ epoch 160\nstage3: ce @ epoch 120",
        "stage1: ce\nstage2: ce @ epoch 120\nstage3: cs_ce @ epoch 160",
    ),
    "LT304": entry(
        "stage outside the run",
        """The first stage starts at epoch 0, and every stage before the last epoch.""",
        "epochs = 100\nstage1: ce\nstage2: cs_ce @ epoch 160",
        "epochs = 200\nstage1: ce\nstage2: cs_ce @ epoch 160",
    ),
    "LT305": entry(
        "milestones out of order",
        """Milestones are written in ascending order, percentages and epochs alike.""",
        "schedule = multistep(milestones = [160, 80])",
        "schedule = multistep(milestones = [80, 160])",
    ),
    "LT306": entry(
        "milestone never acts",
        """The milestone lies at or after the end of the epochs it counts within: those of the run for the recipe's
        schedule, those of the stage for a stage's own. Nothing is said of a protocol's milestones in a short run.""",
        "epochs = 100; schedule = multistep(milestones = [160])",
        "epochs = 100; schedule = multistep(milestones = [80%])",
    ),
    "LT307": entry(
        "warm-up too long",
        """Warm-up should end before the first milestone and before the end; the rate would otherwise never be the
        optimizer's own. Where it is the warm-up of the data set's protocol, the run is too short for that protocol.""",
        "epochs = 5; schedule = constant(warmup = 5)",
        "epochs = 5; schedule = constant(warmup = 1)",
    ),
    "LT308": entry(
        "percentage rounded",
        """The percentage does not land on an epoch. It is rounded to the nearest one, halves up. Those of a data set's
        protocol are rounded without a word. In a short run a stage's percentage is moved where rounding would leave a
        stage without an epoch: with `epochs = 2`, a stage at 80% starts at 1.""",
        "epochs = 30\nstage1: ce\nstage2: cs_ce @ 55%",
        "epochs = 30\nstage1: ce\nstage2: cs_ce @ epoch 17",
    ),
}
