"""One fault in a recipe that is legal otherwise: it is refused, with the right code, at the right place."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.composition import (
    BY_KIND,
    PRIOR,
    PRIOR_AFTERWARDS,
    Stage,
    Written,
    call_of,
    entries,
    having,
    outside,
    recipes,
    sets_norms,
)

from ltdsl import catalogue
from ltdsl.catalogue.entry import Fraction
from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Severity
from ltdsl.source import Source

LONG = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

#: Around what a diagnostic must point at.
OPEN, CLOSE = "«", "»"


def refused(written: Written, code: str, mark: str) -> None:
    """The recipe is refused with the code alone, and some place it points at touches the mark's text."""
    marked = written.text()
    assert mark in marked
    begin = marked.index(mark)
    text = marked.replace(OPEN, "").replace(CLOSE, "")
    end = begin + len(mark.replace(OPEN, "").replace(CLOSE, ""))
    result = compile_recipe(Source("recipe.lt", text))
    errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
    assert {error.code for error in errors} == {code}, (text, [e.message for e in errors])
    assert result.plan is None
    places = [
        span for e in errors for span in (e.span, *(other.span for other in e.others)) if span
    ]
    assert any(span.start < end and begin < span.end for span in places), text


def marked(text: str) -> str:
    return f"{OPEN}{text}{CLOSE}"


def with_extra(written: Written, number: int, text: str) -> Written:
    return written.changed(number, extra=(marked(text),))


places = st.integers(0, 3)


@LONG
@given(recipes(), places, st.data())
def test_two_of_a_kind(written, number, data):
    number %= len(written.stages)
    stage = written.stages[number]
    assume(stage.tricks)
    kind = data.draw(st.sampled_from(sorted(stage.tricks)))
    others = [
        trick
        for name, trick in BY_KIND[kind].items()
        if name != stage.tricks[kind].name
        # of a trick that is out of place too, both problems are reported
        and not (trick.needs_weights and number == 0 and "init" not in written.settings)
    ]
    assume(others)
    second = data.draw(st.sampled_from(others).flatmap(entries))
    refused(with_extra(written, number, str(second)), "LT110", marked(str(second)))


@LONG
@given(recipes(), places, st.data())
def test_a_trick_twice(written, number, data):
    number %= len(written.stages)
    assume(written.stages[number].tricks)
    name = data.draw(st.sampled_from(sorted(written.stages[number].tricks.values(), key=str))).name
    entry = data.draw(entries(catalogue.TRICKS[name]))
    refused(with_extra(written, number, str(entry)), "LT108", marked(str(entry)))


@LONG
@given(recipes(), places, st.from_regex(r"[a-z]{2,6}(_[a-z]{1,4})?", fullmatch=True))
def test_an_unknown_name(written, number, name):
    assume(not any(name in index for index in catalogue.INDEXES.values()))
    assume(name not in ("true", "false", "inf", "nan", "infinity"))
    refused(with_extra(written, number % len(written.stages), name), "LT102", marked(name))


def arguments() -> list[tuple[str, str, Any]]:
    """Every parameter of every trick: trick, parameter, declaration."""
    return [
        (trick.name, info.alias or name, info)
        for trick in catalogue.TRICKS.values()
        for name, info in trick.model_fields.items()
    ]


def alone(trick: str, argument: str) -> Written:
    """A recipe in which nothing but one argument can be wrong."""
    chain = call_of(catalogue.TRICKS[trick], argument)
    return Written([Stage({}, extra=(chain,))], {"init": '"first.ckpt"'})


@LONG
@given(st.sampled_from([a for a in arguments() if outside(a[2])]), st.data())
def test_a_number_out_of_range(argument, data):
    trick, name, info = argument
    value = data.draw(st.sampled_from(outside(info)))
    number = repr(int(value)) if "int" in str(info.annotation) else repr(value)
    assume("int" not in str(info.annotation) or value == int(value))
    refused(alone(trick, f"{name} = {marked(number)}"), "LT106", marked(number))


def share_of(info) -> bool:
    """Whether a parameter is a share, which can be written in percent."""
    return any(
        part in info.metadata
        for part in Fraction.__metadata__
        if callable(getattr(part, "func", None))
    )


WRONG = ["true", "3", "0.5", '"text"', "other_name", "[1]", "[]", "50%", "sgd(lr = 1)"]


@settings(LONG, max_examples=150)
@given(st.sampled_from(arguments()), st.sampled_from(WRONG))
def test_a_value_of_the_wrong_type(argument, wrong):
    trick, name, info = argument
    kind = str(info.annotation)
    fits = {
        "true": "bool" in kind,
        "3": "int" in kind or "float" in kind,
        "0.5": "float" in kind,
        "50%": share_of(info),
        '"text"': "str" in kind and "Literal" not in kind,
    }
    assume(not fits.get(wrong))
    written = alone(trick, f"{name} = {marked(wrong)}")
    text = written.text().replace(OPEN, "").replace(CLOSE, "")
    codes = {d.code for d in compile_recipe(Source("recipe.lt", text)).diagnostics}
    assert len(codes) == 1
    # a name where no name fits is a wrong type, where an entry does an unknown one
    assert codes <= {"LT102", "LT104", "LT105", "LT109"}, (text, codes)
    refused(written, codes.pop(), marked(wrong))


@LONG
@given(st.sampled_from(sorted(catalogue.TRICKS)), st.sampled_from(["alfa", "x", "weights", "kind"]))
def test_an_unknown_parameter(trick, name):
    refused(alone(trick, f"{marked(name)} = 1"), "LT103", marked(name))


def only(written: Written, number: int, **chosen: catalogue.Trick) -> Written:
    """The stage with these tricks and no others."""
    return written.changed(number, tricks=chosen, order=())


def refused_for(written: Written, number: int, code: str, *kinds: str) -> None:
    """It points at each of the tricks."""
    for kind in kinds:
        stage = written.stages[number]
        text = str(stage.tricks[kind])
        rest = {k: t for k, t in stage.tricks.items() if k != kind}
        refused(written.changed(number, tricks=rest, extra=(marked(text),)), code, marked(text))


def plain(written: Written) -> Written:
    """The same stages in time, each with plain `ce` and a fresh optimizer."""
    stages = [
        dataclasses.replace(s, tricks={}, order=(), braces=("optimizer = sgd(lr = 0.01)",))
        for s in written.stages
    ]
    return Written(stages, {**written.settings, "init": '"first.ckpt"'})


def of(*names: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(names).flatmap(lambda name: entries(catalogue.TRICKS[name]))


WITH_PARTNERS = having(kind="sampler", has_partner=True)
HIDDEN = having(kind="mixer", mixes_hidden=True)
OTHER_PARTNERS = (*having(kind="mixer", has_partner=True), *HIDDEN)
LINEAR, COSINE = (having(kind="loss", classifier=which) for which in ("linear", "cosine"))
SET_NORMS = tuple(name for name, trick in catalogue.TRICKS.items() if sets_norms(trick))


@LONG
@given(recipes(), places, of(*WITH_PARTNERS), of(*OTHER_PARTNERS))
def test_two_second_images(written, number, sampler, mixer):
    number %= len(written.stages)
    assume(mixer.mixed_layer != "layer4")
    changed = only(plain(written), number, sampler=sampler, mixer=mixer)
    refused_for(changed, number, "LT122", "sampler", "mixer")


@LONG
@given(recipes(), places, of(*BY_KIND["teacher"]), of(*HIDDEN))
def test_no_input_for_a_teacher(written, number, teacher, mixer):
    number %= len(written.stages)
    assume(mixer.mixed_layer != "layer4")
    changed = only(plain(written), number, teacher=teacher, mixer=mixer)
    refused_for(changed, number, "LT126", "teacher", "mixer")


@LONG
@given(recipes(), of(*PRIOR_AFTERWARDS), of(*PRIOR))
def test_the_prior_twice(written, posthoc, loss):
    assume(posthoc.tau > 0)  # 0 corrects nothing
    assume(getattr(loss, "tau", 1.0) > 0)
    number = len(written.stages) - 1
    changed = only(plain(written), number, posthoc=posthoc, loss=loss)
    refused_for(changed, number, "LT124", "posthoc", "loss")


@LONG
@given(recipes(), places, of(*BY_KIND["posthoc"]))
def test_a_correction_before_the_last_stage(written, number, posthoc):
    assume(len(written.stages) > 1)
    number %= len(written.stages) - 1
    changed = only(plain(written), number, posthoc=posthoc)
    changed.settings["validation"] = "0.1"
    refused_for(changed, number, "LT121", "posthoc")


@LONG
@given(recipes(), of(*having(needs_weights=True)))
def test_nothing_is_trained_yet(written, trick):
    changed = only(plain(written), 0, **{trick.kind: trick})
    del changed.settings["init"]
    refused_for(changed, 0, "LT112", trick.kind)


@LONG
@given(recipes(), places, of(*BY_KIND["classifier"]))
def test_the_optimizer_cannot_go_on(written, number, trick):
    assume(len(written.stages) > 1)
    number = 1 + number % (len(written.stages) - 1)
    changed = only(plain(written), number, classifier=trick).changed(number, braces=())
    refused_for(changed, number, "LT125", "classifier")


@LONG
@given(recipes(), places)
def test_a_classifier_drawn_anew_needs_a_fresh_optimizer_even_after_another(written, number):
    assume(len(written.stages) > 1)
    number = 1 + number % (len(written.stages) - 1)
    crt = catalogue.ClassifierRetraining()
    changed = only(only(plain(written), number - 1, classifier=crt), number, classifier=crt)
    refused_for(changed.changed(number, braces=()), number, "LT125", "classifier")


@LONG
@given(recipes(), places, of(*LINEAR), of(*COSINE))
def test_two_classifiers(written, number, linear, cosine):
    assume(len(written.stages) > 1)
    number %= len(written.stages)
    other = (number + 1) % len(written.stages)
    changed = only(only(plain(written), number, loss=linear), other, loss=cosine)
    refused_for(changed, number, "LT119", "loss")
    refused_for(changed, other, "LT119", "loss")


@LONG
@given(recipes(), places, of(*having(sets_norms=True)), of(*SET_NORMS))
def test_norms_that_are_set_already(written, number, posthoc, trick):
    last = len(written.stages) - 1
    number %= len(written.stages)
    changed = only(plain(written), number, **{trick.kind: trick})
    tricks = {**changed.stages[last].tricks, "posthoc": posthoc}
    refused_for(changed.changed(last, tricks=tricks), last, "LT119", "posthoc")


@LONG
@given(recipes(), places, of(*HIDDEN))
def test_a_layer_that_is_not_there(written, number, mixer):
    number %= len(written.stages)
    mixer = mixer.model_copy(update={"layer": "layer4"})
    changed = only(plain(written), number, mixer=mixer)
    changed.settings["model"] = "resnet8"
    refused_for(changed, number, "LT123", "mixer")
