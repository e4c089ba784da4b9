"""`ltdsl tricks --test NAME` of an augmentation: ours pass, and each fault of another's is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ltdsl_runtime.data.augment import AUGMENTATIONS
from ltdsl_runtime.use.outcome import FailedError
from ltdsl_runtime.use.trial import Trial

from ltdsl.catalogue import AUGMENTS, Augment
from ltdsl.cli.commands.explain import _plan_of
from ltdsl.display.console import Console


def changes(entry: type[Augment]) -> str:
    return Trial(entry, Path(), _plan_of, Console(quiet=True))._augments()


@pytest.mark.parametrize("name", AUGMENTS)
def test_ours_pass(name):
    assert changes(AUGMENTS[name]).startswith("a function of what was drawn")


class Invert(Augment):
    """Inverts an image, or not."""

    name = "invert_some"


class Right:
    def draw(self, rng, count):
        return rng.integers(0, 2, count)

    def apply(self, images, parameters):
        return np.where(parameters.astype(bool)[:, None, None, None], 255 - images, images)


class InPlace(Right):
    def apply(self, images, parameters):
        images[:] = 255 - images
        return images


class DrawsItself(Right):
    rng = np.random.default_rng(0)

    def apply(self, images, parameters):
        return super().apply(images, self.draw(self.rng, len(images)))


class OtherType(Right):
    def apply(self, images, parameters):
        return super().apply(images, parameters) / 255


class OfTheBatch(Right):
    def apply(self, images, parameters):
        return images - images.min()


class TooFew(Right):
    def draw(self, rng, count):
        return rng.integers(0, 2, count - 1)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (InPlace, "changes the images that it is given"),
        (DrawsItself, "another image each time"),
        (OtherType, "keep type and shape"),
        (OfTheBatch, "depends on the others"),
        (TooFew, "no row for each image"),
    ],
)
def test_a_fault_is_found(monkeypatch, made, said):
    monkeypatch.setitem(AUGMENTS, Invert.name, Invert)
    monkeypatch.setitem(AUGMENTATIONS, Invert.name, Right)
    assert changes(Invert)
    monkeypatch.setitem(AUGMENTATIONS, Invert.name, made)
    with pytest.raises(FailedError, match=said):
        changes(Invert)
