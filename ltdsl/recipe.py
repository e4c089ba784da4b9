"""The Recipe: what a file, its includes and the command line mean together, validated but not yet scheduled."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    AnySchedule,
    AnySharpness,
    AnyTeacher,
    DigitsLT,
    Entry,
    Optimizer,
    Trick,
)
from ltdsl.catalogue.entry import Added, Fraction, Point, Text
from ltdsl.catalogue.losses.cross_entropy import CrossEntropy
from ltdsl.catalogue.samplers import InstanceBalanced
from ltdsl.epochs import stage_starts

MOST_EPOCHS = 100_000

OF_BODY = ("body", "body_lr", "batch_norm", "views")
"""Settings about what comes before the classifier. Not every stage can do anything with each of them."""


class Settings(Entry):
    """The settings of a recipe. Those without a default come from the data set's protocol."""

    name = "settings"
    kind = "setting"

    dataset: AnyDataset = Field(default_factory=DigitsLT, description="What to train on.")
    model: AnyModel = Field(description="The network.")
    epochs: int = Field(ge=1, le=MOST_EPOCHS, description="Epochs of all stages together.")
    batch_size: int = Field(ge=1, le=1_000_000, description="Images of a training step.")
    optimizer: AnyOptimizer = Field(description="How weights are updated.")
    schedule: AnySchedule = Field(description="How the learning rate changes within `epochs`.")
    augment: tuple[AnyAugment, ...] = Field(description="Random changes of training images.")
    validation: Fraction = Field(
        0.0, le=0.5, description="Share of the training images held out to choose the best epoch."
    )
    best_on: Literal["validation", "test"] | None = Field(
        None,
        description="Images that choose the best epoch; `validation` wherever there is a validation part.",
    )
    best_by: Literal["macro_recall", "top1_error"] = Field(
        "macro_recall",
        description="Figure that chooses the best epoch: the mean of the classes' accuracies, or the error over "
        "all images, which on long-tailed images is that of the head.",
    )
    evaluate_every: Annotated[int, Added("0.2")] = Field(
        1,
        ge=1,
        le=MOST_EPOCHS,
        description="Epochs of the run after which the network is evaluated, each time they have passed; it always is "
        "after the last epoch of a stage.",
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="Seed of weights, order, augmentation and tricks."
    )
    split_seed: int = Field(0, ge=0, lt=2**32, description="Seed of which images the tail keeps.")
    precision: Literal["fp32", "fp16", "bf16"] = Field(
        "fp32",
        description="Number format of a step's convolutions and matrix products; `fp16` scales its loss.",
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=1024,
        description="Parts of `batch_size` images that make one step, as if they were one larger batch.",
    )
    clip_norm: float | None = Field(
        None,
        gt=0,
        description="Longest gradient, all weights taken together; a longer one is shortened to it.",
    )
    sharpness: AnySharpness | None = Field(
        None, description="What makes steps end where the loss is flat, such as `sam(rho = 0.1)`."
    )
    constraint: AnyConstraint | None = Field(
        None,
        description="What is held of the weights after each step, such as `max_norm(threshold = 1)`.",
    )
    body: Annotated[Literal["trained", "frozen"], Added("0.2")] = Field(
        "trained",
        description="Whether all before the classifier is trained, or stays as it is, bit for bit: for weights that "
        "were trained before. Frozen until epoch N is a stage with `body = frozen` and one `@ epoch N` without.",
    )
    body_lr: Annotated[float, Added("0.2")] = Field(
        1.0,
        gt=0,
        le=100,
        description="Learning rate of all before the classifier, as a factor of the optimizer's: 0.1 for weights that "
        "were trained before, beside a classifier that starts anew.",
    )
    batch_norm: Annotated[Literal["running", "frozen"], Added("0.2")] = Field(
        "running",
        description="Statistics that batch norms normalise by in training: those of each batch, which move what is "
        "kept for evaluation, or what is kept, which stays; for few images and small batches.",
    )
    views: Annotated[int | None, Added("0.2")] = Field(
        None,
        ge=1,
        le=1000,
        description="With a frozen body, augmented views that are drawn of each image, one an epoch in turn; new ones "
        "in each epoch unless it is set. Features of views are computed once and kept.",
    )
    average: AnyAverage | None = Field(
        None,
        description="Weights that follow the trained ones and are evaluated in their place, such as "
        "`ema(decay = 0.999)`.",
    )
    calibration: AnyCalibration | None = Field(
        None,
        description="What makes confidence how often a prediction is right, such as `temperature`; fitted on the "
        "validation part.",
    )
    early_stopping: Annotated[int, Field(ge=1, le=MOST_EPOCHS)] | None = Field(
        None,
        description="Epochs of the last stage without a better one, by `best_by` on the validation part, after which "
        "the run ends.",
    )
    init: Annotated[Text, Field(min_length=1)] | Literal["pretrained"] | None = Field(
        None,
        description="Weights to start from: `pretrained`, those published for the model; or a path within the recipe's "
        "folder, to a checkpoint of a run or of mindcv's models, to a file of PyTorch or of safetensors. The "
        "classifier starts anew where the file's has other classes.",
    )


class Overrides(Entry):
    """What a stage can set for itself, in its braces."""

    name = "overrides"
    kind = "stage setting"

    optimizer: AnyOptimizer | None = Field(None, description="A fresh optimizer for the stage.")
    schedule: AnySchedule | None = Field(
        None, description="A schedule that counts within the stage; the optimizer starts afresh."
    )
    batch_size: int | None = Field(None, ge=1, le=1_000_000, description="Images of a step.")
    accumulate: int | None = Field(None, ge=1, le=1024, description="Parts of a step.")
    augment: tuple[AnyAugment, ...] | None = Field(None, description="Random changes of images.")
    sharpness: AnySharpness | None = Field(
        None,
        description="What makes steps end where the loss is flat; the running optimizer goes on.",
    )
    constraint: AnyConstraint | None = Field(
        None,
        description="What is held of the weights after each step; the running optimizer goes on.",
    )
    body: Literal["trained", "frozen"] | None = Field(
        None, description="Whether all before the classifier is trained; the optimizer goes on."
    )
    body_lr: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Factor of the learning rate of all before the classifier; the optimizer goes on.",
    )
    batch_norm: Literal["running", "frozen"] | None = Field(
        None, description="Statistics that batch norms normalise by in training."
    )
    views: int | None = Field(
        None, ge=1, le=1000, description="Augmented views of each image, with a frozen body."
    )
    average: AnyAverage | None = Field(
        None,
        description="Weights that follow the trained ones; the running optimizer goes on.",
    )
    handoff: Literal["last", "best"] = Field(
        "last", description="Which weights of the stage before to start from."
    )

    @property
    def begins_optimizer(self) -> bool:
        """Whether an optimizer starts afresh; else the running one goes on under the recipe's schedule."""
        return self.optimizer is not None or self.schedule is not None


class StageRecipe(BaseModel):
    """One stage: its complete set of tricks, when it starts, and what it overrides."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    start: Point
    sampler: AnySampler = Field(default_factory=InstanceBalanced)
    mixer: AnyMixer | None = None
    loss: AnyLoss = Field(default_factory=CrossEntropy)
    classifier: AnyClassifier | None = None
    teacher: AnyTeacher | None = None
    posthoc: AnyPosthoc | None = None
    overrides: Overrides = Field(default_factory=Overrides)

    def own(self, name: str, settings: Settings) -> Any:
        """A setting that a stage may have of its own, or the recipe's."""
        value = getattr(self.overrides, name)
        return getattr(settings, name) if value is None else value

    def takes(self, name: str, settings: Settings) -> bool:
        """Whether it can do anything with a setting about the body, whatever its value."""
        alone = self.classifier
        if (
            alone is not None and alone.holds
        ):  # all before the classifier is trained, and nothing beside it
            return name == "batch_norm"
        frozen = alone is not None or self.own("body", settings) == "frozen"
        if name == "views":
            features = frozen and (alone is None or alone.statistics == "frozen")
            return features and bool(self.own("augment", settings))
        return alone is None if name == "body" else not frozen

    @cached_property
    def tricks(self) -> list[Trick]:
        """Everything of it that is a trick, defaults included, in the order of the kinds."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value for value in values if isinstance(value, Trick)]


#: The trick of each kind that a stage has where it names none.
DEFAULT_TRICKS: dict[str, type[Trick]] = {
    kind: factory
    for kind, info in StageRecipe.model_fields.items()
    if isinstance(factory := info.default_factory, type) and issubclass(factory, Trick)
}

#: Their names.
DEFAULT_NAMES = frozenset(trick.name for trick in DEFAULT_TRICKS.values())


class Recipe(BaseModel):
    """A validated recipe.

    Attributes:
        settings: Every setting, resolved.
        stages: In order of time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    settings: Settings
    stages: tuple[StageRecipe, ...]

    @cached_property
    def bounds(self) -> list[tuple[int, int]]:
        """Of each stage the first epoch, and the epoch after the last."""
        starts = stage_starts([stage.start for stage in self.stages], self.settings.epochs)
        return list(zip(starts, [*starts[1:], self.settings.epochs], strict=True))

    @cached_property
    def optimizers(self) -> list[Optimizer]:
        """The one in force in each stage: its own, that of the stage before which goes on, or else the recipe's."""
        found = [self.settings.optimizer]
        for own in (stage.overrides for stage in self.stages):
            afresh = own.optimizer or self.settings.optimizer
            found.append(afresh if own.begins_optimizer else found[-1])
        return found[1:]

    @cached_property
    def taken(self) -> frozenset[str]:
        """The names of the settings that some stage's plan takes; the values of others change nothing."""
        own = [stage.overrides for stage in self.stages]
        taken = set(Settings.model_fields)
        for name in taken & set(Overrides.model_fields):
            if all(getattr(each, name) is not None for each in own):
                taken.remove(name)
        for name in OF_BODY:
            if not any(
                getattr(stage.overrides, name) is None and stage.takes(name, self.settings)
                for stage in self.stages
            ):
                taken.discard(name)
        if not any(each is self.settings.optimizer for each in self.optimizers):
            taken.discard("optimizer")  # what runs on is a stage's
        if all(each.begins_optimizer for each in own):
            taken.discard("schedule")
        return frozenset(taken)
