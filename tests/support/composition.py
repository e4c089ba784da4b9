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


def having(**facts: Any) -> tuple[str, ...]:
    """The tricks whose declarations say so: ``having(kind="mixer", mixes_hidden=True)``."""
    return tuple(
        name
        for name, trick in catalogue.TRICKS.items()
        if all(getattr(trick, fact, None) == value for fact, value in facts.items())
    )


def takes_prior_away(trick: type[catalogue.Trick]) -> bool:
    """Whether a trick shifts the logits of frequent classes up in training, or down in evaluation."""
    made = trick.model_construct()
    offsets = made.logit_offsets((100, 10)) if trick.kind in ("loss", "posthoc") else None
    return offsets is not None and offsets[0] > offsets[1]


#: Losses and posthoc tricks that correct the prior: not together.
PRIOR = tuple(name for name, loss in BY_KIND["loss"].items() if takes_prior_away(loss))
PRIOR_AFTERWARDS = tuple(name for name, t in BY_KIND["posthoc"].items() if takes_prior_away(t))


def call_of(trick: type[catalogue.Trick], argument: str = "") -> str:
    """A trick as a recipe calls it, with an argument and whatever else is required."""
    required = [
        f'{info.alias or name} = "t.ckpt"'
        for name, info in trick.model_fields.items()
        if info.is_required() and not argument.startswith(f"{info.alias or name} =")
    ]
    given = ", ".join([*required, *filter(None, [argument])])
    return f"{trick.name}({given})" if given else trick.name


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
        if a.kind == "mixer" and a.has_partner and b.kind == "sampler" and b.has_partner:
            return False
        if a.name in PRIOR_AFTERWARDS and b.name in PRIOR:
            return False
        held = b.kind == "classifier" and b.holds
        if a.kind == "posthoc" and a.sets_norms and (sets_norms(b) or held):
            return False
        if a.kind == "posthoc" and a.is_fitted and asks_each(b):
            return False
    return True


def sets_norms(trick: type[catalogue.Trick]) -> bool:
    """Whether class weights with a trick have lengths that mean nothing, or factors of their own."""
    return (trick.kind == "classifier" and trick.adds_factors) or (
        trick.kind == "loss" and trick.classifier == "cosine"
    )


def asks_each(trick: type[catalogue.Trick] | catalogue.Trick) -> bool:
    """Whether it is a loss without a softmax, whose mean would be a prior."""
    return trick.kind == "loss" and trick.confidence == "sigmoid"


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
                and not (
                    kind == "posthoc" and trick.sets_norms and (cosine or _has_factors(stages))
                )
                and not (
                    kind == "posthoc"
                    and trick.is_fitted
                    and any(asks_each(t) for stage in stages for t in stage.tricks.values())
                )
            ]
            if known and draw(st.booleans()):
                trick = draw(st.sampled_from(known))
                fixed = {"s": scale} if kind == "loss" and trick.classifier == "cosine" else {}
                chosen[kind] = draw(entries(trick, **fixed))
        mixer = chosen.get("mixer")
        if mixer and mixer.mixed_layer == "layer4" and model == "resnet8":
            chosen["mixer"] = mixer.model_copy(update={"layer": "layer3"})
        before = stages[-1].tricks.get("classifier") if stages else None
        after = chosen.get("classifier")
        fresh = bool(stages) and (before != after or (after and after.draws_anew))
        options = ["optimizer = sgd(lr = 0.01)", "schedule = constant"]
        braces = [draw(st.sampled_from(options))] if fresh or draw(st.booleans()) else []
        stages.append(
            Stage(chosen, start, tuple(braces), tuple(draw(st.permutations(list(chosen)))))
        )
    settings = {"model": model, "epochs": str(epochs), "schedule": "constant(warmup = 0)"}
    if has_init:
        settings["init"] = '"first.ckpt"'
    posthoc = stages[-1].tricks.get("posthoc")
    if posthoc and posthoc.is_fitted:
        settings["validation"] = "0.1"
    return Written(stages, settings)


def _has_factors(stages: list[Stage]) -> bool:
    return any("classifier" in s.tricks and s.tricks["classifier"].adds_factors for s in stages)


def outside(info) -> list[float]:
    """Numbers just outside a field's range, and far from it."""
    low, high, open_low, open_high = limits(info)
    found: list[float] = []
    if low is not None:
        found += [low - 1, low if open_low else math.nextafter(low, -math.inf)]
    if high is not None:
        found += [high + 1, high if open_high else math.nextafter(high, math.inf)]
    return found
