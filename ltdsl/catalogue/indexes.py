"""The names of all entries and the modules that declare them: a module is imported when one of its names is asked for.

A check needs the few declarations that its recipe names; making all of them takes longer than all else that it does.
Going through names imports nothing, going through entries imports all modules of an index.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from ltdsl.catalogue.entry import Entry

if TYPE_CHECKING:
    from ltdsl.catalogue.datasets import Dataset
    from ltdsl.catalogue.models import Model
    from ltdsl.catalogue.outcome import Average, Calibration
    from ltdsl.catalogue.training import Augment, Constraint, Optimizer, Schedule, Sharpness
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

E = TypeVar("E", bound=Entry)


class Index(MutableMapping[str, type[E]]):
    """Entries of a kind by name, in the order of the catalogue; those that are registered come last.

    Args:
        declared: By the module of this package that declares them, their names.
    """

    def __init__(self, declared: dict[str, str]) -> None:
        self._modules = {
            name: module for module, names in declared.items() for name in names.split()
        }
        #: None for those that nobody has asked for.
        self._entries: dict[str, type[E] | None] = dict.fromkeys(self._modules)

    def __getitem__(self, name: str) -> type[E]:
        found = self._entries[name]
        if found is None:
            found = self._entries[name] = _declared(self._modules[name])[name]
        return found

    def __setitem__(self, name: str, entry: type[E]) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@cache
def _declared(module: str) -> dict[str, Any]:
    """The entries that a module declares, by name."""
    members = vars(import_module(f"{__package__}.{module}")).values()
    found = (each for each in members if isinstance(each, type) and issubclass(each, Entry))
    return {entry.__dict__["name"]: entry for entry in found if "name" in entry.__dict__}


_PLAIN = "instance_balanced class_balanced square_root progressive over_sampling under_sampling"
_SAMPLERS = {"samplers": f"{_PLAIN} cam_bs bbn"}
_MIXERS = {"mixers": "input_mixup manifold_mixup remix cutmix cmo"}
_LOSSES = {
    "losses.cross_entropy": "ce cs_ce cb_ce",
    "losses.focal": "focal cb_focal",
    "losses.logits": "balanced_softmax logit_adjustment cdt vs",
    "losses.margin": "ldam gcl",
    "losses.selective": "seql influence_balanced",
    "losses.smoothing": "label_smoothing label_aware_smoothing label_over_smoothing",
}
_CLASSIFIERS = "crt lws simplex_etf"
_TEACHERS = "dive"
_POSTHOC = "tau_norm posthoc_logit_adjustment prior2posterior"

#: Samplers that `cam_bs` can draw its images with.
PLAIN: Index[PlainSampler] = Index({"samplers": _PLAIN})
SAMPLERS: Index[Sampler] = Index(_SAMPLERS)
MIXERS: Index[Mixer] = Index(_MIXERS)
LOSSES: Index[Loss] = Index(_LOSSES)
CLASSIFIERS: Index[Classifier] = Index({"phases": _CLASSIFIERS})
TEACHERS: Index[Teacher] = Index({"phases": _TEACHERS})
POSTHOC: Index[Posthoc] = Index({"phases": _POSTHOC})
TRICKS: Index[Trick] = Index(
    {**_SAMPLERS, **_MIXERS, **_LOSSES, "phases": f"{_CLASSIFIERS} {_TEACHERS} {_POSTHOC}"}
)

DATASETS: Index[Dataset] = Index(
    {
        "datasets": "digits_lt cifar10_lt cifar100_lt",
        "images": "image_folder annotations imagenet_lt inat18 npz",
    }
)
MODELS: Index[Model] = Index(
    {"models": "resnet8 resnet20 resnet32 resnet10 resnet50 efficientnet_lite0 mindcv"}
)
OPTIMIZERS: Index[Optimizer] = Index({"training": "sgd adam adamw"})
SCHEDULES: Index[Schedule] = Index({"training": "multistep cosine constant"})
SHARPNESS: Index[Sharpness] = Index({"training": "sam"})
CONSTRAINTS: Index[Constraint] = Index({"training": "max_norm"})
AVERAGES: Index[Average] = Index({"outcome": "ema"})
CALIBRATIONS: Index[Calibration] = Index({"outcome": "temperature"})
AUGMENTS: Index[Augment] = Index(
    {
        "training": "random_crop random_resized_crop random_horizontal_flip color_jitter",
        "augments": "random_rotation rand_augment auto_augment trivial_augment cutout random_erasing class_strength",
    }
)

#: The modules that are imported only when they are asked for; the others declare the kinds too.
ASKED_FOR = ("augments", "images", "mixers", "phases", "samplers", *_LOSSES)
