"""The kinds of trick and what each kind can be asked about class counts.

A stage has at most one trick of a kind. Formulas that need only class counts live on the declarations, in plain
Python floats, so that ``ltdsl plan`` and the runtime share them and ``ltdsl check`` stays light.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ltdsl.catalogue.entry import Entry, Text


class Trick(Entry):
    """A trick of a stage."""

    kind = "trick"

    #: True where it starts from trained weights, so that it cannot stand in a first stage without ``init``.
    needs_weights: ClassVar[bool] = False


class Sampler(Trick):
    """Decides which images an epoch draws, and whether a drawn image is transformed.

    Class attributes:
        has_partner: True where it draws a second image for each, which the mixer takes as the other one.
    """

    kind = "sampler"
    has_partner: ClassVar[bool] = False

    def drawn_by(self) -> "Sampler":
        """The sampler that decides which images are drawn: itself, unless it changes those of another."""
        return self

    def passed(self, epoch: int, start: int, end: int, epochs: int) -> float:
        """The share t/T of its time that has passed, for samplers that change with time.

        Args:
            epoch: Epochs of the run completed before this one.
            start: First epoch of the stage.
            end: The epoch after its last.
            epochs: Epochs of the run.
        """
        del epoch, start, end, epochs
        return 1.0

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """Expected share of each class among an epoch's draws; sums to 1.

        Args:
            counts: Training images N_c of each class, all positive.
            passed: What :meth:`passed` gives for the epoch.
        """
        raise NotImplementedError

    def draws(self, counts: Sequence[int]) -> int:
        """Images drawn in an epoch, before the remainder of the last batch is dropped."""
        return sum(counts)


class PlainSampler(Sampler):
    """A sampler that draws images and leaves them as they are."""


class Mixer(Trick):
    """Mixes the images of a batch, and their labels with them.

    Class attributes:
        has_partner: True where it draws the other image of each pair itself.
        mixes_hidden: True where it mixes a hidden layer's features instead of images.
    """

    kind = "mixer"
    has_partner: ClassVar[bool] = False
    mixes_hidden: ClassVar[bool] = False


class Classifier(Trick):
    """Trains the classifier alone; everything before it is frozen."""

    kind = "classifier"
    needs_weights = True

    statistics: Literal["frozen", "running"] = Field(
        "frozen",
        description="Batch norms before the classifier: frozen as well, or running on, as in the reference "
        "implementation.",
    )


class Teacher(Trick):
    """Adds a teacher network's predictions to what is learned."""

    kind = "teacher"

    teacher: Text = Field(
        min_length=1,
        description="Checkpoint of a model like the recipe's, a path within the recipe's folder.",
    )


class Posthoc(Trick):
    """Acts on the logits in evaluation, after a last stage that it stands in."""

    kind = "posthoc"


class Loss(Trick):
    """Maps logits and labels to a loss and a weight for each sample.

    Class attributes:
        confidence: What turns logits into the probability of a prediction, in evaluation of an epoch trained with it.
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
KINDS: tuple[type[Trick], ...] = (Sampler, Mixer, Loss, Classifier, Teacher, Posthoc)
