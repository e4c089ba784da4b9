"""Which classifier a recipe's losses ask for, and what cannot be had together."""

from __future__ import annotations

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source


def compiled(text: str):
    return compile_recipe(Source("recipe.lt", text))


@pytest.mark.parametrize(
    ("stages", "classifier", "scale"),
    [
        ("a: ce", "linear", None),
        ("a: focal; b: influence_balanced @ 50%", "linear", None),
        ("a: ldam; b: ldam(beta = 0.9999) @ 80%", "cosine", 30.0),
        # the first stage trains the classifier that the second one needs
        ("a: ce; b: ldam(s = 16) @ 80%", "cosine", 16.0),
        ("a: ldam; b: balanced_softmax @ 50%; c: seql(lambda = 5%) @ 80%", "cosine", 30.0),
    ],
)
def test_the_classifier_is_that_of_the_whole_run(stages, classifier, scale):
    result = compiled(stages)
    assert not result.failed
    assert (result.plan.classifier, result.plan.logit_scale) == (classifier, scale)


@pytest.mark.parametrize(
    ("stages", "places"),
    [
        ("a: ldam\nb: focal @ 50%", [2]),
        ("a: cb_focal\nb: ldam @ 50%", [1]),
        ("a: ldam\nb: influence_balanced @ 50%", [2]),
        ("a: ldam\nb: ldam(s = 20) @ 40%\nc: ldam(s = 25) @ 60%", [2, 3]),
        ("a: ldam\nb: ldam(s = 30.0, margin = 0.4) @ 50%", []),
    ],
)
def test_losses_that_need_different_classifiers_are_refused(stages, places):
    problems = [p for p in compiled(stages).diagnostics if p.code == "LT119"]
    assert [problem.span.line for problem in problems] == places
