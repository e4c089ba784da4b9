"""The catalogue: every name that a recipe can call, declared once.

Adding a trick takes its declaration here and its implementation in ``runtime/``; validation, ``ltdsl tricks``, plans
and messages follow from the declaration.
"""

from __future__ import annotations

from typing import Annotated

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
from ltdsl.catalogue.models import MindCV, Model, ResNet8, ResNet10, ResNet32, ResNet50
from ltdsl.catalogue.phases import (
    ClassifierRetraining,
    Distillation,
    LearnableWeightScaling,
    PosthocLogitAdjustment,
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
    Augment,
    ColorJitter,
    Constant,
    Cosine,
    MultiStep,
    Optimizer,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Schedule,
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
    "CLASSIFIERS",
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
    "TEACHERS",
    "TRICKS",
    "Adam",
    "Annotations",
    "AnyAugment",
    "AnyClassifier",
    "AnyDataset",
    "AnyLoss",
    "AnyMixer",
    "AnyModel",
    "AnyOptimizer",
    "AnyPosthoc",
    "AnySampler",
    "AnySchedule",
    "AnyTeacher",
    "Augment",
    "CamBalanced",
    "Cifar10LT",
    "Cifar100LT",
    "ClassBalanced",
    "Classifier",
    "ColorJitter",
    "Constant",
    "Cosine",
    "CostSensitiveCrossEntropy",
    "CrossEntropy",
    "Dataset",
    "DigitsLT",
    "Distillation",
    "Entry",
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
    "ResNet32",
    "ResNet50",
    "Sampler",
    "Schedule",
    "Teacher",
    "Trick",
]

SAMPLERS: dict[str, type[Sampler]] = {**PLAIN, **index(CamBalanced, BilateralBranch)}
MIXERS: dict[str, type[Mixer]] = index(
    InputMixup, ManifoldMixup, Remix, CutMix, ContextRichMinority
)
CLASSIFIERS: dict[str, type[Classifier]] = index(ClassifierRetraining, LearnableWeightScaling)
TEACHERS: dict[str, type[Teacher]] = index(Distillation)
POSTHOC: dict[str, type[Posthoc]] = index(TauNormalisation, PosthocLogitAdjustment)
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
MODELS: dict[str, type[Model]] = index(ResNet8, ResNet32, ResNet10, ResNet50, MindCV)
OPTIMIZERS: dict[str, type[Optimizer]] = index(SGD, Adam)
SCHEDULES: dict[str, type[Schedule]] = index(MultiStep, Cosine, Constant)
AUGMENTS: dict[str, type[Augment]] = index(
    RandomCrop, RandomResizedCrop, RandomHorizontalFlip, ColorJitter
)

#: The index that a field of each base class is looked up in.
INDEXES: dict[type[Entry], dict[str, type[Entry]]] = {
    Trick: dict(TRICKS),
    Sampler: dict(SAMPLERS),
    PlainSampler: dict(PLAIN),
    Mixer: dict(MIXERS),
    Loss: dict(LOSSES),
    Classifier: dict(CLASSIFIERS),
    Teacher: dict(TEACHERS),
    Posthoc: dict(POSTHOC),
    Dataset: dict(DATASETS),
    Model: dict(MODELS),
    Optimizer: dict(OPTIMIZERS),
    Schedule: dict(SCHEDULES),
    Augment: dict(AUGMENTS),
}

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
AnyAugment = Annotated[Augment, Slot(Augment, AUGMENTS)]
