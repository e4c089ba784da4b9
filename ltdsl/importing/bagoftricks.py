"""BagofTricks-LT's configurations: YAML over the defaults of its ``lib/config/default.py``, as yacs reads them.

Names and defaults are facts of commit ce7859a of that repository, whose conventions are the language's but for what
docs/importing.md lists.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ltdsl.catalogue.entry import write
from ltdsl.diagnostics import report
from ltdsl.importing.training import Left, Part, Start, Training
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.importing.configuration import Configuration

#: What counts where a configuration says nothing.
DEFAULTS: dict[str, Any] = {
    "NAME": "default",
    "OUTPUT_DIR": "output",
    "INPUT_SIZE": (224, 224),
    "COLOR_SPACE": "RGB",
    "RESUME_MODEL": "",
    "EVAL_MODE": False,
    "DATASET.DATASET": "IMBALANCEDCIFAR10",
    "DATASET.TRAIN_JSON": "",
    "DATASET.VALID_JSON": "",
    "DATASET.IMBALANCECIFAR.RATIO": 0.01,
    "DATASET.IMBALANCECIFAR.RANDOM_SEED": 0,
    "DATASET.GENERATE_CAM_BASED_DATASET": False,
    "DATASET.USE_CAM_BASED_DATASET": False,
    "DATASET.CAM_DATA_JSON_SAVE_PATH": "",
    "DATASET.CAM_NUMBER_THRES": 0,
    "NETWORK.PRETRAINED": False,
    "NETWORK.PRETRAINED_MODEL": "",
    "BACKBONE.TYPE": "res50",
    "BACKBONE.FREEZE": False,
    "BACKBONE.PRETRAINED_MODEL": "",
    "MODULE.TYPE": "GAP",
    "CLASSIFIER.TYPE": "FC",
    "CLASSIFIER.BIAS": True,
    "LOSS.LOSS_TYPE": "CrossEntropy",
    "LOSS.CostSensitiveCE.GAMMA": 1.0,
    "LOSS.ClassBalanceCE.BETA": 0.999,
    "LOSS.ClassBalanceFocal.BETA": 0.999,
    "LOSS.ClassBalanceFocal.GAMMA": 0.5,
    "LOSS.CrossEntropyLabelSmooth.EPSILON": 0.1,
    "LOSS.CrossEntropyLabelAwareSmooth.SMOOTH_HEAD": 0.4,
    "LOSS.CrossEntropyLabelAwareSmooth.SMOOTH_TAIL": 0.1,
    "LOSS.CrossEntropyLabelAwareSmooth.SHAPE": "concave",
    "LOSS.FocalLoss.GAMMA": 2.0,
    "LOSS.LDAMLoss.SCALE": 30.0,
    "LOSS.LDAMLoss.MAX_MARGIN": 0.5,
    "LOSS.CDT.GAMMA": 0.2,
    "LOSS.SEQL.GAMMA": 0.9,
    "LOSS.SEQL.LAMBDA": 0.005,
    "LOSS.InfluenceBalancedLoss.ALPHA": 1000.0,
    "LOSS.DiVEKLD.POWER_NORM": False,
    "LOSS.DiVEKLD.POWER": 0.5,
    "LOSS.DiVEKLD.TEMPERATURE": 3.0,
    "LOSS.DiVEKLD.ALPHA": 0.5,
    "LOSS.DiVEKLD.BASELOSS": "BSCE",
    "TRAIN.BATCH_SIZE": 32,
    "TRAIN.MAX_EPOCH": 60,
    "TRAIN.COMBINER.TYPE": "default",
    "TRAIN.COMBINER.ALPHA": 1.0,
    "TRAIN.COMBINER.MANIFOLD_MIX_UP.LOCATION": "pool",
    "TRAIN.COMBINER.REMIX.KAPPA": 3.0,
    "TRAIN.COMBINER.REMIX.TAU": 0.5,
    "TRAIN.COMBINER.DIVE.TEACHER_MODEL": "",
    "TRAIN.TWO_STAGE.DRW": False,
    "TRAIN.TWO_STAGE.DRS": False,
    "TRAIN.TWO_STAGE.START_EPOCH": 1,
    "TRAIN.SAMPLER.TYPE": "default",
    "TRAIN.SAMPLER.WEIGHTED_SAMPLER.TYPE": "balance",
    "TRAIN.SAMPLER.BBN_SAMPLER.TYPE": "reverse",
    "TRAIN.OPTIMIZER.TYPE": "SGD",
    "TRAIN.OPTIMIZER.BASE_LR": 0.001,
    "TRAIN.OPTIMIZER.MOMENTUM": 0.9,
    "TRAIN.OPTIMIZER.WEIGHT_DECAY": 1e-4,
    "TRAIN.LR_SCHEDULER.TYPE": "multistep",
    "TRAIN.LR_SCHEDULER.LR_STEP": (40, 50),
    "TRAIN.LR_SCHEDULER.LR_FACTOR": 0.1,
    "TRAIN.LR_SCHEDULER.WARM_EPOCH": 5,
    "TRAIN.LR_SCHEDULER.COSINE_DECAY_END": 0,
    "TEST.TAU_NORM.USE_TAU_NORM": False,
    "TEST.TAU_NORM.TAU": 1.0,
    "TRANSFORMS.TRAIN_TRANSFORMS": ("random_resized_crop", "random_horizontal_flip"),
    "TRANSFORMS.TEST_TRANSFORMS": ("shorter_resize_for_crop", "center_crop"),
    "TRANSFORMS.PROCESS_DETAIL.RANDOM_CROP.PADDING": 4,
    "TRANSFORMS.PROCESS_DETAIL.RANDOM_RESIZED_CROP.SCALE": (0.08, 1.0),
    "TRANSFORMS.PROCESS_DETAIL.RANDOM_RESIZED_CROP.RATIO": (0.75, 1.333333333),
}

_MACHINE = "what a run's machine does is no part of a recipe"
_SHOWN = "what is shown and kept, and when, is the command's own"
_ALWAYS = "so it is here anyway"

#: Keys without a place in a recipe.
LEFT: dict[str, str] = {
    "SHOW_STEP": _SHOWN,
    "SAVE_STEP": _SHOWN,
    "VALID_STEP": "every epoch is evaluated",
    "PIN_MEMORY": _MACHINE,
    "RESUME_MODEL": "`ltdsl run --resume` goes on with a run",
    "RESUME_MODE": "`ltdsl run --resume` goes on with a run",
    "DATASET.ROOT": "`--data` names the images",
    "DATASET.CAM_DATA_SAVE_PATH": "images are made as they are needed",
    "TRAIN.SHUFFLE": _ALWAYS,
    "TRAIN.NUM_WORKERS": _MACHINE,
    "TRAIN.TENSORBOARD.ENABLE": "`ltdsl run --tensorboard` writes for it",
    "TRAIN.DISTRIBUTED": _MACHINE,
    "TRAIN.SYNCBN": _MACHINE,
    "TRAIN.APEX": "`precision = fp16` is a setting of its own, and changes numbers",
    "TEST.BATCH_SIZE": "it changes no figure",
    "TEST.NUM_WORKERS": _MACHINE,
    "TEST.MODEL_FILE": "the last weights are evaluated, and the best where some are chosen",
    "COLOR_SPACE": _ALWAYS,
    "MODULE.TYPE": _ALWAYS,
    "NAME": "a run's folder has a name of its own",
    "OUTPUT_DIR": "`--out` names a run's folder",
}

_MODELS = {"res32_cifar": "resnet32", "res10": "resnet10", "res50": "resnet50"}

_SAMPLERS = {"balance": "class_balanced", "square": "square_root", "progressive": "progressive"}

#: Losses by their names there: the trick, and its parameters by their keys.
_LOSSES: dict[str, tuple[str, dict[str, str]]] = {
    "CrossEntropy": ("ce", {}),
    "CostSensitiveCE": ("cs_ce", {"gamma": "GAMMA"}),
    "ClassBalanceCE": ("cb_ce", {"beta": "BETA"}),
    "ClassBalanceFocal": ("cb_focal", {"gamma": "GAMMA", "beta": "BETA"}),
    "FocalLoss": ("focal", {"gamma": "GAMMA"}),
    "BalancedSoftmaxCE": ("balanced_softmax", {}),
    "CDT": ("cdt", {"gamma": "GAMMA"}),
    "LDAMLoss": ("ldam", {"s": "SCALE", "margin": "MAX_MARGIN"}),
    "SEQL": ("seql", {"gamma": "GAMMA", "lambda": "LAMBDA"}),
    "InfluenceBalancedLoss": ("influence_balanced", {"alpha": "ALPHA"}),
    "CrossEntropyLabelSmooth": ("label_smoothing", {"epsilon": "EPSILON"}),
    "CrossEntropyLabelAwareSmooth": (
        "label_aware_smoothing",
        {"head": "SMOOTH_HEAD", "tail": "SMOOTH_TAIL", "shape": "SHAPE"},
    ),
}

#: Further arguments where its implementation differs from the paper, which the language's default follows.
_AS_THERE = {
    "label_aware_smoothing": "over = all",
    "influence_balanced": "through_factor = true",
}

#: What a deferred loss is before it starts, where that is another than `ce`; None where deferring it does nothing.
_BEFORE: dict[str, str | None] = {
    "CrossEntropy": None,
    "SEQL": None,
    "CrossEntropyLabelSmooth": None,
    "CrossEntropyLabelAwareSmooth": None,
}


def is_ours(config: Configuration) -> bool:
    """Whether a configuration is one of this project."""
    return "LOSS.LOSS_TYPE" in config or "BACKBONE.TYPE" in config


def training_of(config: Configuration) -> Training:
    """What a configuration trains.

    Args:
        config: With :data:`DEFAULTS`.

    Raises:
        Unfit: LT602, it says something that a recipe cannot.
    """
    run = PurePosixPath(config.text("OUTPUT_DIR")) / config.text("NAME")
    made = Training(config.source, run)
    made.epochs = config.whole("TRAIN.MAX_EPOCH")
    made.settings = dict(_settings(config))
    made.optimizer = _optimizer(config)
    _set_schedule(config, made)
    made.start = _start(config, made)
    images = config.get("DATASET.CAM_DATA_JSON_SAVE_PATH").value
    if config.flag("DATASET.GENERATE_CAM_BASED_DATASET"):
        made.makes = str(images)
        below = config.whole("DATASET.CAM_NUMBER_THRES")
        made.maps = f"below = {below}" if below else ""
    elif config.flag("DATASET.USE_CAM_BASED_DATASET"):
        made.uses = str(images)
    made.parts = _parts(config, made)
    if config.flag("TEST.TAU_NORM.USE_TAU_NORM"):
        made.posthoc = f"tau_norm(tau = {write(config.number('TEST.TAU_NORM.TAU'))})"
    _refuse(config)
    made.left = _left(config)
    return made


def _settings(config: Configuration) -> list[tuple[str, str]]:
    found = [("dataset", _dataset(config)), ("model", _one(config, "BACKBONE.TYPE", _MODELS))]
    seed = config.whole("DATASET.IMBALANCECIFAR.RANDOM_SEED")
    if seed and "CIFAR" in config.text("DATASET.DATASET"):
        found.append(("split_seed", str(seed)))
    found.append(("batch_size", str(config.whole("TRAIN.BATCH_SIZE"))))
    return [*found, ("augment", _augment(config))]


def _dataset(config: Configuration) -> str:
    name = config.text("DATASET.DATASET")
    size = config.items("INPUT_SIZE")
    if name in ("IMBALANCECIFAR10", "IMBALANCECIFAR100"):
        ratio = config.number("DATASET.IMBALANCECIFAR.RATIO")
        if not 0 < ratio <= 1:
            raise config.unfit("DATASET.IMBALANCECIFAR.RATIO", "this ratio is no share")
        family = name.removeprefix("IMBALANCE").lower()
        return f"{family}_lt(imbalance = {write(round(1 / ratio, 6))}, split = cao)"
    if name != "iNaturalist":
        raise config.unfit(
            "DATASET.DATASET",
            f"`{name}` is none of this project's data sets that have a counterpart",
        )
    lists = [PurePosixPath(config.text(f"DATASET.{part}_JSON")).name for part in ("TRAIN", "VALID")]
    scale = "" if size == (224, 224) else f", size = {write(size[0])}"
    return f'annotations(train = "{lists[0]}", test = "{lists[1]}"{scale})'


def _augment(config: Configuration) -> str:
    cifar = "CIFAR" in config.text("DATASET.DATASET")
    wanted = config.items("TRANSFORMS.TRAIN_TRANSFORMS")
    if cifar:  # its class has these two, whatever is written
        wanted = ("random_crop", "random_horizontal_flip")
    padding = config.whole("TRANSFORMS.PROCESS_DETAIL.RANDOM_CROP.PADDING")
    scale = config.items("TRANSFORMS.PROCESS_DETAIL.RANDOM_RESIZED_CROP.SCALE")
    config.items("TRANSFORMS.PROCESS_DETAIL.RANDOM_RESIZED_CROP.RATIO")
    config.items("TRANSFORMS.TEST_TRANSFORMS")
    known = {
        "random_crop": f"random_crop(padding = {4 if cifar else padding})",
        "random_horizontal_flip": "random_horizontal_flip",
        "random_resized_crop": f"random_resized_crop(scale = {write(scale[0])})",
        "color_jitter": "color_jitter",
    }
    odd = [
        each for each in wanted if each not in known and each not in ("normalize", "normal_resize")
    ]
    if odd:
        raise config.unfit("TRANSFORMS.TRAIN_TRANSFORMS", f"`{odd[0]}` has no counterpart")
    return f"[{', '.join(known[each] for each in wanted if each in known)}]"


def _optimizer(config: Configuration) -> str:
    lr = write(config.number("TRAIN.OPTIMIZER.BASE_LR"))
    decay = write(config.number("TRAIN.OPTIMIZER.WEIGHT_DECAY"))
    momentum = write(config.number("TRAIN.OPTIMIZER.MOMENTUM"))
    kinds = {
        "SGD": f"sgd(lr = {lr}, momentum = {momentum}, nesterov = true, weight_decay = {decay})",
        "ADAM": f"adam(lr = {lr}, weight_decay = {decay})",
    }
    return _one(config, "TRAIN.OPTIMIZER.TYPE", kinds)


def _set_schedule(config: Configuration, made: Training) -> None:
    prefix = "TRAIN.LR_SCHEDULER."
    kind = config.text(f"{prefix}TYPE")
    steps = config.items(f"{prefix}LR_STEP")
    gamma, warmup = config.number(f"{prefix}LR_FACTOR"), config.whole(f"{prefix}WARM_EPOCH")
    made.schedule = _one(
        config,
        f"{prefix}TYPE",
        {"multistep": "multistep", "warmup": "multistep", "cosine": "cosine"},
    )
    if made.schedule == "cosine":
        if config.whole(f"{prefix}COSINE_DECAY_END") not in (0, made.epochs):
            raise config.unfit(f"{prefix}COSINE_DECAY_END", "a cosine ends with the stage")
        floor = 1e-4 / config.number("TRAIN.OPTIMIZER.BASE_LR")
        made.rest = f"floor = {write(floor)}"
        return
    if not all(isinstance(step, int) for step in steps) or list(steps) != sorted(set(steps)):
        raise config.unfit(f"{prefix}LR_STEP", "milestones are whole numbers that rise")
    made.milestones = steps
    made.rest = f"gamma = {write(gamma)}, warmup = {warmup if kind == 'warmup' else 0}"


def _start(config: Configuration, made: Training) -> Start | None:
    path = str(config.get("NETWORK.PRETRAINED_MODEL").value or "")
    if config.flag("NETWORK.PRETRAINED"):
        if not path:
            raise config.unfit(
                "NETWORK.PRETRAINED", "no `NETWORK.PRETRAINED_MODEL` says which weights"
            )
        file = PurePosixPath(path)
        number = file.stem.removeprefix("epoch_")
        epoch = int(number) if number.isdecimal() and number.isascii() else None
        return Start(file.parent.parent, epoch, path)
    if path:
        made.problems.append(
            report(
                "LT604",
                config.get("NETWORK.PRETRAINED_MODEL").span,
                "these weights are not used: `NETWORK.PRETRAINED` is not true",
            )
        )
    body = config.text("BACKBONE.PRETRAINED_MODEL")
    return Start(PurePosixPath(body).parent, None, body) if body else None


def _parts(config: Configuration, made: Training) -> tuple[Part, ...]:
    mixer, sampler, loss = _mixer(config), _sampler(config, made), _loss(config)
    teacher, classifier = _teacher(config), _classifier(config)
    rest = tuple(filter(None, (teacher, classifier)))
    begin = config.whole("TRAIN.TWO_STAGE.START_EPOCH")
    deferred = {
        "DRW": config.flag("TRAIN.TWO_STAGE.DRW"),
        "DRS": config.flag("TRAIN.TWO_STAGE.DRS"),
    }
    kind = config.text("LOSS.LOSS_TYPE")
    if deferred["DRW"] and _BEFORE.get(kind, "ce") is None:
        deferred["DRW"] = False
        said = f"`{kind}` is the same before and after: this defers nothing"
        made.problems.append(report("LT604", config.get("TRAIN.TWO_STAGE.DRW").span, said))
    if deferred["DRS"] and not sampler:
        deferred["DRS"] = False
        said = "the sampler is the default one: this defers nothing"
        made.problems.append(report("LT604", config.get("TRAIN.TWO_STAGE.DRS").span, said))
    if not any(deferred.values()):
        return (Part(0, _chain(mixer, sampler, loss, *rest)),)
    if not 0 < begin < made.epochs:
        raise config.unfit(
            "TRAIN.TWO_STAGE.START_EPOCH", f"this is outside of the {counted(made.epochs, 'epoch')}"
        )
    early = _chain(mixer, "" if deferred["DRS"] else sampler, _early(config, deferred, loss), *rest)
    late = _chain(mixer, sampler, _late(config, deferred, loss), *rest)
    return (Part(0, early), Part(begin, late))


def _chain(*tricks: str) -> tuple[str, ...]:
    found = tuple(trick for trick in tricks if trick)
    return found if len(found) == 1 else tuple(trick for trick in found if trick != "ce") or ("ce",)


def _early(config: Configuration, deferred: dict[str, bool], loss: str) -> str:
    """The loss before weights act."""
    if not deferred["DRW"]:
        return loss
    kind = config.text("LOSS.LOSS_TYPE")
    gamma = write(config.number("LOSS.ClassBalanceFocal.GAMMA"))
    same = {"FocalLoss": loss, "LDAMLoss": loss, "ClassBalanceFocal": f"focal(gamma = {gamma})"}
    return same.get(kind, "ce")


def _late(config: Configuration, deferred: dict[str, bool], loss: str) -> str:
    """The loss with its weights."""
    more = {"FocalLoss": "cost_sensitive = true", "LDAMLoss": "beta = 0.9999"}
    added = more.get(config.text("LOSS.LOSS_TYPE")) if deferred["DRW"] else None
    return f"{loss[:-1]}, {added})" if added else loss


def _mixer(config: Configuration) -> str:
    alpha = f"alpha = {write(config.number('TRAIN.COMBINER.ALPHA'))}"
    layer = _word(config, "TRAIN.COMBINER.MANIFOLD_MIX_UP.LOCATION")
    kappa, tau = (config.number(f"TRAIN.COMBINER.REMIX.{name}") for name in ("KAPPA", "TAU"))
    kinds = {
        "default": "",
        "dive": "",
        "mix_up": f"input_mixup({alpha})",
        "bbn_mix": f"input_mixup({alpha})",
        "manifold_mix_up": f"manifold_mixup({alpha}, layer = {layer})",
        "remix": f"remix({alpha}, kappa = {write(kappa)}, tau = {write(tau)})",
    }
    return _one(config, "TRAIN.COMBINER.TYPE", kinds)


def _sampler(config: Configuration, made: Training) -> str:
    weighted = _one(config, "TRAIN.SAMPLER.WEIGHTED_SAMPLER.TYPE", _SAMPLERS)
    _one(config, "TRAIN.SAMPLER.BBN_SAMPLER.TYPE", {"reverse": "bbn"})
    kinds = {"default": "", "weighted sampler": weighted, "bbn sampler": "bbn"}
    drawn = _one(config, "TRAIN.SAMPLER.TYPE", kinds)
    if made.uses:
        # its code marks the foreground above 0.75 of the map's mean
        return f"cam_bs(threshold = 0.75, sampler = {drawn or 'instance_balanced'})"
    return drawn


def _loss(config: Configuration) -> str:
    kind = config.text("LOSS.LOSS_TYPE")
    if kind == "DiVEKLD":
        return _named_loss(config, config.text("LOSS.DiVEKLD.BASELOSS"), "LOSS.DiVEKLD.BASELOSS")
    return _named_loss(config, kind, "LOSS.LOSS_TYPE")


def _named_loss(config: Configuration, kind: str, key: str) -> str:
    if kind not in _LOSSES:
        raise config.unfit(key, f"`{kind}` has no counterpart")
    name, parameters = _LOSSES[kind]
    written = [
        f"{parameter} = {_written(config, f'LOSS.{kind}.{field}')}"
        for parameter, field in parameters.items()
    ]
    written += [_AS_THERE[name]] if name in _AS_THERE else []
    return f"{name}({', '.join(written)})" if written else name


def _teacher(config: Configuration) -> str:
    combined = config.text("TRAIN.COMBINER.TYPE") == "dive"
    if combined != (config.text("LOSS.LOSS_TYPE") == "DiVEKLD"):
        raise config.unfit("TRAIN.COMBINER.TYPE", "`dive` and `DiVEKLD` need each other")
    path = config.text("TRAIN.COMBINER.DIVE.TEACHER_MODEL")
    power = config.number("LOSS.DiVEKLD.POWER") if config.flag("LOSS.DiVEKLD.POWER_NORM") else 1
    values = {
        "temperature": config.number("LOSS.DiVEKLD.TEMPERATURE"),
        "alpha": config.number("LOSS.DiVEKLD.ALPHA"),
        "power": power,
    }
    if not combined:
        return ""
    written = ", ".join(f"{name} = {write(value)}" for name, value in values.items())
    return (
        f'dive(teacher = "{PurePosixPath(path).parent.parent.name or "teacher"}.ckpt", {written})'
    )


def _classifier(config: Configuration) -> str:
    kind = config.text("CLASSIFIER.TYPE")
    cosine = config.text("LOSS.LOSS_TYPE") == "LDAMLoss"
    if (kind == "FCNorm") != cosine:
        raise config.unfit("CLASSIFIER.TYPE", "`FCNorm` goes with `LDAMLoss`, and only with it")
    kinds = {"FC": "", "FCNorm": "", "cRT": "crt", "LWS": "lws"}
    trick = _one(config, "CLASSIFIER.TYPE", kinds)
    return f"{trick}(statistics = running)" if trick else ""


def _refuse(config: Configuration) -> None:
    """What a recipe cannot say."""
    for name, only in (("EVAL_MODE", False), ("BACKBONE.FREEZE", False), ("CLASSIFIER.BIAS", True)):
        if config.get(name).value is not only:
            raise config.unfit(name, f"`{name}` other than {only} has no counterpart")
    for name, text in (("MODULE.TYPE", "GAP"), ("COLOR_SPACE", "RGB")):
        if config.get(name).value != text:
            raise config.unfit(name, f"`{name}` other than {text} has no counterpart")


def _word(config: Configuration, name: str) -> str:
    """A value that is to be one word, as a recipe writes it."""
    word = config.text(name)
    if not word.isidentifier():
        raise config.unfit(name, f"`{name}` is to be one word")
    return word


def _written(config: Configuration, name: str) -> str:
    """A loss's parameter, as a recipe writes it."""
    if isinstance(config.get(name).value, str):
        return _word(config, name)
    return write(config.number(name))


def _one(config: Configuration, name: str, kinds: dict[str, str]) -> str:
    """The counterpart of a name."""
    kind = config.text(name)
    if kind not in kinds:
        raise config.unfit(
            name, f"`{kind}` has no counterpart", f"those that have: {', '.join(kinds)}"
        )
    return kinds[kind]


def _left(config: Configuration) -> list[Left]:
    """Keys without a place."""
    found = [Left(name, LEFT[name]) for name in LEFT if name in config]
    if "CIFAR" in config.text("DATASET.DATASET"):
        found += [
            Left(name, "its CIFAR has these sizes and changes, whatever is written")
            for name in ("INPUT_SIZE", "TRANSFORMS.TRAIN_TRANSFORMS", "TRANSFORMS.TEST_TRANSFORMS")
            if name in config
        ]
    return found
