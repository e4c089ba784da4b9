"""Declarations of the mixers."""

from __future__ import annotations

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
