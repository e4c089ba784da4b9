"""The catalogue: every name that a recipe can call, declared once.

Adding a trick takes its declaration here and its implementation in ``runtime/``; validation, ``ltdsl tricks``, plans
and messages follow from the declaration.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from ltdsl.catalogue.datasets import Cifar10LT, Cifar100LT, Dataset, DigitsLT
from ltdsl.catalogue.entry import Entry, index, revive
from ltdsl.catalogue.losses import LOSSES, CostSensitiveCrossEntropy, CrossEntropy
from ltdsl.catalogue.mixers import InputMixup
from ltdsl.catalogue.models import MindCV, Model, ResNet8, ResNet10, ResNet32
from ltdsl.catalogue.samplers import PLAIN, CamBalanced, ClassBalanced, InstanceBalanced
from ltdsl.catalogue.training import (
    SGD,
    Adam,
    Augment,
    Constant,
    Cosine,
    MultiStep,
    Optimizer,
    RandomCrop,
    RandomHorizontalFlip,
    Schedule,
)
from ltdsl.catalogue.tricks import Loss, Mixer, PlainSampler, Sampler, Trick

__all__ = [
    "AUGMENTS",
    "DATASETS",
    "INDEXES",
    "LOSSES",
    "MIXERS",
    "MODELS",
    "OPTIMIZERS",
    "SAMPLERS",
    "SCHEDULES",
    "SGD",
    "TRICKS",
    "Adam",
    "AnyAugment",
    "AnyDataset",
    "AnyLoss",
    "AnyMixer",
    "AnyModel",
    "AnyOptimizer",
    "AnySampler",
    "AnySchedule",
    "Augment",
    "CamBalanced",
    "Cifar10LT",
    "Cifar100LT",
    "ClassBalanced",
    "Constant",
    "Cosine",
    "CostSensitiveCrossEntropy",
    "CrossEntropy",
    "Dataset",
    "DigitsLT",
    "Entry",
    "InputMixup",
    "InstanceBalanced",
    "Loss",
    "MindCV",
    "Mixer",
    "Model",
    "MultiStep",
    "Optimizer",
    "PlainSampler",
    "RandomCrop",
    "RandomHorizontalFlip",
    "ResNet8",
    "ResNet10",
    "ResNet32",
    "Sampler",
    "Schedule",
    "Trick",
]

SAMPLERS: dict[str, type[Sampler]] = {**PLAIN, **index(CamBalanced)}
MIXERS: dict[str, type[Mixer]] = index(InputMixup)
TRICKS: dict[str, type[Trick]] = {**SAMPLERS, **MIXERS, **LOSSES}

DATASETS: dict[str, type[Dataset]] = index(DigitsLT, Cifar10LT, Cifar100LT)
MODELS: dict[str, type[Model]] = index(ResNet8, ResNet32, ResNet10, MindCV)
OPTIMIZERS: dict[str, type[Optimizer]] = index(SGD, Adam)
SCHEDULES: dict[str, type[Schedule]] = index(MultiStep, Cosine, Constant)
AUGMENTS: dict[str, type[Augment]] = index(RandomCrop, RandomHorizontalFlip)

#: The index that a field of each base class is looked up in.
INDEXES: dict[type[Entry], dict[str, type[Entry]]] = {
    Trick: dict(TRICKS),
    Sampler: dict(SAMPLERS),
    PlainSampler: dict(PLAIN),
    Mixer: dict(MIXERS),
    Loss: dict(LOSSES),
    Dataset: dict(DATASETS),
    Model: dict(MODELS),
    Optimizer: dict(OPTIMIZERS),
    Schedule: dict(SCHEDULES),
    Augment: dict(AUGMENTS),
}

# Field types that hold an entry and can be read back from a plan's JSON.
AnySampler = Annotated[SerializeAsAny[Sampler], revive(SAMPLERS)]
AnyMixer = Annotated[SerializeAsAny[Mixer], revive(MIXERS)]
AnyLoss = Annotated[SerializeAsAny[Loss], revive(LOSSES)]
AnyDataset = Annotated[SerializeAsAny[Dataset], revive(DATASETS)]
AnyModel = Annotated[SerializeAsAny[Model], revive(MODELS)]
AnyOptimizer = Annotated[SerializeAsAny[Optimizer], revive(OPTIMIZERS)]
AnySchedule = Annotated[SerializeAsAny[Schedule], revive(SCHEDULES)]
AnyAugment = Annotated[SerializeAsAny[Augment], revive(AUGMENTS)]
