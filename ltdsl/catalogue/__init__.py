"""The catalogue: every name that a recipe can call, declared once.

Adding a trick takes its declaration here and its implementation in ``runtime/``; validation, ``ltdsl tricks``, plans
and messages follow from the declaration. :func:`register` adds one that is declared elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, cast

from ltdsl.catalogue.augments import (
    AutoAugment,
    ClassStrength,
    Cutout,
    RandAugment,
    RandomErasing,
    RandomRotation,
    TrivialAugment,
)
from ltdsl.catalogue.datasets import Cifar10LT, Cifar100LT, Dataset, DigitsLT, LongTailed
from ltdsl.catalogue.entry import Entry, Slot, index
from ltdsl.catalogue.images import (
    Annotations,
    HeldOut,
    ImageFolder,
    ImageNetLT,
    INat18,
    ListedImages,
    Npz,
)
from ltdsl.catalogue.losses import LOSSES, CostSensitiveCrossEntropy, CrossEntropy
from ltdsl.catalogue.mixers import (
    ContextRichMinority,
    CutMix,
    InputMixup,
    ManifoldMixup,
    Remix,
)
from ltdsl.catalogue.models import (
    EfficientNetLite0,
    MindCV,
    Model,
    ResNet8,
    ResNet10,
    ResNet20,
    ResNet32,
    ResNet50,
)
from ltdsl.catalogue.outcome import Average, Calibration, ExponentialAverage, Temperature
from ltdsl.catalogue.phases import (
    ClassifierRetraining,
    Distillation,
    LearnableWeightScaling,
    PosthocLogitAdjustment,
    Prior2Posterior,
    SimplexFrame,
    TauNormalisation,
)
from ltdsl.catalogue.samplers import (
    PLAIN,
    BilateralBranch,
    CamBalanced,
    ClassBalanced,
    InstanceBalanced,
)
from ltdsl.catalogue.training import (
    SGD,
    Adam,
    AdamW,
    Augment,
    ColorJitter,
    Constant,
    Constraint,
    Cosine,
    MaxNorm,
    MultiStep,
    Optimizer,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Schedule,
    Sharpness,
    SharpnessAware,
)
from ltdsl.catalogue.tricks import (
    Classifier,
    Loss,
    Mixer,
    PlainSampler,
    Posthoc,
    Sampler,
    Teacher,
    Trick,
)

__all__ = [
    "AUGMENTS",
    "AVERAGES",
    "CALIBRATIONS",
    "CLASSIFIERS",
    "CONSTRAINTS",
    "DATASETS",
    "INDEXES",
    "LOSSES",
    "MIXERS",
    "MODELS",
    "OPTIMIZERS",
    "POSTHOC",
    "SAMPLERS",
    "SCHEDULES",
    "SGD",
    "SHARPNESS",
    "TEACHERS",
    "TRICKS",
    "Adam",
    "AdamW",
    "Annotations",
    "AnyAugment",
    "AnyAverage",
    "AnyCalibration",
    "AnyClassifier",
    "AnyConstraint",
    "AnyDataset",
    "AnyLoss",
    "AnyMixer",
    "AnyModel",
    "AnyOptimizer",
    "AnyPosthoc",
    "AnySampler",
    "AnySchedule",
    "AnySharpness",
    "AnyTeacher",
    "Augment",
    "Average",
    "Calibration",
    "CamBalanced",
    "Cifar10LT",
    "Cifar100LT",
    "ClassBalanced",
    "Classifier",
    "ColorJitter",
    "Constant",
    "Constraint",
    "Cosine",
    "CostSensitiveCrossEntropy",
    "CrossEntropy",
    "Dataset",
    "DigitsLT",
    "Distillation",
    "EfficientNetLite0",
    "Entry",
    "ExponentialAverage",
    "HeldOut",
    "INat18",
    "ImageFolder",
    "ImageNetLT",
    "InputMixup",
    "InstanceBalanced",
    "LearnableWeightScaling",
    "ListedImages",
    "LongTailed",
    "Loss",
    "MaxNorm",
    "MindCV",
    "Mixer",
    "Model",
    "MultiStep",
    "Npz",
    "Optimizer",
    "PlainSampler",
    "Posthoc",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "ResNet8",
    "ResNet10",
    "ResNet20",
    "ResNet32",
    "ResNet50",
    "Sampler",
    "Schedule",
    "Sharpness",
    "SharpnessAware",
    "Teacher",
    "Temperature",
    "Trick",
    "register",
]

SAMPLERS: dict[str, type[Sampler]] = {**PLAIN, **index(CamBalanced, BilateralBranch)}
MIXERS: dict[str, type[Mixer]] = index(
    InputMixup, ManifoldMixup, Remix, CutMix, ContextRichMinority
)
CLASSIFIERS: dict[str, type[Classifier]] = index(
    ClassifierRetraining, LearnableWeightScaling, SimplexFrame
)
TEACHERS: dict[str, type[Teacher]] = index(Distillation)
POSTHOC: dict[str, type[Posthoc]] = index(TauNormalisation, PosthocLogitAdjustment, Prior2Posterior)
TRICKS: dict[str, type[Trick]] = {
    **SAMPLERS,
    **MIXERS,
    **LOSSES,
    **CLASSIFIERS,
    **TEACHERS,
    **POSTHOC,
}

DATASETS: dict[str, type[Dataset]] = index(
    DigitsLT, Cifar10LT, Cifar100LT, ImageFolder, Annotations, ImageNetLT, INat18, Npz
)
MODELS: dict[str, type[Model]] = index(
    ResNet8, ResNet20, ResNet32, ResNet10, ResNet50, EfficientNetLite0, MindCV
)
OPTIMIZERS: dict[str, type[Optimizer]] = index(SGD, Adam, AdamW)
SCHEDULES: dict[str, type[Schedule]] = index(MultiStep, Cosine, Constant)
SHARPNESS: dict[str, type[Sharpness]] = index(SharpnessAware)
CONSTRAINTS: dict[str, type[Constraint]] = index(MaxNorm)
AVERAGES: dict[str, type[Average]] = index(ExponentialAverage)
CALIBRATIONS: dict[str, type[Calibration]] = index(Temperature)
AUGMENTS: dict[str, type[Augment]] = index(
    RandomCrop,
    RandomResizedCrop,
    RandomHorizontalFlip,
    ColorJitter,
    RandomRotation,
    RandAugment,
    AutoAugment,
    TrivialAugment,
    Cutout,
    RandomErasing,
    ClassStrength,
)

#: The index that a field of each base class is looked up in: the very ones above, so that what is added is everywhere.
INDEXES: Mapping[type[Entry], Mapping[str, type[Entry]]] = {
    Trick: TRICKS,
    Sampler: SAMPLERS,
    PlainSampler: PLAIN,
    Mixer: MIXERS,
    Loss: LOSSES,
    Classifier: CLASSIFIERS,
    Teacher: TEACHERS,
    Posthoc: POSTHOC,
    Dataset: DATASETS,
    Model: MODELS,
    Optimizer: OPTIMIZERS,
    Schedule: SCHEDULES,
    Sharpness: SHARPNESS,
    Constraint: CONSTRAINTS,
    Average: AVERAGES,
    Calibration: CALIBRATIONS,
    Augment: AUGMENTS,
}


def register(entry: type[Entry]) -> None:
    """Add an entry that is declared elsewhere, so that recipes can call it.

    Everything that stands on declarations knows it from then on: validation, completion, cards, schemas, advice. To
    train with it, its implementation is added to the runtime as well (``implement``).

    Args:
        entry: A subclass of one of the keys of :data:`INDEXES`, with a ``name`` and a docstring.

    Raises:
        ValueError: It belongs to no index, has no name that a recipe could write or no docstring, or an entry has its
            name already.
    """
    from ltdsl.catalogue.fields import article

    homes = [base for base in INDEXES if issubclass(entry, base)]
    name = getattr(entry, "name", "")
    if not homes:
        raise ValueError(f"{entry.__name__} is of no kind that recipes can call")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{entry.__name__} needs a name of small letters, digits and underscores")
    if not entry.__dict__.get("__doc__"):
        raise ValueError(f"{entry.__name__} needs a docstring, which is what users read about it")
    for known in INDEXES.values():
        if name in known:
            raise ValueError(f"there is {article(known[name].kind)} `{name}` already")
    for base in homes:
        cast(dict[str, type[Entry]], INDEXES[base])[name] = entry


# Field types that hold an entry and can be read back from a plan's JSON.
AnySampler = Annotated[Sampler, Slot(Sampler, SAMPLERS)]
AnyMixer = Annotated[Mixer, Slot(Mixer, MIXERS)]
AnyLoss = Annotated[Loss, Slot(Loss, LOSSES)]
AnyClassifier = Annotated[Classifier, Slot(Classifier, CLASSIFIERS)]
AnyTeacher = Annotated[Teacher, Slot(Teacher, TEACHERS)]
AnyPosthoc = Annotated[Posthoc, Slot(Posthoc, POSTHOC)]
AnyDataset = Annotated[Dataset, Slot(Dataset, DATASETS)]
AnyModel = Annotated[Model, Slot(Model, MODELS)]
AnyOptimizer = Annotated[Optimizer, Slot(Optimizer, OPTIMIZERS)]
AnySchedule = Annotated[Schedule, Slot(Schedule, SCHEDULES)]
AnySharpness = Annotated[Sharpness, Slot(Sharpness, SHARPNESS)]
AnyConstraint = Annotated[Constraint, Slot(Constraint, CONSTRAINTS)]
AnyAverage = Annotated[Average, Slot(Average, AVERAGES)]
AnyCalibration = Annotated[Calibration, Slot(Calibration, CALIBRATIONS)]
AnyAugment = Annotated[Augment, Slot(Augment, AUGMENTS)]
