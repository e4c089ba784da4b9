"""Declarations of the mixers."""

from typing import Literal

from pydantic import Field

from ltdsl.catalogue.tricks import Mixer


class InputMixup(Mixer):
    """Each image is blended with another of its batch, and so are their losses."""

    name = "input_mixup"
    formula = (
        "x = λ·x_a + (1 − λ)·x_b, L = λ·L(a) + (1 − λ)·L(b), λ ~ Beta(alpha, alpha), one λ a batch"
    )
    citation = (
        "Zhang, Cisse, Dauphin, Lopez-Paz: mixup: Beyond Empirical Risk Minimization, ICLR 2018"
    )

    alpha: float = Field(
        1.0, gt=0, le=100, description="Both parameters of λ's Beta distribution; 1 is uniform."
    )


class ManifoldMixup(Mixer):
    """Mixup of a hidden layer's features instead of the images."""

    name = "manifold_mixup"
    formula = (
        "h = λ·h_a + (1 − λ)·h_b at `layer`, L = λ·L(a) + (1 − λ)·L(b), λ ~ Beta(alpha, alpha)"
    )
    citation = (
        "Verma, Lamb, Beckham, Najafi, Mitliagkas, Lopez-Paz, Bengio: Manifold Mixup: Better "
        "Representations by Interpolating Hidden States, ICML 2019"
    )
    mixes_hidden = True

    alpha: float = Field(
        1.0, gt=0, le=100, description="Both parameters of λ's Beta distribution; 1 is uniform."
    )
    layer: Literal["layer1", "layer2", "layer3", "layer4", "pool", "fc"] = Field(
        "pool", description="Whose output is mixed; `fc` mixes the logits."
    )

    @property
    def mixed_layer(self) -> str:
        """`layer`."""
        return self.layer


class Remix(Mixer):
    """Mixup whose labels lean to the rarer of two classes."""

    name = "remix"
    formula = (
        "images as in input_mixup; the label's share λ_y = 0 where N_a / N_b ≥ kappa and λ < tau, "
        "1 where N_a / N_b ≤ 1 / kappa and 1 − λ < tau, else λ"
    )
    citation = (
        "Chou, Chang, Pan, Wei, Juan: Remix: Rebalanced Mixup, ECCV 2020 workshops, equation 10"
    )

    alpha: float = Field(
        1.0, gt=0, le=100, description="Both parameters of λ's Beta distribution; 1 is uniform."
    )
    kappa: float = Field(
        3.0, ge=1, description="Ratio of counts from which a class counts as rarer."
    )
    tau: float = Field(
        0.5, ge=0, le=1, description="Share below which the more frequent class gives way."
    )


class CutMix(Mixer):
    """A rectangle of each image is replaced by that of another."""

    name = "cutmix"
    formula = (
        "a box of area 1 − λ, centred uniformly and cut at the borders, comes from x_b; "
        "L = s·L(a) + (1 − s)·L(b), s the share of pixels that stay; λ ~ Beta(alpha, alpha)"
    )
    citation = (
        "Yun, Han, Oh, Chun, Choe, Yoo: CutMix: Regularization Strategy to Train Strong "
        "Classifiers with Localizable Features, ICCV 2019"
    )

    alpha: float = Field(
        1.0, gt=0, le=100, description="Both parameters of λ's Beta distribution; 1 is uniform."
    )


class ContextRichMinority(Mixer):
    """CutMix that pastes patches of rare classes onto images as they are drawn.

    The patch's image is drawn by P(c) ∝ 1 / N_c, as the paper writes. (Its authors' code weighs each image by 1 / N_c,
    which makes the classes equally frequent.)
    """

    name = "cmo"
    formula = "as cutmix, the patch from an image drawn by P(c) ∝ 1 / N_c; a batch is mixed with `probability`"
    citation = (
        "Park, Hong, Heo, Yun, Choi: The Majority Can Help the Minority: Context-rich Minority "
        "Oversampling for Long-tailed Classification, CVPR 2022"
    )
    has_partner = True

    alpha: float = Field(
        1.0, gt=0, le=100, description="Both parameters of λ's Beta distribution; 1 is uniform."
    )
    probability: float = Field(0.5, gt=0, le=1, description="Share of batches that are mixed.")
