"""The Plan: the contract between the language and the runtime.

Fully resolved and free of text: all epoch arithmetic has happened. The runtime reads nothing else, and golden tests
pin its JSON form.

Plans outlive the version of ltdsl that made them. A field that a version adds, here, in a stage or in an entry of the
catalogue, has a default with which plans without it mean what they meant, and says so:
``Annotated[bool, Added("0.2")] = False``.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ltdsl.catalogue import (
    AnyAugment,
    AnyAverage,
    AnyCalibration,
    AnyClassifier,
    AnyConstraint,
    AnyDataset,
    AnyLoss,
    AnyMixer,
    AnyModel,
    AnyOptimizer,
    AnyPosthoc,
    AnySampler,
    AnySharpness,
    AnyTeacher,
)
from ltdsl.catalogue.entry import Added, Entry, is_added
from ltdsl.catalogue.models import PRETRAINED, Published
from ltdsl.plugins.loading import packages_in, why_missing
from ltdsl.wording import counted

Confidence: TypeAlias = Literal["softmax", "sigmoid"]
"""What turns logits into the probability of a prediction: ``sigmoid`` where a loss asks each class on its own."""


class Frozen(BaseModel):
    """A value object."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StagePlan(Frozen):
    """A half-open range of epochs that is trained in one way.

    Attributes:
        name: As the recipe calls it.
        start: First epoch, counted from 0 over the whole run.
        end: The epoch after the last.
        sampler, mixer, loss, classifier, teacher, posthoc: One trick of each kind.
        optimizer: In force during the stage, with its base learning rate.
        fresh_optimizer: True where the optimizer's state starts anew.
        rates: Learning rate as a step function: pairs of (epoch of the run, rate from there on).
        batch_size: Images that are in the network at once.
        accumulate: Times ``batch_size`` images that make one step.
        augment: Random changes of training images, in order.
        handoff: Which weights of the stage before it starts from.
        sharpness: What makes its steps end where the loss is flat.
        constraint: What is held of the weights after each of its steps.
        body: ``frozen`` where all before the classifier stays as it is, bit for bit. A stage with a classifier trick
            says ``trained``: the trick decides.
        body_lr: Learning rate of the body, as a factor of ``rates``; 1 where nothing of it is trained.
        views: Augmented views of an image, of which epoch e sees number e modulo ``views``; None for new ones in each
            epoch. Only where features are frozen: those of a view are the same whenever it is seen.
        batch_norm: ``frozen`` where batch norms of a body that is trained normalise by the statistics that they have.
        average: Weights that follow those it trains, and are evaluated in their place.
    """

    name: str
    start: int
    end: int
    sampler: AnySampler
    mixer: AnyMixer | None
    loss: AnyLoss
    classifier: AnyClassifier | None = None
    teacher: AnyTeacher | None = None
    posthoc: AnyPosthoc | None = None
    optimizer: AnyOptimizer
    fresh_optimizer: bool
    rates: tuple[tuple[int, float], ...]
    batch_size: int
    accumulate: Annotated[int, Field(ge=1)]
    augment: tuple[AnyAugment, ...]
    handoff: Literal["last", "best"]
    sharpness: Annotated[AnySharpness | None, Added("0.2")] = None
    constraint: Annotated[AnyConstraint | None, Added("0.2")] = None
    average: Annotated[AnyAverage | None, Added("0.2")] = None
    body: Annotated[Literal["trained", "frozen"], Added("0.2")] = "trained"
    body_lr: Annotated[float, Added("0.2"), Field(gt=0)] = 1.0
    batch_norm: Annotated[Literal["running", "frozen"], Added("0.2")] = "running"
    views: Annotated[int | None, Added("0.2"), Field(ge=1)] = None

    @property
    def body_is_frozen(self) -> bool:
        """Whether an image's features are the same in all of its steps."""
        if self.classifier is not None and not self.classifier.holds:
            return self.classifier.statistics == "frozen"
        return self.body == "frozen"

    @property
    def trained(self) -> str:
        """What of the network its optimizer updates, in a word: equal words, the same weights."""
        if self.classifier is not None:
            return self.classifier.name
        return "classifier" if self.body == "frozen" else "all"

    @property
    def epochs(self) -> int:
        """How many epochs the stage lasts."""
        return self.end - self.start

    @property
    def step_images(self) -> int:
        """Images that an update learns from."""
        return self.batch_size * self.accumulate

    @property
    def has_partner(self) -> bool:
        """Whether a second image is drawn for each, by the sampler or for the mixer."""
        return self.sampler.has_partner or (self.mixer is not None and self.mixer.has_partner)

    def steps_per_epoch(self, counts: Sequence[int]) -> int:
        """Full batches in an epoch.

        Args:
            counts: Training images of each class.
        """
        return self.sampler.draws(counts) // self.step_images

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch of the run that lies within the stage."""
        return self.rates[bisect_right(self.rates, epoch, key=lambda pair: pair[0]) - 1][1]


class Begun(Frozen):
    """The state of another run that a run began with, where it is none that it could have come to itself.

    Attributes:
        plan_sha256: Hash of that run's plan.
        epochs: How many epochs it had trained.
        weights_sha256: Digest of its state.
    """

    plan_sha256: str
    epochs: Annotated[int, Field(ge=1)]
    weights_sha256: str

    def __str__(self) -> str:
        """As it is told beside `init`."""
        return f"{counted(self.epochs, 'epoch')} of run {self.plan_sha256[:12]}, weights {self.weights_sha256[:12]}"


class PlugIn(Frozen):
    """Another package that has a part in a plan.

    Attributes:
        package: Its name.
        version: The one that the plan was made with.
    """

    package: str
    version: str

    def __str__(self) -> str:
        """Name and version."""
        return f"{self.package} {self.version}"


class Plan(Frozen):
    """Everything that decides the numbers of a run, and nothing about the machine it runs on.

    Attributes:
        version: Raised when plans of before can no longer be read as they are.
        dataset, model: What is trained on what.
        classifier: ``cosine`` where a stage's loss needs it: the classifier is the same in all stages.
        logit_scale: s of the cosine classifier's logits s · cos; None for the linear one.
        class_counts: Training images of each class, before a validation part is taken from them; None where only the
            data set's files say, and nobody has looked yet.
        validation: Share of the training images held out, in [0, 0.5].
        validation_from: ``data`` where these bring a validation part, which is used in place of that share; known once
            somebody has looked.
        best_on: The images that choose the best epoch; None where nothing does.
        best_by: The figure on them that does; None where nothing does.
        evaluate_every: Epochs of the run between evaluations; the last epoch of a stage has one always.
        seed, split_seed: Seeds of the training and of the choice of images.
        precision: Number format of a step's convolutions and matrix products.
        clip_norm: Longest gradient, all weights taken together; None for any.
        early_stopping: Epochs of the last stage without a better one after which the run ends; None for never.
        calibration: What is fitted to the kept weights at the end, on the validation part.
        init: Weights to start from: a file, relative to the recipe's folder, or ``pretrained``, those of the model.
        begins: State of another run to start from instead, which ``--from`` named; the run directory has its weights.
        epochs: Epochs of all stages together.
        plugins: Packages that declare what the plan names and ltdsl does not have, by name.
        stages: Contiguous, covering [0, epochs).
    """

    version: Literal[1] = 1
    dataset: AnyDataset
    model: AnyModel
    classifier: Literal["linear", "cosine"]
    logit_scale: float | None
    class_counts: tuple[Annotated[int, Field(ge=1)], ...] | None
    validation: float
    best_on: Literal["validation", "test"] | None
    best_by: Literal["macro_recall", "top1_error"] | None
    validation_from: Annotated[Literal["training", "data"], Added("0.2")] = "training"
    evaluate_every: Annotated[int, Added("0.2"), Field(ge=1)] = 1
    seed: int
    split_seed: int
    precision: Literal["fp32", "fp16", "bf16"]
    clip_norm: float | None
    early_stopping: Annotated[int | None, Added("0.2"), Field(ge=1)] = None
    calibration: Annotated[AnyCalibration | None, Added("0.2")] = None
    init: str | None
    begins: Annotated[Begun | None, Added("0.2")] = None
    epochs: int
    plugins: Annotated[tuple[PlugIn, ...], Added("0.2")] = ()
    stages: tuple[StagePlan, ...]

    @model_validator(mode="before")
    @classmethod
    def _has_its_plugins(cls, data: Any) -> Any:
        """Say of a plan that was read which package it lacks, rather than which name is unknown."""
        named = data.get("plugins") if isinstance(data, Mapping) else None
        for each in named if isinstance(named, list) else ():
            package = each.get("package") if isinstance(each, Mapping) else None
            if isinstance(package, str) and (problem := why_missing(package)):
                raise ValueError(f"{problem.message}; {problem.hint}")
        return data

    def with_plugins(self) -> "Plan":
        """The plan, with the packages named whose declarations it uses."""
        used = packages_in(self)
        if not used:
            return self
        plugins = tuple(PlugIn(package=each.name, version=each.version) for each in used)
        return self.model_copy(update={"plugins": plugins})

    @property
    def held_out(self) -> float:
        """Share of the training images that is taken from them to validate with."""
        return 0.0 if self.validation_from == "data" else self.validation

    @property
    def init_file(self) -> str | None:
        """The file to start from, relative to the recipe's folder; None where there is none."""
        return None if self.init == PRETRAINED else self.init

    @property
    def published(self) -> Published | None:
        """The published weights that it starts from, which say how images are normalised; None for none."""
        return self.model.published if self.init == PRETRAINED else None

    def stage_at(self, epoch: int) -> StagePlan:
        """The stage that an epoch of the run belongs to."""
        return self.stages[bisect_right(self.stages, epoch, key=lambda stage: stage.start) - 1]

    def evaluates(self, epoch: int) -> bool:
        """Whether the network is evaluated after an epoch of the run."""
        completed = epoch + 1
        return completed % self.evaluate_every == 0 or completed == self.stage_at(epoch).end

    def optimizer_begun(self, index: int) -> int:
        """The stage, by its place, that started the optimizer of a stage: itself, or one before it."""
        return max(i for i, stage in enumerate(self.stages[: index + 1]) if stage.fresh_optimizer)

    def confidence_at(self, epoch: int | None = None) -> Confidence:
        """What the loss of an epoch of the run learns; by default the last one's, by which epochs are compared."""
        return (self.stages[-1] if epoch is None else self.stage_at(epoch)).loss.confidence

    def to_json(self) -> str:
        """The plan as JSON text that :meth:`pydantic.BaseModel.model_validate_json` reads back."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2) + "\n"

    def meaning(self) -> dict[str, Any]:
        """All that it says, as JSON has it: -0.0 as 0.0, and without what was added since and has its default."""
        found: dict[str, Any] = _meaning(self)
        return found

    def digest(self) -> str:
        """SHA-256, in hex, of what the plan means: equal for recipes that train the same numbers.

        Stage names are left out. They label progress and name checkpoint files, and nothing random depends on them.
        So is a field that was :class:`~ltdsl.catalogue.entry.Added` and has its default, with which a plan trains what
        it trained before there was such a field: what earlier versions of ltdsl wrote keeps its hash, and runs,
        checkpoints and sweeps are found by it.
        """
        data = self.meaning()
        for stage in data["stages"]:
            del stage["name"]
        canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _meaning(value: Any) -> Any:
    """A value as JSON has it, with 0.0 for the same number -0.0, and without what was added and is not used."""
    if isinstance(value, BaseModel):
        fields = {
            info.alias or name: _meaning(getattr(value, name))
            for name, info in type(value).model_fields.items()
            if not (is_added(info) and getattr(value, name) == info.get_default())
        }
        return {"name": value.name, "arguments": fields} if isinstance(value, Entry) else fields
    if isinstance(value, tuple):
        return [_meaning(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value
