"""Every diagnostic code: its title and what ``ltdsl explain`` says about it.

The families are one table each (``SYNTAX`` for LT0xx, and so on), joined in :data:`CODES`.
"""

from __future__ import annotations

from textwrap import dedent, indent

from ltdsl.advice.rules import RULES
from ltdsl.diagnostics import Code


def entry(title: str, text: str, bad: str = "", good: str = "") -> Code:
    """A code whose explanation ends in an example of the mistake and its correction."""
    return Code(title, "\n\n".join([" ".join(text.split()), *_examples(bad, good)]))


def _examples(bad: str, good: str) -> list[str]:
    return [
        f"{heading}\n\n{indent(dedent(example).strip(chr(10)), '    ')}"
        for heading, example in (("Wrong:", bad), ("Right:", good))
        if example
    ]


SYNTAX: dict[str, Code] = {
    "LT001": entry(
        "unexpected text",
        """Something stands where the language has no place for it, or something is missing. A recipe is a series of
        settings (`name = value`), stages (`name: trick + trick @ start { overrides }`) and `use "path"` lines.""",
        "epochs 400\nstage1 input_mixup",
        "epochs = 400\nstage1: input_mixup",
    ),
    "LT002": entry(
        "bracket without a partner",
        """Every `(`, `[` and `{` needs its closing bracket, of the same shape, and the other way round.""",
        "stage1: input_mixup(alpha = 1.0",
        "stage1: input_mixup(alpha = 1.0)",
    ),
    "LT003": entry(
        "malformed string",
        r"""Strings stand in straight double quotes and end on the line they begin on. Two escapes exist: `\"` for a
        double quote and `\\` for a backslash.""",
        r'init = "weights\resnet32.ckpt"',
        'init = "weights/resnet32.ckpt"',
    ),
    "LT004": entry(
        "malformed number",
        """Numbers are written in decimal: `420`, `0.1`, `1e-4`, `-2`. A percentage ends in `%` without a space. There
        are no separators between digits, no units, no infinities and no NaN.""",
        "epochs = 1_000",
        "epochs = 1000",
    ),
    "LT005": entry(
        "name not in lower_snake_case",
        """Names are lower-case ASCII words joined by single underscores; digits may follow the first letter.""",
        "stage1: Input-Mixup",
        "stage1: input_mixup",
    ),
    "LT006": entry(
        "nested too deeply",
        """Brackets may stand inside each other 32 levels deep. No recipe needs more than three or four.""",
    ),
    "LT007": entry(
        "file cannot be read",
        """The file does not exist, is a folder, or the system refuses to open it.""",
    ),
    "LT008": entry(
        "file too large",
        """Recipes are short; a file over 1 MiB is something else, and is refused before it is looked at.""",
    ),
    "LT009": entry(
        "file is not text",
        """Recipes are text files in UTF-8. The file has bytes that are no UTF-8, or holds binary data.""",
    ),
    "LT010": entry(
        "reserved word",
        """`ltdsl` and `let` cannot begin a statement: they are kept for later versions of the language. As names of
        tricks, values or arguments they are free.""",
        "let = 3",
        "epochs = 3",
    ),
    "LT011": entry(
        "argument without a name",
        """Arguments are always written `name = value`, so that a recipe can be read without knowing their order.""",
        "stage1: input_mixup(1.0)",
        "stage1: input_mixup(alpha = 1.0)",
    ),
    "LT012": entry(
        "statements not separated",
        """Two statements on a line need a `;` between them.""",
        "epochs = 400 seed = 1",
        "epochs = 400; seed = 1",
    ),
    "LT013": entry(
        "misplaced block",
        """A `{ }` block belongs to a stage, comes last in it, begins on the line where its tricks or its `@` end, and
        holds settings only.""",
        "stage2: cam_bs @ epoch 160\n{\n    batch_size = 64\n}",
        "stage2: cam_bs @ epoch 160 {\n    batch_size = 64\n}",
    ),
    "LT014": entry(
        "syntax of another language",
        """The intention is clear, but it is written as other languages write it.""",
        "epochs := 400   // as in the paper",
        "epochs = 400    # as in the paper",
    ),
    "LT015": entry(
        "too many errors",
        """After 100 syntax errors the rest of the file is not looked at.""",
    ),
}

MEANING: dict[str, Code] = {
    "LT101": entry(
        "unknown setting",
        """A setting's name, or that of a stage's own setting in its braces, is not one that exists. Nothing unknown is
        ever ignored.""",
        "epoch = 400",
        "epochs = 400",
    ),
    "LT102": entry(
        "unknown trick",
        """The catalogue has no trick of this name, or none that can stand here.""",
        "stage1: input_mixpu",
        "stage1: input_mixup",
    ),
    "LT103": entry(
        "unknown parameter",
        """The trick, model, data set or schedule exists, but has no parameter of this name.""",
        "stage1: input_mixup(aplha = 1.0)",
        "stage1: input_mixup(alpha = 1.0)",
    ),
    "LT104": entry(
        "unknown name for a value",
        """The value has to be one of a fixed set of names, and is none of them.""",
        "model = resnet33",
        "model = resnet32",
    ),
    "LT105": entry(
        "value of the wrong type",
        """Numbers, whole numbers, `true`/`false`, names, text in quotes, lists and calls are never converted into each
        other.""",
        'epochs = "400"',
        "epochs = 400",
    ),
    "LT106": entry(
        "value out of range",
        """The value is of the right type but outside the range that makes sense for it.""",
        "stage1: input_mixup(alpha = 0)",
        "stage1: input_mixup(alpha = 0.2)",
    ),
    "LT107": entry(
        "missing value",
        """A parameter without a default was left out.""",
        "model = mindcv",
        'model = mindcv(name = "resnet50")',
    ),
    "LT108": entry(
        "written twice",
        """A setting, an argument, a trick or a stage's name is there twice. Neither would silently win.""",
        "epochs = 200; epochs = 400",
        "epochs = 400",
    ),
    "LT109": entry(
        "statement in the wrong place",
        """`use` comes first, settings stand before all stages, and a used file holds settings only.""",
        "stage1: ce\nepochs = 400",
        "epochs = 400\nstage1: ce",
    ),
    "LT110": entry(
        "two tricks of a kind",
        """A stage has at most one sampler, one mixer and one loss.""",
        "stage1: ce + cs_ce",
        "stage1: cs_ce",
    ),
    "LT111": entry(
        "no stage",
        """A recipe without a stage trains nothing.""",
        "epochs = 400",
        "epochs = 400\nstage1: ce",
    ),
    "LT112": entry(
        "trick needs trained weights",
        """The trick asks the network what it has learned, so something has to be learned before: in an earlier stage or
        in a checkpoint named by `init`.""",
        "stage1: cam_bs",
        "stage1: input_mixup\nstage2: cam_bs @ 80%",
    ),
    "LT113": entry(
        "stage named like a setting",
        """`--set` addresses settings and stages by name, so the two must differ.""",
        "model: ce",
        "stage1: ce",
    ),
    "LT114": entry(
        "impossible handoff",
        """`handoff = best` starts a stage from the best weights of the stage before. Something must choose them
        (`validation`, or `best_on = test`), and the stage needs a fresh optimizer, since the state of the running one
        belongs to the last weights.""",
        "stage2: ce @ 80% { handoff = best }",
        "validation = 0.1\nstage1: input_mixup\nstage2: ce @ 80% { optimizer = sgd(lr = 0.001); handoff = best }",
    ),
    "LT115": entry(
        "file to use not usable",
        """`use` takes a relative path to a readable recipe file in the recipe's folder or below it, that does not use
        itself.""",
        'use "../elsewhere.lt"',
        'use "common/cifar.lt"',
    ),
    "LT116": entry(
        "bad --set",
        """`--set` takes `address=value`. An address is a setting (`epochs`), a part of one (`dataset.imbalance`), or
        the same within a stage (`stage2.at`, `stage2.tricks`, `stage2.cs_ce.gamma`, `stage2.optimizer.lr`).""",
    ),
    "LT118": entry(
        "nothing to choose the best epoch on",
        """`best_on = validation` needs a validation part, held out of the training images by `validation`.""",
        "best_on = validation",
        "validation = 0.1",
    ),
    "LT119": entry(
        "incompatible with the classifier",
        """`ldam` replaces the linear classifier by a cosine one, s · cos of features and class weights, for the whole
        run: its weights could not change their meaning between stages. So all stages with `ldam` have one `s`, and
        losses that need a linear classifier cannot stand beside them: sigmoid losses (`focal`, `cb_focal`), since a
        cosine classifier has no bias and cannot point away from all wrong classes at once, and `influence_balanced`,
        whose factor is the gradient at a linear classifier. Softmax losses train on s · cos.""",
        "stage1: focal\nstage2: ldam @ 80%",
        "stage1: ldam\nstage2: ldam(beta = 0.9999) @ 80%",
    ),
    "LT120": entry(
        "suppression without effect or reason",
        """`# ltdsl: ignore[LT201] reason` silences a warning or a piece of advice on its line, several with
        `ignore[LT201, LT308]`. The reason is required. Errors cannot be silenced, and a comment that silences nothing
        is reported, so that none outlives its purpose.""",
        "stage2: cam_bs + cs_ce @ 80%  # ltdsl: ignore[LT201]",
        "stage2: cam_bs + cs_ce @ 80%  # ltdsl: ignore[LT201] repeats the published row",
    ),
    "LT121": entry(
        "posthoc trick before the last stage",
        """A posthoc trick changes the logits in the final evaluation, so it stands in the last stage.""",
        "stage1: tau_norm\nstage2: class_balanced @ 80%",
        "stage1: ce\nstage2: class_balanced + tau_norm @ 80%",
    ),
    "LT122": entry(
        "two sources of the second image",
        """`bbn` and `cmo` draw a second image for each of a batch. Only one of them can, and `manifold_mixup` needs
        both images in the batch.""",
        "stage1: bbn + cmo",
        "stage1: bbn + input_mixup",
    ),
    "LT123": entry(
        "layer not in the model",
        """The model has no layer of the name whose features are to be mixed.""",
        "model = resnet32; stage1: manifold_mixup(layer = layer4)",
        "model = resnet32; stage1: manifold_mixup(layer = layer3)",
    ),
    "LT124": entry(
        "prior corrected twice",
        """`balanced_softmax` and `logit_adjustment` correct the class prior in training; `posthoc_logit_adjustment`
        would correct the same prior once more.""",
        "stage1: balanced_softmax + posthoc_logit_adjustment",
        "stage1: ce + posthoc_logit_adjustment",
    ),
    "LT125": entry(
        "optimizer cannot go on",
        """`crt` and `lws` train the classifier alone, so a stage with one of them, and the stage after it, start
        a fresh optimizer.""",
        "stage1: ce\nstage2: class_balanced + crt @ 80%",
        "stage1: ce\nstage2: class_balanced + crt @ 80% { optimizer = sgd(lr = 0.1) }",
    ),
    "LT126": entry(
        "no input to compare predictions of",
        """`dive` compares the network's prediction of an image with its teacher's. Where a hidden layer is mixed,
        there is no image that both could see.""",
        'stage1: manifold_mixup + dive(teacher = "teacher.ckpt")',
        'stage1: input_mixup + dive(teacher = "teacher.ckpt")',
    ),
}

ADVICE: dict[str, Code] = {
    rule.code: Code(
        rule.title,
        "\n\n".join([rule.documentation(), *_examples(rule.bad, rule.good)]),
    )
    for rule in RULES
}

TIME: dict[str, Code] = {
    "LT301": entry(
        "stage without a start",
        """Every stage but the first says after which completed epoch it starts.""",
        "stage1: ce\nstage2: cs_ce",
        "stage1: ce\nstage2: cs_ce @ epoch 160",
    ),
    "LT302": entry(
        "malformed start",
        """A stage starts at `epoch N` or at `N%` of `epochs`. A bare number could mean either.""",
        "stage2: cs_ce @ 160",
        "stage2: cs_ce @ epoch 160",
    ),
    "LT303": entry(
        "stages out of order",
        """Stages are written in order of time; each starts later than the one before.""",
        "stage1: ce\nstage2: cs_ce @ epoch 160\nstage3: ce @ epoch 120",
        "stage1: ce\nstage2: ce @ epoch 120\nstage3: cs_ce @ epoch 160",
    ),
    "LT304": entry(
        "stage outside the run",
        """The first stage starts at epoch 0, and every stage before the last epoch.""",
        "epochs = 100\nstage1: ce\nstage2: cs_ce @ epoch 160",
        "epochs = 200\nstage1: ce\nstage2: cs_ce @ epoch 160",
    ),
    "LT305": entry(
        "milestones out of order",
        """Milestones are written in ascending order, percentages and epochs alike.""",
        "schedule = multistep(milestones = [160, 80])",
        "schedule = multistep(milestones = [80, 160])",
    ),
    "LT306": entry(
        "milestone never acts",
        """The milestone lies at or after the end of the epochs it counts within: those of the run for the recipe's
        schedule, those of the stage for a stage's own.""",
        "epochs = 100; schedule = multistep(milestones = [160])",
        "epochs = 100; schedule = multistep(milestones = [80%])",
    ),
    "LT307": entry(
        "warm-up too long",
        """Warm-up should end before the first milestone and before the end; the rate would otherwise never be the
        optimizer's own.""",
        "epochs = 5; schedule = constant(warmup = 5)",
        "epochs = 5; schedule = constant(warmup = 1)",
    ),
    "LT308": entry(
        "percentage rounded",
        """The percentage does not land on an epoch. It is rounded to the nearest one, halves up.""",
        "epochs = 15\nstage1: ce\nstage2: cs_ce @ 50%",
        "epochs = 15\nstage1: ce\nstage2: cs_ce @ epoch 8",
    ),
}

RUN: dict[str, Code] = {
    "LT401": entry(
        "data missing",
        """The folder given by `--data` does not hold the files that the data set needs.""",
    ),
    "LT402": entry(
        "data damaged",
        """A file is there but is truncated, unreadable, or not what it should be.""",
    ),
    "LT403": entry(
        "counts differ", """The data do not have the class counts that the plan was made for."""
    ),
    "LT404": entry(
        "less than one batch",
        """An epoch has fewer images than a batch, and only full batches are trained.""",
    ),
    "LT410": entry(
        "loss not finite",
        """The loss became infinite or NaN. The run stops; its checkpoints are those of the epoch before.""",
    ),
    "LT411": entry(
        "checkpoint unusable", """A checkpoint is missing, damaged, or no MindSpore checkpoint."""
    ),
    "LT412": entry(
        "checkpoint of another model", """The checkpoint's weights do not fit the recipe's model."""
    ),
    "LT420": entry(
        "no such device",
        """This machine, or this build of MindSpore, has no device of the kind asked for.""",
    ),
    "LT421": entry(
        "run directory unusable", """A run needs an empty folder that it can write to."""
    ),
    "LT422": entry(
        "nothing to resume",
        """`--resume` takes the folder of a run that was begun by this version and did not finish.""",
    ),
    "LT430": entry(
        "optional package missing", """The recipe needs a package that is not installed."""
    ),
    "LT431": entry(
        "model unusable",
        """The package has no such model, or it has no feature maps or classifier.""",
    ),
    "LT499": entry("run failed", """The system stopped the run; the message says what it said."""),
}

CODES: dict[str, Code] = {**SYNTAX, **MEANING, **ADVICE, **TIME, **RUN}
"""All codes, in order."""
