"""Tricks, stages and recipes drawn at random from the catalogue, all of them legal."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from hypothesis import strategies as st

from ltdsl import catalogue
from ltdsl.catalogue.entry import Slot
from ltdsl.catalogue.tricks import KINDS

#: Every trick by its kind.
BY_KIND = {
    kind.kind: {name: trick for name, trick in catalogue.TRICKS.items() if trick.kind == kind.kind}
    for kind in KINDS
}

#: What a stage does where it names no trick of a kind.
DEFAULTS = {"sampler": catalogue.InstanceBalanced(), "loss": catalogue.CrossEntropy()}

#: Losses that correct the prior in training, written down once more.
PRIOR = ("balanced_softmax", "logit_adjustment")


def limits(info) -> tuple[float | None, float | None, bool, bool]:
    """Lowest and highest value of a field, and whether each is itself excluded."""
    low = high = None
    open_low = open_high = False
    for rule in info.metadata:
        match rule:
            case Ge():
                low = rule.ge
            case Gt():
                low, open_low = rule.gt, True
            case Le():
                high = rule.le
            case Lt():
                high, open_high = rule.lt, True
    return low, high, open_low, open_high


def values(info) -> st.SearchStrategy[Any]:
    """Valid values of a field, from its declaration alone."""
    for rule in info.metadata:
        if isinstance(rule, Slot):
            return st.sampled_from(list(rule.known.values())).flatmap(entries)
    kinds = [info.annotation, *get_args(info.annotation)]
    low, high, open_low, open_high = limits(info)
    if get_origin(info.annotation) is Literal:
        return st.sampled_from(get_args(info.annotation))
    if bool in kinds:
        return st.booleans()
    if str in kinds:  # a path: nothing opens it
        return st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
    if int in kinds:
        numbers = st.integers(low, high if high is not None else 10**6)
    else:
        assert float in kinds, f"no strategy for {info.annotation}"
        numbers = st.floats(
            low,
            high if high is not None else 1e6,
            exclude_min=open_low,
            exclude_max=open_high,
            allow_subnormal=False,
        )
    return numbers | st.none() if NoneType in kinds else numbers


def entries(entry: type[catalogue.Entry], **fixed: Any) -> st.SearchStrategy[catalogue.Entry]:
    """An entry with arguments, each given or left to its default."""
    names = {info.alias or name: info for name, info in entry.model_fields.items()}
    required = {n: values(i) for n, i in names.items() if i.is_required()}
    optional = {n: values(i) for n, i in names.items() if not i.is_required()}
    optional |= {n: st.just(v) for n, v in fixed.items()}
    return st.fixed_dictionaries(required, optional=optional).map(
        lambda arguments: entry.model_validate(arguments | fixed)
    )


tricks = st.sampled_from(sorted(catalogue.TRICKS)).flatmap(lambda n: entries(catalogue.TRICKS[n]))


@dataclass(frozen=True)
class Stage:
    """A stage as it is to be written."""

    tricks: dict[str, catalogue.Trick]
    start: int = 0
    braces: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()  # further tricks, as text

    def text(self, name: str) -> str:
        chain = [str(self.tricks[kind]) for kind in self.order] + list(self.extra)
        start = f" @ epoch {self.start}" if self.start else ""
        braces = f" {{ {'; '.join(self.braces)} }}" if self.braces else ""
        return f"{name}: {' + '.join(chain or ['ce'])}{start}{braces}"


@dataclass(frozen=True)
class Written:
    """A recipe as it is to be written."""

    stages: list[Stage]
    settings: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        head = [f"{name} = {value}" for name, value in self.settings.items()]
        body = [stage.text(f"stage{number}") for number, stage in enumerate(self.stages, 1)]
        return "\n".join([*head, *body]) + "\n"

    def changed(self, number: int, **changes: Any) -> Written:
        """With another stage in a place; an ``order`` that follows where tricks change."""
        stages = list(self.stages)
        stage = dataclasses.replace(stages[number], **changes)
        kept = [kind for kind in stage.order if kind in stage.tricks]
        order = (*kept, *(kind for kind in stage.tricks if kind not in kept))
        stages[number] = dataclasses.replace(stage, order=order)
        return Written(stages, self.settings)


def pair_is_legal(first: type[catalogue.Trick], second: type[catalogue.Trick]) -> bool:
    """Whether two tricks of different kinds can stand in one stage, from what their papers need."""
    for a, b in ((first, second), (second, first)):
        # another set of images has no features in this batch, and a teacher sees images only
        hidden = a.kind == "mixer" and a.mixes_hidden
        if hidden and (b.kind == "teacher" or (b.kind == "sampler" and b.has_partner)):
            return False
        if a.name == "cmo" and b.name == "bbn":
            return False
        if a.name == "posthoc_logit_adjustment" and b.name in PRIOR:
            return False
        if a.name == "tau_norm" and b.name in ("lws", "ldam"):
            return False
    return True


def legal_with(trick: type[catalogue.Trick], others: Any) -> bool:
    return all(pair_is_legal(trick, type(other)) for other in others)


@st.composite
def recipes(draw: Any) -> Written:
    """One to four stages that are legal together."""
    count = draw(st.integers(1, 4))
    epochs = draw(st.integers(count, 300))
    starts = sorted(
        draw(
            st.lists(
                st.integers(1, epochs - 1), min_size=count - 1, max_size=count - 1, unique=True
            )
        )
        if count > 1
        else []
    )
    has_init = draw(st.booleans())
    cosine = draw(st.booleans())
    scale = draw(st.floats(1, 100))
    model = draw(st.sampled_from(["resnet8", "resnet10"]))
    stages: list[Stage] = []
    for start in (0, *starts):
        last = start == (0, *starts)[-1]
        chosen: dict[str, catalogue.Trick] = {}
        for kind in draw(st.permutations(sorted(BY_KIND))):
            if kind == "posthoc" and not last:
                continue
            known = [
                trick
                for trick in BY_KIND[kind].values()
                if legal_with(trick, chosen.values())
                and not (trick.needs_weights and not start and not has_init)
                and not (kind == "loss" and trick.classifier == ("linear" if cosine else "cosine"))
                and not (trick.name == "tau_norm" and (cosine or _has_lws(stages)))
            ]
            if known and draw(st.booleans()):
                trick = draw(st.sampled_from(known))
                fixed = {"s": scale} if trick.name == "ldam" else {}
                chosen[kind] = draw(entries(trick, **fixed))
        mixer = chosen.get("mixer")
        if isinstance(mixer, catalogue.ManifoldMixup) and model == "resnet8":
            layer = "layer3" if mixer.layer == "layer4" else mixer.layer
            chosen["mixer"] = mixer.model_copy(update={"layer": layer})
        before = stages[-1].tricks.get("classifier") if stages else None
        after = chosen.get("classifier")
        fresh = bool(stages) and (before != after or (after and after.name == "crt"))
        options = ["optimizer = sgd(lr = 0.01)", "schedule = constant"]
        braces = [draw(st.sampled_from(options))] if fresh or draw(st.booleans()) else []
        stages.append(
            Stage(chosen, start, tuple(braces), tuple(draw(st.permutations(list(chosen)))))
        )
    settings = {"model": model, "epochs": str(epochs), "schedule": "constant(warmup = 0)"}
    if has_init:
        settings["init"] = '"first.ckpt"'
    return Written(stages, settings)


def _has_lws(stages: list[Stage]) -> bool:
    return any(
        isinstance(s.tricks.get("classifier"), catalogue.LearnableWeightScaling) for s in stages
    )


def outside(info) -> list[float]:
    """Numbers just outside a field's range, and far from it."""
    low, high, open_low, open_high = limits(info)
    found: list[float] = []
    if low is not None:
        found += [low - 1, low if open_low else math.nextafter(low, -math.inf)]
    if high is not None:
        found += [high + 1, high if open_high else math.nextafter(high, math.inf)]
    return found
