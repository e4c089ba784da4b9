"""All rules, in the order of their codes."""

from __future__ import annotations

from ltdsl.advice.batch import RateNotScaled
from ltdsl.advice.counts import InverseFrequency, NoEffect
from ltdsl.advice.cs_ce_with_cam_bs import CsCeWithCamBs
from ltdsl.advice.deferral import ResamplingFromTheStart, ReweightingFromTheStart
from ltdsl.advice.manifold_mixup import ManifoldMixupWithCsCe
from ltdsl.advice.mixup import MixupTooShort, MixupWithoutFineTuning
from ltdsl.advice.rule import Rule
from ltdsl.advice.strong import AugmentedTooShort, SharpnessOfReweighting, WeightDecay
from ltdsl.advice.twice import CorrectedTwice
from ltdsl.advice.worse import BetterWithout

RULES: tuple[Rule, ...] = (
    CsCeWithCamBs(),
    ReweightingFromTheStart(),
    ResamplingFromTheStart(),
    MixupTooShort(),
    MixupWithoutFineTuning(),
    ManifoldMixupWithCsCe(),
    CorrectedTwice(),
    RateNotScaled(),
    NoEffect(),
    InverseFrequency(),
    BetterWithout(),
    WeightDecay(),
    AugmentedTooShort(),
    SharpnessOfReweighting(),
)
