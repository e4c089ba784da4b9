"""What goes with a plan to where it is trained: what it was made from, and how `ltdsl run` was asked to train it.

Neither is part of what the plan means. Both are plain data, so that another process can be told them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

#: Experiment trackers that a run can be told to, which are extras of ltdsl by the same names.
TRACKERS = ("mlflow", "wandb")


@dataclass(frozen=True)
class Begins:
    """The state of another run that a new one begins with.

    Attributes:
        run: Its directory.
        epochs: How many of its epochs.
    """

    run: Path
    epochs: int


@dataclass(frozen=True)
class Origin:
    """What a plan was made from.

    Attributes:
        texts: Of the recipe and the files it uses, by relative path.
        root: The recipe's folder, which paths in the recipe are relative to.
        changes: What ``--set`` and ``--seed`` changed.
        left_out: Names of images that are known to be unreadable, and that the plan does not count.
        begins: What the run begins with, in the place of initial weights.
    """

    texts: dict[str, str] = field(default_factory=dict)
    root: Path = Path()
    changes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    begins: Begins | None = None


@dataclass(frozen=True)
class RunOptions:
    """How a plan is trained on a machine.

    An option is declared here, offered by a command, and used where it matters: what is between passes all of them on.
    Its name here is its name on the command line, and its default is what happens where nobody asks for it.

    Attributes:
        device: ``auto``, or a name of :data:`ltdsl_runtime.machine.device.TARGETS`.
        data: Folder of the data set's files, for those that have any.
        keep_cam: Folder for pictures of what stages with `cam_bs` do.
        tensorboard: Write TensorBoard's event files too, into the run directory.
        track: Experiment trackers to tell of the run, names of :data:`TRACKERS`.
        track_checkpoints: Give them the checkpoints as well.
        skip_unreadable: Read every image once before training, and go without those that cannot be read. Which ones
            these were is recorded, so that a resumed run goes without the same.
        workers: Processes on this machine that share each batch.
        split_classes: Split the classifier over them by classes.
        port: Where they meet; None takes a free one.
        no_cache: Take no epochs from the cache that another run has trained, nor decoded images, and keep none there.
        cache_at: Numbers of epochs after which the run is kept there too, beside the ends of stages.
        cache_evaluated: Keep its weights there after each epoch that is evaluated, too, for runs that evaluate the same
            weights otherwise.
        stop_after: Epochs of the run after which it stops, to be gone on with; None trains them all.
        profile: Find out where the wall time goes.
    """

    device: str = "auto"
    data: Path | None = None
    keep_cam: Path | None = None
    tensorboard: bool = False
    skip_unreadable: bool = False
    workers: int = 1
    split_classes: bool = False
    port: int | None = None
    no_cache: bool = False
    cache_at: tuple[int, ...] = ()
    cache_evaluated: bool = False
    stop_after: int | None = None
    profile: bool = False
    track: tuple[str, ...] = ()
    track_checkpoints: bool = False

    def arguments(self) -> list[str]:
        """The options as they are typed after `ltdsl run`, without those that nobody asked for."""
        typed = []
        for each in fields(self):
            name, value = f"--{each.name.replace('_', '-')}", getattr(self, each.name)
            if isinstance(value, tuple):
                typed += [f"{name}={part}" for part in value]
            elif value != each.default:
                typed.append(name if value is True else f"{name}={value}")
        return typed

    def of_a_worker(self) -> RunOptions:
        """Those of each process that shares the work: it starts no others."""
        return replace(self, workers=1, port=None)

    def from_anywhere(self) -> RunOptions:
        """The same with absolute paths, for a process in another folder."""
        whole: dict[str, Any] = {
            each.name: path.resolve()
            for each in fields(self)
            if isinstance(path := getattr(self, each.name), Path)
        }
        return replace(self, **whole)
