"""The kinds of trick and what each kind can be asked, about itself and about class counts.

A stage has at most one trick of a kind. Formulas that need only class counts live on the declarations, in plain
Python floats, so that ``ltdsl plan`` and the runtime share them and ``ltdsl check`` stays light.

Whatever checks and advice must know of a trick is asked here, and computed where it can be: no other place lists
tricks by name. Each question has an answer that fits a trick which does nothing of the kind.
"""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from ltdsl.catalogue.entry import Entry, Text


class Idle(NamedTuple):
    """Why a trick changes nothing for the class counts at hand.

    Attributes:
        message: What is the case, one sentence without a full stop.
        why: The numbers.
        help: What to do instead.
    """

    message: str
    why: str
    help: str


class Trick(Entry):
    """A trick of a stage.

    Class attributes:
        needs_weights: True where it starts from trained weights, so that it cannot stand in a first stage without
            ``init``.
    """

    kind = "trick"
    needs_weights: ClassVar[bool] = False

    def pulls(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...] | None:
        """How much it favours each class: what it multiplies the odds of a class by, up to a common factor.

        A model of a softmax is at its optimum where the odds of two classes are those of N_c, times these factors,
        times what the image says. So all corrections of class frequencies can be compared, and multiplied.

        Args:
            counts: Training images N_c of each class, all positive.
            passed: The share of its time that has passed, for a sampler that changes with time.

        Returns:
            One positive factor a class; None where it corrects no class frequencies.
        """
        del counts, passed
        return None


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

    def pulls(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """The share of the draws over the share of the images."""
        shares = self.class_shares(counts, passed)
        return tuple(share / count for share, count in zip(shares, counts, strict=True))


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

    @property
    def mixed_layer(self) -> str | None:
        """The hidden layer whose features it mixes; None where it mixes images."""
        return None


class Classifier(Trick):
    """Trains the classifier alone, everything before it frozen; or holds it, and trains everything before it.

    Class attributes:
        holds: True where it sets the classifier as a stage starts, and trains all but it.
        draws_anew: True where the classifier starts from fresh weights, so that it needs none that are trained.
        adds_factors: True where it learns a factor for each class, which the network keeps from then on.
    """

    kind = "classifier"
    needs_weights = True
    holds: ClassVar[bool] = False
    draws_anew: ClassVar[bool] = False
    adds_factors: ClassVar[bool] = False

    statistics: Literal["frozen", "running"] = Field(
        "frozen",
        description="Batch norms before the classifier: frozen as well, or running on, as in the reference "
        "implementation.",
    )

    def least_features(self, classes: int) -> int:
        """How many features the classifier must have for so many classes."""
        del classes
        return 1


class Teacher(Trick):
    """Adds a teacher network's predictions to what is learned."""

    kind = "teacher"

    teacher: Text = Field(
        min_length=1,
        description="Checkpoint of a model like the recipe's, a path within the recipe's folder.",
    )


class Posthoc(Trick):
    """Acts on the logits in evaluation, after a last stage that it stands in.

    Class attributes:
        sets_norms: True where it changes the lengths of class weights, which nothing else may have set.
        is_fitted: True where it is fitted to the softmax of the validation part, so that it needs both.
    """

    kind = "posthoc"
    sets_norms: ClassVar[bool] = False
    is_fitted: ClassVar[bool] = False

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...] | None:
        """What is taken from each class's logit, or None where it shifts none.

        Args:
            counts: Training images N_c of each class, all positive.
        """
        del counts
        return None

    def pulls(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...] | None:
        """exp(−offset), the largest class's as it is to the others."""
        del passed
        return _shifted(self.logit_offsets(counts))


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

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...] | None:
        """What is added to each class's logit in training only, or None where nothing is.

        Args:
            counts: Training images N_c of each class, all positive.
        """
        del counts
        return None

    def pulls(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...] | None:
        """w_c · exp(−offset): a class whose logit is lowered in training has to be predicted by a larger one."""
        del passed
        weights, shifts = self.class_weights(counts), _shifted(self.logit_offsets(counts))
        if weights and shifts:
            return tuple(w * s for w, s in zip(weights, shifts, strict=True))
        return weights or shifts

    def spread(self, counts: Sequence[int]) -> float:
        """The largest factor by which it treats two classes differently; 1 where it treats all alike.

        A loss that uses the class counts in another way than by weights and offsets says so here.

        Args:
            counts: Training images N_c of each class, all positive.
        """
        pulls = self.pulls(counts)
        return max(pulls) / min(pulls) if pulls else 1.0

    def without_counts(self) -> "Loss | None":
        """The loss that it is where all classes are equally large: itself, unless it uses the class counts.

        None where the catalogue has no such loss.
        """
        return self

    def levels_off(self) -> float | None:
        """Images of a class from which on more of them hardly change its weight; None where there is no such number."""
        return None

    def idle(self, counts: Sequence[int]) -> Idle | None:
        """Why it changes nothing for these class counts, where :meth:`spread` does not say it all.

        Args:
            counts: Training images N_c of each class, all positive.
        """
        del counts
        return None


def _shifted(offsets: Sequence[float] | None) -> tuple[float, ...] | None:
    """exp(−offset), from 1 up."""
    if offsets is None:
        return None
    highest = max(offsets)
    return tuple(math.exp(highest - offset) for offset in offsets)


#: All kinds, in the order in which tables and messages name them.
KINDS: tuple[type[Trick], ...] = (Sampler, Mixer, Loss, Classifier, Teacher, Posthoc)
