"""evaluation.json: what the kept weights do on the test images."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from ltdsl.runs.model import ALWAYS, Always, Count, FileModel, Finite, Many, Name, Sometimes, Text


class GroupFigures(FileModel):
    """One of many, medium and few."""

    classes: Count = Field(description="How many classes are in it.")
    accuracy: Finite | None = Field(
        None,
        description="Mean of their accuracies, in percent; null for a group without tested classes.",
    )


class ClassFigures(FileModel):
    """One class."""

    name: Name = Field(alias="class", description="Its name.")
    train_images: Count = Field(description="Training images, validation taken out.")
    test_images: Count = Field(description="Test images.")
    accuracy: Finite | None = Field(
        None,
        description="Share of its test images that are right, in percent; null where it has none.",
    )


class Bin(FileModel):
    """Images of like confidence."""

    above: Finite = Field(description="Lowest confidence, in percent, not included.")
    to: Finite = Field(description="Highest confidence, in percent.")
    count: Count = Field(description="Images in it.")
    accuracy: Finite | None = Field(
        None, description="Share of them that are right, in percent; null where there are none."
    )
    confidence: Finite | None = Field(
        None, description="Their mean confidence, in percent; null where there are none."
    )


class Cells(FileModel):
    """A confusion matrix: the cells that are not empty, in columns."""

    label: Many[Count] = Field(description="The label of each cell.")
    prediction: Many[Count] = Field(description="The class that was predicted.")
    count: Many[Count] = Field(description="Images in it.")


class Figures(FileModel):
    """What one checkpoint does on the test images."""

    epoch: Count | None = Field(
        description="The epoch that its weights are of, from 0; null for a checkpoint that does not say."
    )
    weights: Sometimes[Name] = Field(
        None, description="`averaged` where they are the averages of the trained ones."
    )
    top1_error: Always[Finite] = Field(
        None, description="Share of the images that are misclassified, in percent."
    )
    macro_recall: Always[Finite] = Field(
        None, description="Mean of the accuracies of the classes that have test images, in percent."
    )
    expected_calibration_error: Always[Finite] = Field(
        None, description="Mean distance of confidence and accuracy over the bins, in percent."
    )
    effective_prior: Sometimes[Many[Finite]] = Field(
        None,
        description="The share of each class that the model takes for granted, where a posthoc trick measures it.",
    )
    temperature: Sometimes[Finite] = Field(
        None, description="What the logits are divided by, where the recipe calibrates."
    )
    uncalibrated_error: Sometimes[Finite] = Field(
        None, description="The calibration error without it, in percent."
    )
    groups: Annotated[dict[str, GroupFigures], ALWAYS] = Field(
        {}, description="`many`, `medium` and `few`, by training images of a class."
    )
    about_groups: Sometimes[Text] = Field(
        None,
        description="What they are where they are not what they are called: thirds by frequency, with their ranges.",
    )
    per_class: Annotated[Many[ClassFigures], ALWAYS] = Field(
        (), description="Each class, by label."
    )
    calibration: Annotated[Many[Bin], ALWAYS] = Field((), description="15 bins of confidence.")
    confusion: Always[Cells] = Field(None, description="Images by label and prediction.")

    def train_counts(self) -> tuple[int, ...]:
        """Training images of each class, which decide its group."""
        return tuple(each.train_images for each in self.per_class)


def _of_an_epoch(figures: Figures) -> Figures:
    if figures.epoch is None:
        raise ValueError("it does not say which epoch it is of")
    return figures


Kept = Annotated[Figures, AfterValidator(_of_an_epoch)]


class Evaluation(FileModel):
    """What the kept weights do on the test images."""

    best_on: Name | None = Field(
        None,
        description="The images that chose the best epoch, `validation` or `test`; null where nothing did.",
    )
    best_by: Name | None = Field(
        None,
        description="The figure on them that did, `macro_recall` or `top1_error`; null where nothing did.",
    )
    test_images: Always[Count] = Field(None, description="How many test images there are.")
    last: Sometimes[Kept] = Field(None, description="The last epoch.")
    best: Sometimes[Kept] = Field(None, description="The best epoch, where one was chosen.")
    other_data: Sometimes[Name] = Field(
        None,
        description="From `ltdsl eval` alone: fingerprint of test images that are not the run's.",
    )
    checkpoint: Sometimes[Figures] = Field(
        None, description="From `ltdsl eval` alone: a checkpoint that was named by its path."
    )
    notes: Many[Text] = Field(
        (),
        description="From `ltdsl eval` alone: what there is to know of the images or the classes.",
    )
