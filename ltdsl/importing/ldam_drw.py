"""LDAM-DRW's command lines: ``python cifar_train.py --loss_type LDAM --train_rule DRW``.

Options, defaults and schedules are facts of its ``cifar_train.py``.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import PurePosixPath
from typing import Any, NoReturn

from ltdsl.catalogue import MODELS
from ltdsl.catalogue.entry import write
from ltdsl.diagnostics import report
from ltdsl.importing.configuration import Unfit
from ltdsl.importing.training import Left, Part, Training
from ltdsl.source import Source, Span

_SCRIPT = "cifar_train.py"
_BETA = "beta = 0.9999"
_EPOCHS = 160  # completed before its deferred weights

_MACHINE = "what a run's machine does is no part of a recipe"
_SHOWN = "what is shown and kept, and where, is the command's own"

#: Options without a place in a recipe.
_LEFT = {
    "exp_str": _SHOWN,
    "workers": _MACHINE,
    "print_freq": _SHOWN,
    "gpu": _MACHINE,
    "root_log": _SHOWN,
    "root_model": _SHOWN,
    "start_epoch": "`ltdsl run --resume` goes on with a run",
    "resume": "`ltdsl run --resume` goes on with a run",
    "evaluate": "`ltdsl eval` evaluates a run",
    "pretrained": "its script does not use it",
}


def command_lines(source: Source) -> list[Source]:
    """The command lines in a text, each a source of its own; none where it has none of this project."""
    found, held, first = [], "", 1
    for number, line in enumerate(source.text.split("\n"), 1):
        first = number if not held else first
        held += line
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        if _SCRIPT in held and not held.lstrip().startswith("#"):
            found.append(Source(f"{source.name}:{first}", held))
        held = ""
    return found


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    add = parser.add_argument
    add("--dataset", default="cifar10")
    add("-a", "--arch", default="resnet32")
    add("--loss_type", default="CE")
    add("--imb_type", default="exp")
    add("--imb_factor", default=0.01, type=float)
    add("--train_rule", default="None")
    add("--epochs", default=200, type=int)
    add("-b", "--batch-size", default=128, type=int)
    add("--lr", "--learning-rate", default=0.1, type=float, dest="lr")
    add("--momentum", default=0.9, type=float)
    add("--wd", "--weight-decay", default=2e-4, type=float, dest="weight_decay")
    add("--seed", type=int)
    add("--rand_number", default=0, type=int)
    for option in ("--exp_str", "--start-epoch", "--resume", "--gpu"):
        add(option)
    add("-j", "--workers")
    add("-p", "--print-freq")
    add("--root_log")
    add("--root_model")
    add("-e", "--evaluate", action="store_true")
    add("--pretrained", action="store_true")
    return parser


def training_of(source: Source) -> Training:
    """What a command line trains.

    Args:
        source: One of :func:`command_lines`.

    Raises:
        Unfit: LT601, it is no such line; LT602, it says something that a recipe cannot.
    """
    whole = Span(source, 0, len(source.text))
    try:
        words = shlex.split(source.text, comments=True)
        after = next(at for at, word in enumerate(words) if word.endswith(_SCRIPT)) + 1
        given, unknown = _parser().parse_known_args(words[after:])
    except (ValueError, StopIteration) as error:
        raise Unfit(
            report("LT601", whole, f"this is no command line of {_SCRIPT}: {error}")
        ) from None
    values = vars(given)
    name = "_".join(str(values[key]) for key in ("dataset", "arch", "loss_type", "train_rule"))
    made = Training(source, PurePosixPath(name))
    made.problems = [
        report("LT603", whole, f"`{word}` is no option of {_SCRIPT}") for word in unknown
    ]
    made.left = [Left(f"--{key}", reason) for key, reason in _LEFT.items() if key in values]
    made.left.append(Left("warm-up", "it starts at a fifth of the rate there, at a third here"))
    made.epochs = values["epochs"]
    made.settings = _settings(values, whole)
    made.optimizer = (
        f"sgd(lr = {write(values['lr'])}, momentum = {write(values['momentum'])}, nesterov = false, "
        f"weight_decay = {write(values['weight_decay'])})"
    )
    made.schedule, made.milestones = "multistep", (160, 180)
    made.rest = "gamma = 0.01, warmup = 5"
    made.parts = _parts(values, whole)
    return made


def _settings(values: dict[str, Any], whole: Span) -> dict[str, str]:
    if values["dataset"] not in ("cifar10", "cifar100"):
        raise _unfit(whole, f"`{values['dataset']}` is no data set of {_SCRIPT}")
    if values["arch"] not in MODELS:
        raise _unfit(whole, f"the model `{values['arch']}` has no counterpart")
    profiles = {"exp": "", "step": ", profile = step"}
    if values["imb_type"] not in profiles or not 0 < values["imb_factor"] <= 1:
        raise _unfit(whole, "this imbalance has no counterpart")
    imbalance = write(round(1 / values["imb_factor"], 6))
    found = {
        "dataset": f"{values['dataset']}_lt(imbalance = {imbalance}{profiles[values['imb_type']]}, split = cao)",
        "model": values["arch"],
        "batch_size": str(values["batch_size"]),
        "augment": "[random_crop(padding = 4), random_horizontal_flip]",
    }
    if values["rand_number"]:
        found["split_seed"] = str(values["rand_number"])
    return found | ({"seed": str(values["seed"])} if "seed" in values else {})


def _parts(values: dict[str, Any], whole: Span) -> tuple[Part, ...]:
    losses = {"CE": ("ce", f"cb_ce({_BETA})"), "LDAM": ("ldam(s = 30, margin = 0.5)",) * 2}
    if values["loss_type"] not in losses:
        raise _unfit(
            whole,
            f"`--loss_type {values['loss_type']}` has no counterpart",
            "its focal loss is of the softmax; `focal` here is the sigmoid's, as published",
        )
    plain, weighted = losses[values["loss_type"]]
    if plain == weighted:
        weighted = f"{plain[:-1]}, {_BETA})"
    rules = {
        "None": (Part(0, (plain,)),),
        "Reweight": (Part(0, (weighted,)),),
        "DRW": (Part(0, (plain,)), Part(_EPOCHS, (weighted,))),
    }
    if values["train_rule"] not in rules:
        raise _unfit(
            whole,
            f"`--train_rule {values['train_rule']}` has no counterpart",
            "its sampler weighs classes by effective numbers; `class_balanced` is near to it",
        )
    return rules[values["train_rule"]]


def _unfit(span: Span, message: str, help: str = "") -> Unfit:  # noqa: A002 - named like what it fills
    return Unfit(report("LT602", span, message, help=help))
