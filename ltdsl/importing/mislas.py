"""MiSLAS's configurations: flat YAML, a file a stage.

Names and schedules are facts of its ``train_stage1.py`` and ``train_stage2.py``. The second stage trains a classifier
and factors on its logits at once, with statistics of batch norms that run on, which no stage of a recipe does.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ltdsl.catalogue.entry import write
from ltdsl.importing.training import Left, Part, Training

if TYPE_CHECKING:
    from ltdsl.importing.configuration import Configuration

DEFAULTS: dict[str, Any] = {
    "name": "default",
    "model_dir": "ckps",
    "resume": "",
    "imb_factor": None,
    "weight_decay": 0.0,
    "momentum": 0.9,
    "cos": False,
    "mixup": False,
    "alpha": 1.0,
}

_DATA = {"imagenet": "imagenet_lt", "ina2018": "inat18"}
_MODELS = {"resnet32_fe": "resnet32", "resnet50_fe": "resnet50"}
_CROP = "random_resized_crop, random_horizontal_flip, color_jitter"

_MACHINE = "what a run's machine does is no part of a recipe"
_SHOWN = "what is shown and kept, and where, is the command's own"

#: Keys without a place in a recipe.
LEFT = {
    "name": _SHOWN,
    "print_freq": _SHOWN,
    "log_dir": _SHOWN,
    "model_dir": _SHOWN,
    "workers": _MACHINE,
    "deterministic": "runs repeat exactly anyway",
    "distributed": _MACHINE,
    "gpu": _MACHINE,
    "world_size": _MACHINE,
    "rank": _MACHINE,
    "dist_url": _MACHINE,
    "dist_backend": _MACHINE,
    "multiprocessing_distributed": _MACHINE,
    "data_path": "`--data` names the images",
    "num_classes": "the images say it",
    "head_class_idx": "groups go by counts of training images",
    "med_class_idx": "groups go by counts of training images",
    "tail_class_idx": "groups go by counts of training images",
    "mode": "a stage is one of a recipe's",
}


def is_ours(config: Configuration) -> bool:
    """Whether a configuration is one of this project."""
    return "backbone" in config and "mode" in config


def training_of(config: Configuration) -> Training:
    """What a configuration trains.

    Args:
        config: With :data:`DEFAULTS`.

    Raises:
        Unfit: LT602, it says something that a recipe cannot.
    """
    if config.text("mode") != "stage1":
        raise config.unfit(
            "mode",
            "its second stage trains a classifier and factors on its logits together: no stage here does",
            "near to it: `class_balanced + label_aware_smoothing(head = …, tail = …, over = all) + lws`",
        )
    run = PurePosixPath(config.text("model_dir")) / config.text("name")
    made = Training(config.source, run)
    made.epochs = config.whole("num_epochs")
    cifar = config.text("dataset").startswith("cifar")
    model = config.text("backbone")
    if model not in _MODELS:
        raise config.unfit("backbone", f"`{model}` has no counterpart")
    made.settings = {
        "dataset": _dataset(config),
        "model": _MODELS[model],
        "batch_size": str(config.whole("batch_size")),
        "augment": f"[{'random_crop(padding = 4), random_horizontal_flip' if cifar else _CROP}]",
    }
    lr, momentum = config.number("lr"), config.number("momentum")
    decay = config.number("weight_decay")
    made.optimizer = (
        f"sgd(lr = {write(lr)}, momentum = {write(momentum)}, nesterov = false, "
        f"weight_decay = {write(decay)})"
    )
    made.left = [Left(name, reason) for name, reason in LEFT.items() if name in config]
    if config.flag("cos"):
        made.schedule = "cosine"
    else:
        made.schedule, made.milestones = "multistep", (160, 180)
        made.rest = "gamma = 0.1, warmup = 5"
        made.left.append(Left("warm-up", "it starts at a fifth of the rate there, at a third here"))
    alpha = config.get("alpha").value
    mixer = f"input_mixup(alpha = {write(alpha)})" if config.flag("mixup") else "ce"
    made.parts = (Part(0, (mixer,)),)
    if config.text("resume"):
        raise config.unfit("resume", "going on with a run is `ltdsl run --resume`")
    return made


def _dataset(config: Configuration) -> str:
    name = config.text("dataset")
    if name in ("cifar10", "cifar100"):
        return f"{name}_lt(imbalance = {write(round(1 / config.number('imb_factor'), 6))}, split = cao)"
    config.get("imb_factor")
    if name not in _DATA:
        raise config.unfit("dataset", f"`{name}` has no counterpart")
    return _DATA[name]
