"""The words that messages, plans and reports use and that no declaration explains."""

from __future__ import annotations

#: Each in a sentence or two.
CONCEPTS: dict[str, str] = {
    "recipe": "A text of settings and stages, in a file `*.lt`, that says how a run trains. `ltdsl new` writes one.",
    "stage": "A part of a run that is trained with one set of tricks: `stage2: cam_bs + cs_ce @ epoch 160`. It has at "
    "most one trick of each kind, nothing carries over from the stage before it, and it ends where the next one "
    "starts.",
    "trick": "What a stage does otherwise than plain training: a sampler, mixer, loss, classifier, teacher or posthoc "
    "correction, joined by `+`. `ltdsl tricks` lists them.",
    "epoch": "A pass over the training images. They are counted from 0: `@ epoch 160` starts a stage after 160 "
    "completed epochs, with the epoch of number 160.",
    "at": "When a stage starts: `@ epoch 160`, after 160 completed epochs, or `@ 80%` of `epochs`, rounded to an "
    "epoch, halves up. The first stage starts at 0. On the command line: `--set stage2.at=80%`.",
    "percentage": "A place in time as a share of epochs, `80%`: of `epochs` for a stage's start and the recipe's "
    "milestones, of the stage's own epochs for milestones in its braces.",
    "tricks": 'The chain of a stage, joined by `+`. On the command line: `--set stage2.tricks="cam_bs + ce"`.',
    "overrides": "What a stage sets for itself in braces: `stage2: ce @ 80% { optimizer = sgd(lr = 0.001) }`. With "
    "`optimizer` or `schedule` it starts a fresh optimizer, whose schedule counts within the stage.",
    "protocol": "The settings that a data set is usually trained with. They are the lowest layer of every recipe; the "
    "data set's card shows them.",
    "use": '`use "common/cifar.lt"`, first in a recipe, takes settings from another file in its folder or below.',
    "set": "`--set ADDRESS=VALUE` changes a value from the command line: `epochs=400`, `dataset.imbalance=50`, "
    "`stage2.cs_ce.gamma=0.5`, `stage2.optimizer.lr=0.002`, `stage2.at=80%`.",
    "plan": "What a recipe means, every value resolved: `ltdsl plan`. Its hash is the same for recipes that train the "
    "same numbers.",
    "origin": "Where a value was written: `ltdsl plan --origins`.",
    "fresh": "A stage with `optimizer` or `schedule` in its braces starts its optimizer afresh, without momentum.",
    "many": "The classes with more than 100 training images. Where no class of a data set is many, medium or few, all "
    "three are thirds by frequency, and whatever shows them says so.",
    "medium": "The classes with 20 to 100 training images; see `many`.",
    "few": "The classes with fewer than 20 training images; see `many`.",
    "head": "The classes with the most training images.",
    "tail": "The classes with the fewest training images.",
    "long_tail": "A data set of a few large classes and many small ones.",
    "top1_error": "The share of images whose first prediction is wrong, in percent.",
    "macro_recall": "The mean of the classes' accuracies, in percent: every class counts the same.",
    "calibration": "How far confidences are from accuracies: the expected calibration error.",
    "ece": "The expected calibration error; see `calibration`.",
    "best": "The epoch with the best figure (`best_by`) on the images that choose (`best_on`).",
    "last": "The last epoch of a run or, in `handoff`, of the stage before.",
    "step": "One update of the weights, from `batch_size` times `accumulate` images. As a unit it is reserved.",
    "batch": "The images of a step: `batch_size`. Only full batches are trained.",
    "advice": "What was published about a combination, or follows from class counts (LT2xx). It stops nothing, unless "
    "`--strict` is given.",
    "strict": "With `--strict`, warnings and advice stop a command too.",
    "comment": "Whatever follows a `#` on its line; `# ltdsl: ignore[LT201] reason` silences a warning there.",
    "run": "A folder with all that a training came to: recipe, plan, figures, checkpoints. `ltdsl run` makes one in "
    "`runs/`.",
    "report": "A page about a run, or a comparison of several: `ltdsl report RUN`.",
    "sweep": "A table of runs: `ltdsl sweep recipe.lt --set dataset.imbalance=10,50 --seeds 5`.",
}
