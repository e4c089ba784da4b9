"""The kinds of trick and what each kind can be asked about class counts.

A stage has at most one trick of a kind. Formulas that need only class counts live on the declarations, in plain
Python floats, so that ``ltdsl plan`` and the runtime share them and ``ltdsl check`` stays light.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ltdsl.catalogue.entry import Entry


class Trick(Entry):
    """A trick of a stage."""

    kind = "trick"

    #: True where it starts from trained weights, so that it cannot stand in a first stage without ``init``.
    needs_weights: ClassVar[bool] = False


class Sampler(Trick):
    """Decides which images an epoch draws, and whether a drawn image is transformed."""

    kind = "sampler"

    def class_shares(self, counts: Sequence[int]) -> tuple[float, ...]:
        """Expected share of each class among an epoch's draws; sums to 1.

        Args:
            counts: Training images N_c of each class, all positive.
        """
        raise NotImplementedError

    def draws(self, counts: Sequence[int]) -> int:
        """Images drawn in an epoch, before the remainder of the last batch is dropped."""
        return sum(counts)


class PlainSampler(Sampler):
    """A sampler that draws images and leaves them as they are."""


class Mixer(Trick):
    """Mixes the images of a batch, and their labels with them."""

    kind = "mixer"


class Loss(Trick):
    """Maps logits and labels to a loss and a weight for each sample.

    Class attributes:
        confidence: What turns logits into the probability of a prediction, in evaluation after a last stage with it.
        classifier: The classifier it needs; None where both kinds make sense.
    """

    kind = "loss"
    confidence: ClassVar[Literal["softmax", "sigmoid"]] = "softmax"
    classifier: ClassVar[Literal["linear", "cosine"] | None] = None

    @property
    def logit_scale(self) -> float | None:
        """The scale of the cosine classifier's logits that it asks for; None where it asks for none."""
        return None

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...] | None:
        """The weight w_c of each class, or None where all samples weigh the same.

        Args:
            counts: Training images N_c of each class, all positive.
        """
        del counts
        return None


#: All kinds, in the order in which tables and messages name them.
KINDS: tuple[type[Trick], ...] = (Sampler, Mixer, Loss)
