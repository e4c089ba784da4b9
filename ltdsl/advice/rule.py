"""What a rule is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import getdoc
from typing import TYPE_CHECKING, ClassVar

from ltdsl.advice.basis import NAMES, Basis

if TYPE_CHECKING:
    from ltdsl.advice.case import Case
    from ltdsl.diagnostics import Edit, Label
    from ltdsl.evidence import Row
    from ltdsl.source import Span


@dataclass(frozen=True)
class Finding:
    """What a rule found in a recipe.

    Attributes:
        span: The place.
        message: One sentence without a full stop.
        basis: What it stands on; never nothing.
        help: The better arrangement.
        label: A few words beside the carets.
        others: Further places that matter.
        edit: A replacement that makes the better arrangement of a part of the recipe, where one does.
    """

    span: Span
    message: str
    basis: tuple[Basis] | tuple[Basis, Basis]
    help: str
    label: str = ""
    others: tuple[Label, ...] = ()
    edit: Edit | None = None

    def __post_init__(self) -> None:
        if not self.basis:
            raise ValueError(f"advice without a basis: {self.message}")
        if not self.help:
            raise ValueError(f"advice without a better arrangement: {self.message}")


class Rule(ABC):
    """A rule of the LT2xx family. Its docstring is what ``ltdsl explain`` says.

    Class attributes:
        code: ``LT2`` and two digits.
        title: A few words.
        grounds: The kinds of basis that its findings stand on.
        tricks: The tricks that its published rows are about, by name.
        bad, good: An example of what it finds, and of the better arrangement.
        yields: True where another rule's finding at the same place says it better.
        needs_counts: True where it stands on the class counts.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    grounds: ClassVar[tuple[type[Basis], ...]]
    tricks: ClassVar[tuple[str, ...]] = ()
    bad: ClassVar[str]
    good: ClassVar[str]
    yields: ClassVar[bool] = False
    needs_counts: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if ABC in cls.__bases__:  # what several rules share
            return
        for name in ("__doc__", "code", "title", "grounds", "bad", "good"):
            if not getattr(cls, name, None):
                raise TypeError(f"the rule {cls.__name__} has no {name}")

    @abstractmethod
    def find(self, case: Case) -> Iterator[Finding]:
        """What the rule has to say about a recipe."""

    def about(self) -> tuple[str, ...]:
        """The tricks that `ltdsl explain` names the rule for."""
        return self.tricks

    def rows(self) -> Iterable[Row]:
        """The published rows that it compares, of all benchmarks; none where it stands on something else."""
        return ()

    def documentation(self) -> str:
        """The docstring's paragraphs, and what the rule stands on."""
        paragraphs = [" ".join(part.split()) for part in (getdoc(self) or "").split("\n\n")]
        grounds = " and ".join(NAMES[ground] for ground in self.grounds)
        return "\n\n".join([*paragraphs, f"Basis: {grounds}."])
