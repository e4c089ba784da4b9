"""Arguments and options that commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ltdsl.cli.complete import assignments, recipe_files


class Format(str, Enum):
    """How a command prints."""

    TEXT = "text"
    JSON = "json"


Form = Annotated[Format, typer.Option("--format", help="For people, or for programs.")]


class Device(str, Enum):
    """Where to compute."""

    AUTO = "auto"
    CPU = "cpu"
    CPU_NATIVE = "cpu-native"
    CPU_PLAIN = "cpu-plain"
    GPU = "gpu"
    ASCEND = "ascend"


Recipe = Annotated[
    Path,
    typer.Argument(
        metavar="RECIPE",
        help="The recipe, or - for standard input.",
        show_default=False,
        autocompletion=recipe_files,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="ADDRESS=VALUE",
        help="Change a value, such as epochs=400, dataset.imbalance=50, stage2.cs_ce.gamma=0.5 or "
        "stage2.at=80%. Repeatable; later ones win.",
        show_default=False,
        autocompletion=assignments,
    ),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="The same as --set seed=N.", show_default=False)
]
TrainOn = Annotated[Device, typer.Option(help="Where to train.")]
KeepCam = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep pictures of what stages with cam_bs do: image, map, foreground, result.",
        show_default=False,
    ),
]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Write TensorBoard's event files too.")
]


class Tracker(str, Enum):
    """An experiment tracker; names of :data:`ltdsl.options.TRACKERS`."""

    MLFLOW = "mlflow"
    WANDB = "wandb"


Track = Annotated[
    list[Tracker],
    typer.Option(
        "--track",
        metavar="mlflow|wandb",
        help="Tell an experiment tracker of the run; its own variables say where it is. Repeatable.",
        show_default=False,
    ),
]
TrackCheckpoints = Annotated[
    bool, typer.Option("--track-checkpoints", help="Give trackers the checkpoints as well.")
]
SkipUnreadable = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Read every image once before training, and go without those that cannot be read.",
    ),
]
AllowOutside = Annotated[
    bool,
    typer.Option(
        "--allow-outside",
        help="Let recipes use files and checkpoints outside their folder. For recipes that you trust.",
    ),
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache",
        help="Train all epochs, also those that another run has trained, and keep none for others; nor decoded images.",
    ),
]
Jobs = Annotated[
    int, typer.Option(min=1, max=256, metavar="N", help="Runs at once on this machine.")
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run on the workers of a Dask scheduler, such as tcp://host:8786, that share this file system.",
        show_default=False,
    ),
]
DryRunOfTable = Annotated[bool, typer.Option("--dry-run", help="Show the runs; train nothing.")]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Go on with runs that failed in training too.")
]
Profile = Annotated[
    bool,
    typer.Option(
        "--profile", help="Find out where the time goes: a table, and profile.json in the run."
    ),
]
StdinFilename = Annotated[
    Path | None,
    typer.Option(
        "--stdin-filename",
        metavar="PATH",
        help="The file that the recipe on standard input (-) is the text of: its name in messages, and the "
        "folder that it uses files from.",
        show_default=False,
    ),
]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Stay, and do it again whenever a file changes; Ctrl-C ends it."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Fail on warnings and advice too.")]
