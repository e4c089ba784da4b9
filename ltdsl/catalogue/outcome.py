"""Declarations of what becomes of trained weights: averages over steps, and confidence."""

from __future__ import annotations

from pydantic import Field

from ltdsl.catalogue.entry import Entry


class Average(Entry):
    """Weights that follow those that are trained, and are evaluated and kept in their place."""

    kind = "average"


class ExponentialAverage(Average):
    """An exponential average over steps of all weights, batch norms' statistics included.

    It is evaluated, chosen by, exported and handed on by `handoff = best`, and nothing is trained by it. It begins at
    the weights as they are where an optimizer starts, with a smaller decay in the first steps, so that it forgets them.
    With decay 0 a stage does without.
    """

    name = "ema"
    formula = (
        "a ← a + (1 − d) · (w − a) after each step, d = min(decay, (1 + n) / (10 + n)) in the n-th"
    )
    citation = (
        "Polyak, Juditsky: Acceleration of Stochastic Approximation by Averaging, SIAM Journal on Control and "
        "Optimization 1992; the decay of the first steps: TensorFlow, tf.train.ExponentialMovingAverage"
    )

    decay: float = Field(0.999, ge=0, lt=1, description="Share of the average kept in a step.")


class Calibration(Entry):
    """What makes confidence how often a prediction is right; errors stay as they are."""

    kind = "calibration"


class Temperature(Calibration):
    """Logits are divided by a temperature, after a posthoc trick where there is one.

    It is the one of the smallest cross entropy on the validation part, fitted at the end of a run, to the last and to
    the best weights. The validation part is as long-tailed as the training images, and so is the confidence.
    """

    name = "temperature"
    formula = (
        "softmax(z / T), T that of the smallest mean −log softmax(z / T)_y on the validation part"
    )
    citation = "Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, equation 9"
