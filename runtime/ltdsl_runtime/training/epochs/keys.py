"""All that the numbers of a run's first epochs depend on, as facts that name an entry of the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltdsl import prefix
from ltdsl.wording import counted
from ltdsl_runtime.weights.digests import content_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ltdsl.plan import Plan
    from ltdsl.runs.facts import Facts

#: Entries of run.json that say what computed.
COMPUTED_BY = ("versions", "device", "kernels", "compiler", "workers", "split_classes")


@dataclass(frozen=True)
class StageKeys:
    """The facts of a run's first epochs, for each number of them.

    Attributes:
        plan: The run.
        fingerprint: Of its images, by part.
        classes: Their names.
        files: What stands for the checkpoints that the recipe names; see :func:`named_files`.
        computed_by: What computes, and where.
    """

    plan: Plan
    fingerprint: Mapping[str, str]
    classes: Sequence[str]
    files: Mapping[str, str]
    computed_by: Mapping[str, Any]

    def weights(self, epochs: int) -> dict[str, Any]:
        """What the weights after so many epochs depend on."""
        plan = self.plan
        facts = prefix.reaching_weights(plan, epochs, self.files)
        return {
            "what": _words(plan, epochs),
            "epochs": epochs,
            "plan": facts,
            "data": {
                "train": self.fingerprint.get("train"),
                "classes": list(self.classes),
                **(self._measured_on if "chosen" in facts else {}),
            },
            "computed_by": dict(self.computed_by),
        }

    def records(self, epochs: int) -> dict[str, Any]:
        """What the records and the best weights of so many epochs depend on."""
        facts = self.weights(epochs)
        facts["data"] |= self._measured_on
        return {**facts, "evaluation": prefix.reaching_records(self.plan, epochs)}

    @property
    def _measured_on(self) -> dict[str, Any]:
        posthoc = self.plan.stages[-1].posthoc
        parts = {self.plan.best_on or "test"}
        if posthoc is not None and posthoc.is_fitted:
            parts.add("validation")  # what it is fitted on
        return {part: self.fingerprint.get(part) for part in sorted(parts)}


def computed_by(facts: Facts, machine: Mapping[str, Any]) -> dict[str, Any]:
    """What computed a run, on a machine."""
    known = facts.as_data()
    return {**{name: known[name] for name in COMPUTED_BY if name in known}, **machine}


def named_files(plan: Plan, root: Path) -> dict[str, str]:
    """What stands for each checkpoint that a recipe names: the digest of its content.

    Args:
        plan: The run.
        root: Folder that they are relative to.

    Raises:
        OSError: One of them cannot be read.
    """
    names = prefix.files_within(plan, plan.epochs)
    return {name: content_digest(root / name) for name in names}


def _words(plan: Plan, epochs: int) -> str:
    """What the epochs are, for people."""
    chains = []
    for stage in prefix.stages_within(plan, epochs):
        tricks = (stage.sampler, stage.mixer, stage.loss, stage.classifier, stage.teacher)
        chains.append(" + ".join(trick.name for trick in tricks if trick is not None))
    return f"{counted(epochs, 'epoch')} of {plan.dataset}, {plan.model}, seed {plan.seed}: {'; '.join(chains)}"
