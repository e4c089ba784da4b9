"""Losses with softened targets."""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ltdsl.catalogue.tricks import Loss


class LabelSmoothing(Loss):
    """Cross entropy with a target that gives every class, the label's included, a small share."""

    name = "label_smoothing"
    formula = "−Σ_c q_c · log p_c, q_c = (1 − epsilon) · [c = y] + epsilon / C"
    citation = (
        "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for "
        "Computer Vision, CVPR 2016, section 7"
    )

    epsilon: float = Field(
        0.1, ge=0, lt=1, description="Share spread evenly over all classes; 0 is plain `ce`."
    )


class LabelOverSmoothing(Loss):
    """Cross entropy with a target that is almost the same for all classes.

    It is for a stage that trains the classifier alone. The label keeps a little more than 1 / C; class counts play no
    part: logits that are small and even leave the tail its room. Published as a second stage on frozen features that
    were trained with strong weight decay.
    """

    name = "label_over_smoothing"
    formula = "−Σ_c q_c · log p_c, q_c = (1 − epsilon) · [c = y] + epsilon / C, epsilon close to 1"
    citation = (
        "Sun, Lu, Li, Xie, Li, Yang, Zhang, Yan: Rethinking Classifier Re-Training in Long-Tailed "
        "Recognition: Label Over-Smooth Can Balance, ICLR 2025; code: bilibili/LOS"
    )

    epsilon: float = Field(
        0.98,
        ge=0.5,
        lt=1,
        description="Share spread evenly over all classes; below 1, so that the label leads.",
    )


class LabelAwareSmoothing(Loss):
    """Cross entropy with a target softened more for labels of larger classes.

    The paper gives the label 1 − ε_y and spreads ε_y over the other classes; the reference spreads it over all,
    the label's included, which `over = all` does. Where all classes are equally large, ε is `head`.
    """

    name = "label_aware_smoothing"
    formula = (
        "−Σ_c q_c · log p_c, q_y = 1 − ε_y, q_c = ε_y / (C − 1) for c ≠ y; with "
        "r = (N_y − N_min) / (N_max − N_min), concave: ε_y = tail + (head − tail) · sin(π·r/2), "
        "linear: tail + (head − tail) · r, convex: head − (head − tail) · cos(π·r/2)"
    )
    citation = (
        "Zhong, Cui, Liu, Jia: Improving Calibration for Long-Tailed Recognition, CVPR 2021, "
        "section 3.2"
    )

    head: float = Field(0.4, ge=0, lt=1, description="ε of the largest class.")
    tail: float = Field(0.1, ge=0, lt=1, description="ε of the smallest class.")
    shape: Literal["concave", "linear", "convex"] = Field(
        "concave", description="How ε falls from head to tail as classes get smaller."
    )
    over: Literal["others", "all"] = Field(
        "others", description="Spread ε over the other classes, or over all as the reference does."
    )

    def smoothing(self, counts: Sequence[int]) -> tuple[float, ...]:
        """ε_c of each class."""
        low, high = min(counts), max(counts)
        return tuple(
            self._epsilon((count - low) / (high - low) if high > low else 1.0) for count in counts
        )

    def spread(self, counts: Sequence[int]) -> float:
        """By how much the probabilities differ that labels are to get."""
        kept = [1 - epsilon for epsilon in self.smoothing(counts)]
        return max(kept) / min(kept)

    def without_counts(self) -> Loss | None:
        """`label_smoothing` by `head`, where ε is spread over all classes as there."""
        return LabelSmoothing.model_construct(epsilon=self.head) if self.over == "all" else None

    def _epsilon(self, size: float) -> float:
        """ε of a class by its relative size, 0 for the smallest and 1 for the largest."""
        span = self.head - self.tail
        if self.shape == "concave":
            return self.tail + span * math.sin(math.pi / 2 * size)
        if self.shape == "linear":
            return self.tail + span * size
        return self.head - span * math.cos(math.pi / 2 * size)
