"""Declarations of classifier re-training, teachers and post-hoc corrections."""

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ltdsl.catalogue.entry import Added
from ltdsl.catalogue.tricks import Classifier, Posthoc, Teacher

_DECOUPLING = (
    "Kang, Xie, Rohrbach, Yan, Gordo, Feng, Kalantidis: Decoupling Representation and "
    "Classifier for Long-Tailed Recognition, ICLR 2020"
)


class ClassifierRetraining(Classifier):
    """The classifier is drawn anew and trained alone, usually with `class_balanced` sampling.

    Everything before it is frozen.
    """

    name = "crt"
    citation = _DECOUPLING
    draws_anew = True


class LearnableWeightScaling(Classifier):
    """One factor a class is learned on top of the classifier; everything else is frozen.

    The factor scales the whole logit, bias included, as in the reference implementation.
    """

    name = "lws"
    formula = "z_c = f_c · (w_c · h + b_c), f_c learned from 1"
    citation = _DECOUPLING
    adds_factors = True


class SimplexFrame(Classifier):
    """Class weights are set to a simplex equiangular tight frame and stay there; everything before them is trained.

    All pairs of classes are equally far apart, however rare: what balanced training ends in, and a long tail prevents.
    The frame is turned at random, by the run's seed; biases are 0. Features are those of the model, which a ReLU has
    kept from being negative; the authors' code has a batch norm and a normalisation after it, and the dot-regression
    loss, which are not here.
    """

    name = "simplex_etf"
    formula = "W = length · √(C / (C − 1)) · U (I − 1 1ᵀ / C), UᵀU = I: w_c · w_d = −length² / (C − 1) for c ≠ d"
    citation = (
        "Yang, Chen, Li, Xie, Lin, Tao: Inducing Neural Collapse in Imbalanced Learning: Do We Really Need a Learnable "
        "Classifier at the End of Deep Neural Network?, NeurIPS 2022, definition 1; code: "
        "NeuralCollapseApplications/ImbalancedLearning"
    )
    needs_weights = False
    draws_anew = True
    holds = True
    statistics: ClassVar[Literal["running"]] = "running"  # type: ignore[misc]

    length: float = Field(1.0, gt=0, le=1000, description="Length of the weights of each class.")

    def least_features(self, classes: int) -> int:
        """A simplex of C corners has C − 1 dimensions."""
        return classes - 1


class Distillation(Teacher):
    """Distils a teacher's predictions, which share examples between head and tail classes.

    The published runs used temperature 2 and power 0.5, over `balanced_softmax`.
    """

    name = "dive"
    formula = (
        "L = (1 − alpha)·L_loss + alpha·T²·KL(t ‖ softmax(z / T)), "
        "t ∝ softmax(z_teacher / T)^power, T the temperature; KL as its mean over the batch"
    )
    citation = "He, Wu, Wei: Distilling Virtual Examples for Long-tailed Recognition, ICCV 2021"

    temperature: float = Field(3.0, gt=0, le=100, description="T; softens both predictions.")
    alpha: float = Field(0.5, ge=0, le=1, description="Share of the teacher in the loss.")
    power: float = Field(1.0, gt=0, le=1, description="Flattens the teacher below 1.")


class TauNormalisation(Posthoc):
    """Class weights are divided by a power of their norms.

    The paper drops the bias; the reference implementation, whose rows are published, keeps it as it is.
    """

    name = "tau_norm"
    formula = "z_c = (w_c / ‖w_c‖^tau) · h + b_c; without b_c where it is dropped"
    citation = _DECOUPLING
    sets_norms = True

    tau: float = Field(1.0, ge=0, le=10, description="0 changes no norm, 1 makes all norms 1.")
    bias: Annotated[Literal["kept", "dropped"], Added("0.2")] = Field(
        "kept",
        description="Whether logits keep the classifier's bias, or go without as in the paper.",
    )


class PosthocLogitAdjustment(Posthoc):
    """Logits are lowered by the log of the class frequencies."""

    name = "posthoc_logit_adjustment"
    formula = "z_c − tau · log(N_c / N)"
    citation = (
        "Menon, Jayasumana, Rawat, Jain, Veit, Kumar: Long-Tail Learning via Logit Adjustment, "
        "ICLR 2021, equation 9"
    )

    tau: float = Field(1.0, ge=0, le=10, description="Strength; 1 corrects the prior once.")

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...]:
        """What is taken from each class's logit: tau · log(N_c / N)."""
        total = sum(counts)
        return tuple(self.tau * math.log(count / total) for count in counts)


class Prior2Posterior(Posthoc):
    """Logits are lowered by the log of the prior that the model has learned: its mean prediction.

    The class frequencies are what a model should take for granted, and sampling, re-weighting or mixing leave it with
    something else. What it does take is measured, so this also corrects what `balanced_softmax` and its like have left.
    Measured on the validation part, which is as long-tailed as the training images and which the model has not learned
    by heart; no labels are used. The authors' code is not public, and their abstract, which this follows, does not say
    which images they take.
    """

    name = "prior2posterior"
    formula = "z_c − tau · log(mean over the validation images of softmax(z)_c)"
    citation = (
        "Bhat, More, Soni, Agrawal: Prior2Posterior: Model Prior Correction for Long-Tailed Learning, "
        "WACV 2025, abstract"
    )
    is_fitted = True

    tau: float = Field(1.0, ge=0, le=10, description="Strength; 1 corrects the prior once.")
