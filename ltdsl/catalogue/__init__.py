"""The catalogue: every name that a recipe can call, declared once.

Adding a trick takes its declaration here and its implementation in ``runtime/``; validation, ``ltdsl tricks``, plans
and messages follow from the declaration. :func:`register` adds one that is declared elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, cast

from ltdsl.catalogue.datasets import Cifar10LT, Cifar100LT, Dataset, DigitsLT, LongTailed
from ltdsl.catalogue.entry import Entry, Slot
from ltdsl.catalogue.indexes import (
    ASKED_FOR,
    AUGMENTS,
    AVERAGES,
    CALIBRATIONS,
    CLASSIFIERS,
    CONSTRAINTS,
    DATASETS,
    LOSSES,
    MIXERS,
    MODELS,
    OPTIMIZERS,
    PLAIN,
    POSTHOC,
    SAMPLERS,
    SCHEDULES,
    SHARPNESS,
    TEACHERS,
    TRICKS,
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

if TYPE_CHECKING:  # the others are imported when somebody asks for them: see __getattr__
    from ltdsl.catalogue.augments import (
        AutoAugment,
        ClassStrength,
        Cutout,
        RandAugment,
        RandomErasing,
        RandomRotation,
        TrivialAugment,
    )
    from ltdsl.catalogue.images import (
        Annotations,
        HeldOut,
        ImageFolder,
        ImageNetLT,
        INat18,
        ListedImages,
        Npz,
    )
    from ltdsl.catalogue.losses.cross_entropy import (
        ClassBalancedCrossEntropy,
        CostSensitiveCrossEntropy,
        CrossEntropy,
    )
    from ltdsl.catalogue.losses.focal import ClassBalancedFocal, Focal
    from ltdsl.catalogue.losses.logits import (
        BalancedSoftmax,
        ClassDependentTemperature,
        LogitAdjustment,
        VectorScaling,
    )
    from ltdsl.catalogue.losses.margin import GaussianClouded, LabelDistributionAwareMargin
    from ltdsl.catalogue.losses.selective import InfluenceBalanced, SoftmaxEqualization
    from ltdsl.catalogue.losses.smoothing import (
        LabelAwareSmoothing,
        LabelOverSmoothing,
        LabelSmoothing,
    )
    from ltdsl.catalogue.mixers import (
        ContextRichMinority,
        CutMix,
        InputMixup,
        ManifoldMixup,
        Remix,
    )
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
        BilateralBranch,
        CamBalanced,
        ClassBalanced,
        InstanceBalanced,
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
    "PLAIN",
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
    "AutoAugment",
    "Average",
    "BalancedSoftmax",
    "BilateralBranch",
    "Calibration",
    "CamBalanced",
    "Cifar10LT",
    "Cifar100LT",
    "ClassBalanced",
    "ClassBalancedCrossEntropy",
    "ClassBalancedFocal",
    "ClassDependentTemperature",
    "ClassStrength",
    "Classifier",
    "ClassifierRetraining",
    "ColorJitter",
    "Constant",
    "Constraint",
    "ContextRichMinority",
    "Cosine",
    "CostSensitiveCrossEntropy",
    "CrossEntropy",
    "CutMix",
    "Cutout",
    "Dataset",
    "DigitsLT",
    "Distillation",
    "EfficientNetLite0",
    "Entry",
    "ExponentialAverage",
    "Focal",
    "GaussianClouded",
    "HeldOut",
    "INat18",
    "ImageFolder",
    "ImageNetLT",
    "InfluenceBalanced",
    "InputMixup",
    "InstanceBalanced",
    "LabelAwareSmoothing",
    "LabelDistributionAwareMargin",
    "LabelOverSmoothing",
    "LabelSmoothing",
    "LearnableWeightScaling",
    "ListedImages",
    "LogitAdjustment",
    "LongTailed",
    "Loss",
    "ManifoldMixup",
    "MaxNorm",
    "MindCV",
    "Mixer",
    "Model",
    "MultiStep",
    "Npz",
    "Optimizer",
    "PlainSampler",
    "Posthoc",
    "PosthocLogitAdjustment",
    "Prior2Posterior",
    "RandAugment",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "Remix",
    "ResNet8",
    "ResNet10",
    "ResNet20",
    "ResNet32",
    "ResNet50",
    "Sampler",
    "Schedule",
    "Sharpness",
    "SharpnessAware",
    "SimplexFrame",
    "SoftmaxEqualization",
    "TauNormalisation",
    "Teacher",
    "Temperature",
    "Trick",
    "TrivialAugment",
    "VectorScaling",
    "register",
]

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


def __getattr__(name: str) -> Any:
    """An entry's class by its Python name, from whichever module declares it.

    A check asks for none so: it finds entries by their names in recipes.
    """
    for module in ASKED_FOR if name[:1].isupper() else ():
        found = getattr(import_module(f"{__name__}.{module}"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
        cast(MutableMapping[str, type[Entry]], INDEXES[base])[name] = entry


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
