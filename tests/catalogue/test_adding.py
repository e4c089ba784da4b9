"""A trick that is declared elsewhere is a trick like any other, wherever declarations are read."""

from __future__ import annotations

import json

import jsonschema
import pytest
from support.added_tricks import ADDED, CountShift, PriorShift, added
from support.composition import call_of
from typer.testing import CliRunner

from ltdsl import catalogue
from ltdsl.cli import make_app
from ltdsl.cli.complete import names, trick_chain
from ltdsl.compiler import compile_recipe
from ltdsl.fixes import is_safe
from ltdsl.plan import Plan
from ltdsl.reference.cards import reference
from ltdsl.reference.schema import schema
from ltdsl.source import Source

CIFAR10 = "dataset = cifar10_lt; "
#: A recipe with all of them, legal together.
ALL = (
    'init = "i.ckpt"; a: inverse_root + halves + from_nothing + prior_shift(by = 0.5); '
    'b: echo(teacher = "t.ckpt") + count_shift @ 80% { optimizer = sgd(lr = 0.01) }'
)

of_each_kind = pytest.mark.parametrize("entry", ADDED, ids=lambda entry: entry.kind)


@pytest.fixture(autouse=True)
def _added():
    with added(*ADDED):
        yield


def problems(text: str) -> dict[str, str]:
    found = compile_recipe(Source("recipe.lt", text)).diagnostics
    return {problem.code: problem.note for problem in found}


def ltdsl(*arguments: str) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(make_app(), list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_compiles_and_its_plan_survives_its_json():
    plan = compile_recipe(Source("recipe.lt", ALL)).plan
    assert str(plan.stages[0].loss) == "prior_shift(by = 0.5)"
    assert Plan.model_validate_json(plan.to_json()) == plan


@of_each_kind
def test_its_arguments_are_checked(entry):
    call = call_of(entry, "unheard_of = 1")
    assert "LT103" in problems(f'init = "i.ckpt"; a: {call}')
    if "by" in entry.model_fields:
        assert "LT106" in problems(f"a: {entry.name}(by = -1)")


def test_a_slip_of_its_name_is_mended():
    (problem,) = compile_recipe(Source("recipe.lt", "a: prior_shfit")).diagnostics
    assert problem.edit.replacement == "prior_shift"
    assert is_safe(problem)


@of_each_kind
def test_it_is_listed_and_explained(entry):
    assert entry.name in ltdsl("tricks")
    card = ltdsl("explain", entry.name)
    assert entry.summary() in card
    assert all(f"`{name}`" in card for name in entry.model_fields)
    assert f"### `{entry.name}`" in reference()


def test_the_rules_that_its_numbers_concern_are_named_as_its_traps():
    assert "`LT207`" in ltdsl("explain", "prior_shift")
    assert "`LT207`" in ltdsl("explain", "inverse_root")
    assert "`LT207`" in ltdsl("explain", "count_shift")
    assert "`LT207`" not in ltdsl("explain", "halves")


@of_each_kind
def test_it_is_completed(entry):
    pytest.importorskip("pygls")
    from lsprotocol.types import Position

    from ltdsl.lsp.complete import complete
    from ltdsl.lsp.text import Places

    found = complete(Source("recipe.lt", "a: "), Position(0, 3), Places())
    assert entry.name in {item.label for item in found}
    assert entry.name in {name for name, _ in names("")}
    assert entry.name in {name.strip() for name, _ in trick_chain("")}


@of_each_kind
def test_it_is_in_the_schemas(entry):
    required = {name: "x" for name, info in entry.model_fields.items() if info.is_required()}
    call = entry.model_validate(required).model_dump(mode="json", by_alias=True)
    jsonschema.validate(call, schema("tricks"))
    plan = json.loads(compile_recipe(Source("recipe.lt", ALL)).plan.to_json())
    jsonschema.validate(plan, schema("plan"))


def test_advice_goes_by_its_numbers():
    twice = problems(CIFAR10 + "a: ce; b: class_balanced + prior_shift @ 80%")["LT207"]
    assert "100-fold by `prior_shift`" in twice
    # 100 to the 1.5th
    assert (
        "1,000-fold by `inverse_root`"
        in problems(CIFAR10 + "a: ce; b: inverse_root + cs_ce @ 80%")["LT207"]
    )
    assert "LT207" in problems(CIFAR10 + "a: ce; b: class_balanced + count_shift @ 80%")
    assert "LT207" not in problems(CIFAR10 + "a: ce; b: prior_shift @ 80%")
    assert "with by = 0 favours" in problems(CIFAR10 + "a: prior_shift(by = 0)")["LT209"]
    assert "LT209" in problems("dataset = digits_lt(imbalance = 1); a: inverse_root")


@pytest.mark.parametrize("loss", ["prior_shift", "balanced_softmax"])
@pytest.mark.parametrize("posthoc", ["count_shift", "posthoc_logit_adjustment"])
def test_the_prior_is_corrected_once(loss, posthoc):
    assert "LT124" in problems(f"a: {loss} + {posthoc}")
    assert "LT124" not in problems(f"a: prior_shift(by = 0) + {posthoc}")


def test_a_trick_of_the_classifier_is_held_to_what_it_says():
    assert "LT112" in problems("a: from_nothing")
    # drawn anew in both stages
    assert "LT125" in problems('init = "i.ckpt"; a: from_nothing; b: from_nothing @ 80%')


def test_afterwards_it_is_unknown_again():
    assert "LT102" not in problems("a: prior_shift")
    for index in catalogue.INDEXES.values():
        index.pop("prior_shift", None)
    assert "LT102" in problems("a: prior_shift")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (PriorShift, "there is a loss `prior_shift` already"),
        (
            type("Other", (CountShift,), {"__doc__": "One.", "name": "sgd"}),
            "there is an optimizer `sgd` already",
        ),
        (type("Other", (CountShift,), {"__doc__": "One.", "name": "No Name"}), "small letters"),
        (type("Other", (CountShift,), {"name": "silent"}), "docstring"),
        (type("Other", (catalogue.Entry,), {"__doc__": "One.", "name": "other"}), "no kind"),
    ],
)
def test_what_cannot_be_added(entry, message):
    with pytest.raises(ValueError, match=message):
        catalogue.register(entry)
    assert "silent" not in catalogue.TRICKS
