"""Run directories as a run leaves them, without training: what a report has to cope with."""

from __future__ import annotations

import json
import random

from ltdsl.compiler import compile_recipe
from ltdsl.plan import Plan
from ltdsl.source import Source

RECIPE = """dataset = digits_lt; epochs = 12; validation = 0.1
stage1: input_mixup
stage2: cam_bs + cs_ce @ epoch 8
"""


def plan_of(text=RECIPE, changes=()):
    result = compile_recipe(Source("recipe.lt", text), changes)
    assert result.plan is not None, result.diagnostics
    return result.plan


def with_classes(plan, counts):
    """The plan on another data set."""
    return plan.model_copy(update={"class_counts": tuple(counts)})


def make_run(
    path,
    text=RECIPE,
    seed=0,
    plan: Plan | None = None,
    names=None,
    done=None,
    status="finished",
    better=0.0,
    tested=40,
    **facts,
):
    """Write a run directory.

    Args:
        done: Epochs that were trained; all where it is not given.
        better: How much lower its errors are, in percent.
        tested: Test images of a class.
    """
    plan = plan or plan_of(text, (f"seed={seed}",))
    rng = random.Random(seed)
    done = plan.epochs if done is None else done
    (path / "recipe").mkdir(parents=True)
    (path / "recipe" / "recipe.lt").write_text(text, encoding="utf-8")
    (path / "plan.json").write_text(plan.to_json())
    known = {
        "status": status,
        "plan_sha256": plan.digest(),
        "started": "2026-01-02T03:04:05Z",
        "versions": {"ltdsl": "0.1.0", "mindspore": "2.10.0"},
        "platform": "Linux",
        "seed": plan.seed,
        "split_seed": 0,
        "changes": [],
        "device": "cpu",
        "data_sha256": {"train": "a" * 64, "test": "b" * 64},
    }
    (path / "run.json").write_text(json.dumps(known | facts))
    lines = [line(plan, epoch, rng, better) for epoch in range(done)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    if status == "finished":
        figures = evaluation(plan, rng, names, better, tested)
        (path / "evaluation.json").write_text(json.dumps(figures))
    return path


def line(plan, epoch, rng, better):
    stage = plan.stage_at(epoch)
    known = {
        "epoch": epoch,
        "stage": stage.name,
        "loss": 2 / (1 + epoch / 4) + rng.random() / 10,
        "lr": stage.rate(epoch),
        "top1_error": 20 + 60 / (1 + epoch / 2) + rng.random() - better,
        "macro_recall": 60 - 40 / (1 + epoch / 2) + better,
        "measured_on": plan.best_on or "test",
        "seconds": 1.5,
    }
    if not plan.evaluates(epoch):
        for name in ("top1_error", "macro_recall", "measured_on"):
            del known[name]
    return known


def evaluation(plan, rng, names, better, tested):
    names = names or [str(c) for c in range(len(plan.class_counts))]
    result = {"best_on": plan.best_on, "best_by": plan.best_by, "last": None}
    result["test_images"] = tested * len(names)
    for which in ("last", "best") if plan.best_on else ("last",):
        result[which] = figures(plan, rng, names, better, tested)
    return result


def figures(plan, rng, names, better, tested):
    from ltdsl.longtail import class_groups

    counts = plan.class_counts
    cells, rows = {}, []
    for label, (name, count) in enumerate(zip(names, counts, strict=True)):
        chance = min(1, max(0, 0.35 + 0.09 * count**0.35 + better / 100))
        right = sum(rng.random() < chance for _ in range(tested))
        cells[label, label] = right
        for _ in range(tested - right):
            other = rng.randrange(len(names) - 1)
            cell = label, other + (other >= label)
            cells[cell] = cells.get(cell, 0) + 1
        rows.append(
            {
                "class": name,
                "train_images": count,
                "test_images": tested,
                "accuracy": 100 * right / tested,
            }
        )
    cells = {cell: images for cell, images in sorted(cells.items()) if images}
    accuracy = [row["accuracy"] for row in rows]
    groups = {
        name: {
            "classes": len(members),
            "accuracy": sum(accuracy[c] for c in members) / len(members) if members else None,
        }
        for name, members in class_groups(counts)._asdict().items()
    }
    error = 100 - sum(accuracy) / len(accuracy)
    return {
        "epoch": plan.epochs - 1,
        "top1_error": error,
        "macro_recall": 100 - error,
        "expected_calibration_error": 5 + rng.random(),
        "groups": groups,
        "per_class": rows,
        "calibration": [
            {
                "above": 100 * i / 15,
                "to": 100 * (i + 1) / 15,
                "count": 10 * i,
                "accuracy": 100 * (i + 0.5) / 15 - 4 if i else None,
                "confidence": 100 * (i + 0.5) / 15 if i else None,
            }
            for i in range(15)
        ],
        "confusion": {
            "label": [label for label, _ in cells],
            "prediction": [prediction for _, prediction in cells],
            "count": list(cells.values()),
        },
    }
