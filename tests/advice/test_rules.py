"""Every rule: recipes it speaks about, as snapshots, and recipes it leaves alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ltdsl.advice.basis import NAMES, Arithmetic, Quotation, Rows
from ltdsl.advice.case import Case
from ltdsl.advice.rule import Finding, Rule
from ltdsl.advice.rules import RULES
from ltdsl.analysis.load import load
from ltdsl.analysis.resolve import resolve
from ltdsl.catalogue import TRICKS
from ltdsl.codes.table import ADVICE
from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Severity, severity_of
from ltdsl.diagnostics.render import render
from ltdsl.evidence import rows
from ltdsl.source import Source, Span

SNAPSHOTS = sorted((Path(__file__).parents[1] / "golden" / "advice").glob("*.lt"))


def compiled(text: str):
    result = compile_recipe(Source("recipe.lt", text))
    assert not result.failed, [problem.message for problem in result.diagnostics]
    return result


def codes(text: str) -> list[str]:
    return [problem.code for problem in compiled(text).diagnostics]


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_what_a_rule_says(path, golden):
    result = compiled(path.read_text())
    golden(path.with_suffix(".txt"), "\n\n".join(map(render, result.diagnostics)) + "\n")
    assert path.stem.split("_")[0] in {problem.code for problem in result.diagnostics}


def test_every_rule_has_a_snapshot():
    assert {path.stem.split("_")[0] for path in SNAPSHOTS} == set(ADVICE)


CIFAR10 = "dataset = cifar10_lt; "
CIFAR100 = "dataset = cifar100_lt; "
TUNED = "stage9: ce @ 95% { optimizer = sgd(lr = 0.001) }"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("LT201", "stage1: ce; stage2: cam_bs @ 50%; stage3: cs_ce @ 80%"),
        ("LT202", CIFAR10 + "stage1: ce; stage2: cs_ce @ 80%"),
        ("LT202", CIFAR10 + "stage1: ldam"),
        # published better with mixup from the first epoch, and never deferred
        ("LT202", CIFAR10 + "epochs = 400; stage1: input_mixup + cs_ce; " + TUNED),
        # the gain of deferring is within noise, or a loss
        ("LT202", CIFAR10 + "stage1: cb_focal"),
        ("LT202", CIFAR100 + "stage1: cb_focal"),
        ("LT202", CIFAR100 + "stage1: cb_ce(beta = 0.9)"),
        ("LT202", "dataset = cifar100_lt(imbalance = 50); stage1: cb_ce(beta = 0.9)"),
        # so on data without rows of its own, where all benchmarks must agree
        ("LT202", "stage1: cb_ce(beta = 0.9)"),
        ("LT203", CIFAR10 + "stage1: ce; stage2: class_balanced @ 80%"),
        ("LT203", CIFAR10 + "epochs = 400; stage1: input_mixup + class_balanced; " + TUNED),
        ("LT203", CIFAR10 + "stage1: class_balanced; stage2: cam_bs @ 80%"),
        ("LT204", CIFAR10 + "epochs = 400; stage1: input_mixup; " + TUNED),
        ("LT204", CIFAR10 + "epochs = 320; stage1: input_mixup; " + TUNED),
        ("LT204", CIFAR10 + "epochs = 15; stage1: ce"),
        ("LT204", "epochs = 200; stage1: input_mixup; " + TUNED),  # digits: nothing published
        ("LT205", CIFAR10 + "epochs = 400; stage1: input_mixup; stage2: class_balanced @ 95%"),
        ("LT206", CIFAR10 + "epochs = 400; stage1: manifold_mixup; stage2: cs_ce @ 80%"),
        ("LT206", CIFAR10 + "epochs = 400; stage1: manifold_mixup + balanced_softmax; " + TUNED),
        ("LT207", CIFAR10 + "stage1: balanced_softmax; stage2: class_balanced @ 80%"),
        ("LT207", CIFAR10 + "stage1: ce; stage2: cam_bs + cs_ce @ 80%"),  # LT201 says it better
        ("LT207", CIFAR100 + "stage1: ce; stage2: class_balanced + cb_ce(beta = 0.5) @ 80%"),
        ("LT207", CIFAR10 + "stage1: ce; stage2: class_balanced + cdt @ 80%"),
        ("LT207", CIFAR10 + "stage1: posthoc_logit_adjustment"),
        ("LT207", CIFAR10 + "stage1: ldam; stage2: ldam(beta = 0.9999) @ 80%"),  # DRW
        ("LT207", CIFAR10 + "stage1: ldam; stage2: class_balanced + ldam @ 80%"),  # DRS
        ("LT207", CIFAR10 + "stage1: ce; stage2: influence_balanced @ 50%"),
        ("LT207", CIFAR10 + "stage1: ce; stage2: class_balanced + focal @ 80%"),
        ("LT207", CIFAR10 + "stage1: bbn + input_mixup"),
        ("LT207", CIFAR10 + "stage1: ce; stage2: progressive + logit_adjustment(tau = 0) @ 80%"),
        ("LT207", CIFAR10 + "stage1: ce; stage2: class_balanced + cs_ce(gamma = 0.1) @ 80%"),
        ("LT208", CIFAR10 + "batch_size = 512; optimizer = sgd(lr = 0.4); stage1: ce"),
        ("LT208", CIFAR10 + "batch_size = 512; optimizer = sgd(lr = 0.05); stage1: ce"),
        ("LT208", CIFAR10 + "batch_size = 100; stage1: ce"),
        ("LT208", CIFAR10 + "batch_size = 512; optimizer = adam(lr = 0.1); stage1: ce"),
        (
            "LT208",
            "stage1: ce; stage2: ce @ 80% { batch_size = 8; optimizer = sgd(lr = 0.01) }",
        ),
        ("LT209", CIFAR100 + "stage1: seql"),
        ("LT209", "stage1: seql(lambda = 0.1)"),
        ("LT209", CIFAR100 + "stage1: ce; stage2: cb_ce(beta = 0.9) @ 80%"),
        ("LT209", "stage1: ce"),
        ("LT209", "dataset = digits_lt(imbalance = 1); stage1: ce"),
        ("LT209", "dataset = digits_lt(imbalance = 1); stage1: influence_balanced"),
        ("LT209", "dataset = digits_lt(imbalance = 1); stage1: label_smoothing"),
        ("LT209", "dataset = digits_lt(imbalance = 1); stage1: bbn"),
        ("LT209", "dataset = digits_lt(imbalance = 1); stage1: ldam"),
        ("LT210", CIFAR10 + "stage1: ce; stage2: cb_ce @ 80%"),
        ("LT210", CIFAR100 + "stage1: ce; stage2: cb_ce(beta = 0.98) @ 80%"),
        ("LT210", CIFAR100 + "stage1: ldam; stage2: ldam(beta = 0.9999) @ 80%"),
        ("LT211", CIFAR10 + "epochs = 400; stage1: input_mixup + cs_ce"),
        (
            "LT211",
            "dataset = cifar100_lt(imbalance = 50); epochs = 400; stage1: input_mixup + cs_ce",
        ),
        ("LT211", CIFAR100 + "stage1: class_balanced"),  # LT203 says more
        ("LT211", "epochs = 400; stage1: input_mixup + cs_ce"),  # the benchmarks disagree
        ("LT212", CIFAR10 + "stage1: ce; stage2: class_balanced + crt @ 80% { optimizer = sgd }"),
        ("LT212", CIFAR10 + "optimizer = sgd(weight_decay = 0.005); constraint = max_norm; a: ce"),
        (
            "LT212",  # published with 0.0002
            CIFAR10
            + "epochs = 400; sharpness = sam; a: input_mixup; b: crt @ 80% { optimizer = sgd }",
        ),
        ("LT212", "stage1: input_mixup; stage2: crt @ 80% { optimizer = sgd }"),  # digits
        ("LT213", CIFAR10 + "stage1: ce"),
        ("LT213", CIFAR10 + "epochs = 400; augment = [trivial_augment]; a: ce"),
        ("LT213", CIFAR10 + "augment = [random_crop, cutout]; a: ce"),
        ("LT214", CIFAR10 + "sharpness = sam(rho = 0.1); a: vs"),  # shifts logits, weighs nothing
        ("LT214", CIFAR10 + "sharpness = sam(rho = 0.4); a: ce; b: cs_ce @ 80%"),
        ("LT214", CIFAR10 + "sharpness = sam(rho = 0); a: ce; b: cs_ce @ 80%"),
        ("LT214", "sharpness = sam(rho = 0.1); a: ce; b: cs_ce @ 80%"),
    ],
)
def test_what_a_rule_leaves_alone(code, text):
    assert code not in codes(text)


#: Second corrections at the counts of CIFAR-10-LT-100, and the odds of the rarest class against the largest that both
#: lead to together, by hand: what a balanced draw gives (1), times the loss's weight or shift. The progressive sampler
#: of a second half ends balanced.
TWICE = {
    "class_balanced + cb_ce": 79.0,
    "class_balanced + ldam(beta = 0.9999)": 79.0,
    "class_balanced + focal(cost_sensitive = true)": 100.0,
    "class_balanced + influence_balanced": 100.0,
    "class_balanced + logit_adjustment(tau = 0.5)": 10.0,
    "progressive + cs_ce": 100.0,
    "cam_bs(sampler = progressive) + balanced_softmax": 100.0,
    "square_root + cb_focal": 7.9,
    # an exponential profile reversed is its mirror image, so that both draws together are even
    "bbn + cs_ce": 100.0,
}


@pytest.mark.parametrize("chain", TWICE)
def test_frequencies_are_corrected_twice_by_number(chain):
    text = CIFAR10 + f"stage1: {'ldam' if 'ldam' in chain else 'ce'}; stage2: {chain} @ 50%"
    (problem,) = (p for p in compiled(text).diagnostics if p.code == "LT207")
    together = float(re.search(r"together ([\d.e+]+),", problem.note)[1])
    assert together == pytest.approx(TWICE[chain], rel=0.01)


def test_a_sampler_that_changes_counts_as_it_ends():
    first = CIFAR10 + "stage1: progressive + cs_ce; stage2: ce @ 50%"
    (problem,) = (p for p in compiled(first).diagnostics if p.code == "LT207")
    # half of the draws as they are, half balanced: (0.0020 + 0.05) / (0.2015 + 0.05) = 0.207 in the last epoch
    assert "by `progressive` in its last epoch" in problem.note
    assert "together 20.7," in problem.note


@pytest.mark.parametrize(
    ("text", "message", "instead"),
    [
        ("cdt(gamma = 0)", "`cdt` treats", "`ce` is the same"),
        ("logit_adjustment(tau = 0)", "`logit_adjustment` treats", "`ce` is the same"),
        ("cb_focal(beta = 0)", "`cb_focal` treats", "choose beta"),
        ("posthoc_logit_adjustment(tau = 0)", "`posthoc_logit_adjustment` treats", "leave"),
    ],
)
def test_a_trick_without_strength_has_no_effect(text, message, instead):
    (problem,) = (p for p in compiled(CIFAR10 + f"s: {text}").diagnostics if p.code == "LT209")
    assert problem.message.startswith(message)
    assert instead in problem.help


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("progressive", ""),
        ("focal(cost_sensitive = true)", "`focal` is the same"),
        ("cb_focal", "`focal(gamma = 1)` is the same"),
        ("cdt", "`ce` is the same"),
        ("label_aware_smoothing(over = all)", "`label_smoothing(epsilon = 0.4)` is the same"),
    ],
)
def test_on_balanced_data_a_correction_has_no_effect(text, same):
    found = compiled(f"dataset = digits_lt(imbalance = 1); s: {text}").diagnostics
    (problem,) = (p for p in found if p.code == "LT209")
    assert same in problem.help


def test_every_rule_leaves_something_alone():
    marks = test_what_a_rule_leaves_alone.pytestmark[0].args[1]
    assert {code for code, _ in marks} == set(ADVICE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_matches_its_own_example_and_not_the_better_one(rule):
    bad, good = rule.bad, rule.good
    first = "dataset = cifar10_lt\n" if "dataset" not in bad else ""
    before = "stage1: ce\n" if "stage1" not in bad else ""
    assert rule.code in codes(first + before + bad)
    assert rule.code not in codes(first + before + good)


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_findings_stand_on_the_grounds_that_their_rule_names(path):
    compiled(path.read_text())
    source = Source("recipe.lt", path.read_text())
    unexpected: list = []
    document = load(source, unexpected.append)
    resolved = resolve(document, [], unexpected.append)
    compilation = compile_recipe(source)
    case = Case(compilation.recipe, resolved, compilation.counts)
    for rule in RULES:
        for found in rule.find(case):
            assert {type(basis) for basis in found.basis} <= set(rule.grounds)
            assert isinstance(found.basis[0], rule.grounds[0])


def test_advice_without_a_basis_cannot_be_written():
    span = Span(Source("a", "ce"), 0, 2)
    with pytest.raises(ValueError, match="without a basis"):
        Finding(span, "message", (), "help")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="better arrangement"):
        Finding(span, "message", (Arithmetic("1 + 1"),), "")
    for empty in (
        lambda: Rows(()),
        lambda: Rows(((),)),
        lambda: Quotation("words", ""),
        lambda: Arithmetic("in my opinion"),
    ):
        with pytest.raises(ValueError, match="need"):
            empty()
    with pytest.raises(TypeError, match="grounds"):

        class Opinion(Rule):
            """Says so."""

            code = "LT299"
            title = "opinion"
            bad = "stage1: ce"
            good = "stage1: focal"

            def find(self, case):
                yield from ()


def test_rows_of_different_splits_cannot_be_compared():
    cao, cui = (next(row for row in rows() if row.split == split) for split in ("cao", "cui"))
    with pytest.raises(ValueError, match="never compared"):
        Rows(((cao, cui),))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rules_document_themselves(rule):
    code = ADVICE[rule.code]
    assert severity_of(rule.code) is Severity.ADVICE
    for ground in rule.grounds:
        assert NAMES[ground] in code.explanation
    if Rows in rule.grounds and rule.tricks:
        assert list(rule.rows())


def test_rules_are_about_tricks_of_the_catalogue():
    for rule in RULES:
        assert set(rule.about()) <= TRICKS.keys()


def test_rules_are_in_order_and_have_codes_of_their_own():
    assert [rule.code for rule in RULES] == sorted({rule.code for rule in RULES})
