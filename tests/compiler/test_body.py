"""Settings about what comes before the classifier: what stages take of them, and what is refused."""

from __future__ import annotations

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

OWN = "{ optimizer = sgd(lr = 0.01) }"


def compiled(text: str):
    return compile_recipe(Source("recipe.lt", text))


def told(text: str) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in compiled(text).diagnostics if d.code in CODES]


CODES = ("LT119", "LT125", "LT140")


def test_a_stage_may_have_its_own_and_starts_no_optimizer():
    run = compiled(
        "epochs = 9; body_lr = 0.1; a: ce { body = frozen }; b: ce @ epoch 3; "
        "c: ce @ epoch 6 { body_lr = 1.0; batch_norm = frozen }"
    ).plan
    assert [s.body for s in run.stages] == ["frozen", "trained", "trained"]
    assert [s.body_lr for s in run.stages] == [1.0, 0.1, 1.0]
    assert [s.batch_norm for s in run.stages] == ["running", "running", "frozen"]
    assert [s.fresh_optimizer for s in run.stages] == [True, False, False]
    assert [s.body_is_frozen for s in run.stages] == [True, False, False]


def test_at_their_defaults_the_plan_is_the_same():
    plain = compiled("epochs = 4; a: ce").plan
    said = compiled("epochs = 4; body = trained; body_lr = 1.0; batch_norm = running; a: ce").plan
    assert said.digest() == plain.digest()
    assert compiled("epochs = 4; body_lr = 0.1; a: ce").plan.digest() != plain.digest()


def test_a_classifier_trick_decides_for_itself():
    run = compiled(
        f"epochs = 4; body_lr = 0.1; a: ce; b: crt @ epoch 2 {OWN}; c: crt(statistics = running) @ epoch 3 {OWN}"
    ).plan
    assert [s.body_is_frozen for s in run.stages] == [False, True, False]
    assert [s.body_lr for s in run.stages] == [0.1, 1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("body = frozen; body_lr = 0.1; a: ce", "LT140", "the body is frozen"),
        ("body = frozen; batch_norm = frozen; a: ce", "LT140", "the body is frozen"),
        ("a: ce; b: crt @ 50% { optimizer = sgd; body_lr = 0.1 }", "LT140", "`crt` trains"),
        ("a: ce { body = frozen; body_lr = 0.1 }", "LT140", "the body is frozen"),
        ("views = 2; a: ce", "LT140", "the body is trained"),
        ("views = 2; augment = []; body = frozen; a: ce", "LT140", "have one view"),
        (
            "body = frozen; a: ce; b: crt(statistics = running) @ 50% { optimizer = sgd }",
            "LT119",
            "moves the statistics",
        ),
        ("optimizer = adam; a: ce { body = frozen }; b: ce @ 50%", "LT125", "cannot take it in"),
    ],
)
def test_what_can_do_nothing_or_cannot_be_done_is_told(text, code, words):
    found = told(f"epochs = 4; {text}")
    assert [each for each, _ in found] == [code], found
    assert words in found[0][1]


@pytest.mark.parametrize(
    "text",
    [
        "optimizer = sgd; a: ce { body = frozen }; b: ce @ 50%",
        "optimizer = adam; a: ce; b: ce @ 50% { body = frozen }",
        "optimizer = adam; a: ce { body = frozen }; b: ce @ 50% { optimizer = adam(lr = 0.001) }",
        "body = frozen; views = 2; a: ce",
        "views = 2; a: ce; b: crt @ 50% { optimizer = sgd }",
    ],
)
def test_what_can_be_done_is_not(text):
    assert told(f"epochs = 4; {text}") == []


def test_the_plan_says_what_differs_from_the_default():
    from ltdsl.display.stages import stage_facts

    run = compiled("epochs = 4; body_lr = 0.1; a: ce { body = frozen }; b: ce @ epoch 2").plan
    facts = [stage_facts(run, stage) for stage in run.stages]
    assert [each["body"] for each in facts] == ["frozen", "trained"]
    assert [each["body_lr"] for each in facts] == ["1.0", "0.1"]
    assert "views" not in facts[0]


def test_images_are_as_large_as_published_weights_want_them(monkeypatch):
    from ltdsl.catalogue.models import EfficientNetLite0
    from ltdsl.display.stages import headline

    text = "dataset = image_folder{}; model = efficientnet_lite0; init = {}; epochs = 4; a: ce"
    published = EfficientNetLite0.published._replace(size=192, mean=(0.4, 0.5, 0.6))
    monkeypatch.setattr(EfficientNetLite0, "published", published)
    run = compiled(text.format("", "pretrained")).plan
    assert run.dataset.size == 192
    assert "mean 0.4, 0.5, 0.6, std 0.502" in headline(run)[1]
    assert compiled(text.format("(size = 96)", "pretrained")).plan.dataset.size == 96
    other = compiled(text.format("(holdout = 0.3)", '"weights.ckpt"')).plan
    assert other.dataset.size == 224
    assert "normalised" not in headline(other)[1]


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("body = frozen; a: ce", ["a"]),
        ("a: ce { body = frozen }; b: ce @ 50%", ["a"]),
        ("a: ce; b: ce @ 50% { body = frozen }", []),
        ('body = frozen; init = "w.ckpt"; a: ce', []),
        ("a: ce; b: crt @ 50% { optimizer = sgd }", []),
    ],
)
def test_features_that_nothing_has_trained_are_told_of(text, stages):
    found = [d for d in compiled(f"epochs = 4; {text}").diagnostics if d.code == "LT144"]
    assert [d.message.split("`")[1] for d in found] == stages
