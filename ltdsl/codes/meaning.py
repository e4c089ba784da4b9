"""LT1xx: what a recipe says that cannot be meant."""

from __future__ import annotations

from ltdsl.codes.entry import entry
from ltdsl.diagnostics import Code

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
        itself. Links are followed: what counts is where the file is. `--allow-outside` lets it lie anywhere.""",
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
        """`best_on = validation` needs a validation part, held out of the training images by `validation`. `best_by`
        needs that, or `best_on = test`.""",
        "best_on = validation",
        "validation = 0.1",
    ),
    "LT119": entry(
        "incompatible with the classifier",
        """A loss such as `ldam` replaces the linear classifier by a cosine one, s · cos of features and class weights,
        for the whole run: its weights could not change their meaning between stages. So all stages with `ldam` have one
        `s`, and losses that need a linear classifier cannot stand beside them: sigmoid losses such as `focal`, since a
        cosine classifier has no bias and cannot point away from all wrong classes at once, and those such as
        `influence_balanced`, whose factor is the gradient at a linear classifier. Softmax losses train on s · cos.""",
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
        """A posthoc trick belongs to no stage's training: it corrects the logits wherever the run is evaluated, so it
        stands in the last stage.""",
        "stage1: tau_norm\nstage2: class_balanced @ 80%",
        "stage1: ce\nstage2: class_balanced + tau_norm @ 80%",
    ),
    "LT122": entry(
        "two sources of the second image",
        """A sampler such as `bbn` and a mixer such as `cmo` draw a second image for each of a batch. Only one of them
        can, and a mixer of a hidden layer, such as `manifold_mixup`, needs both images in the batch.""",
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
        """Losses that raise the logits of frequent classes in training, such as `balanced_softmax` and
        `logit_adjustment`, correct the class prior; `posthoc_logit_adjustment` would correct the same prior once
        more.""",
        "stage1: balanced_softmax + posthoc_logit_adjustment",
        "stage1: ce + posthoc_logit_adjustment",
    ),
    "LT125": entry(
        "optimizer cannot go on",
        """A classifier trick, such as `crt` and `lws`, trains the classifier alone, so a stage with one, and the stage
        after it, start a fresh optimizer.""",
        "stage1: ce\nstage2: class_balanced + crt @ 80%",
        "stage1: ce\nstage2: class_balanced + crt @ 80% { optimizer = sgd(lr = 0.1) }",
    ),
    "LT126": entry(
        "no input to compare predictions of",
        """A teacher's predictions, those of `dive` for one, are compared with the network's of the same image. Where a
        hidden layer is mixed, there is no image that both could see.""",
        'stage1: manifold_mixup + dive(teacher = "teacher.ckpt")',
        'stage1: input_mixup + dive(teacher = "teacher.ckpt")',
    ),
    "LT127": entry(
        "file outside the recipe's folder",
        """`init` and `teacher` name a checkpoint, and a data set its images, in the recipe's folder or below it, as
        `use` does with files, so that a recipe from somebody else reads nothing but what came with it. Links are
        followed. `--data` names images anywhere, and `--allow-outside` lifts the rule for your own recipes.""",
        'init = "../weights/resnet32.ckpt"\nstage1: ce',
        'init = "weights/resnet32.ckpt"\nstage1: ce',
    ),
    "LT128": entry(
        "partners in other parts of a step",
        """With `accumulate`, the parts of a step are in the network one after the other. A mixer of a hidden layer asks
        for the features of images of the whole step at once.""",
        "accumulate = 4\nstage1: manifold_mixup",
        "accumulate = 4\nstage1: input_mixup",
    ),
    "LT129": entry(
        "nothing to fit or to judge on",
        """`calibration` is fitted, and `early_stopping` judged, on the validation part, which `validation` holds out of
        the training images, never on test images. `prior2posterior` is measured there too. Both ask for a softmax: a
        sigmoid loss such as `focal` asks each class on its own.""",
        "calibration = temperature\nstage1: ce",
        "calibration = temperature\nvalidation = 0.1\nstage1: ce",
    ),
    "LT140": entry(
        "value without effect",
        """No stage's plan takes the value: every stage sets its own, or starts an optimizer of its own, which takes the
        recipe's schedule no longer; or a later `--set` replaces it. What a stronger layer sets instead (`--set` over
        a file, a file over one that it uses) is not reported. A sweep refuses such a value: its runs would be told
        apart by what none of them used. Where a schedule acts in some stages, and the optimizer of another ends it,
        advice says so.""",
        "schedule = cosine\nstage1: ce { optimizer = sgd(lr = 0.05) }",
        "schedule = cosine\noptimizer = sgd(lr = 0.05)\nstage1: ce",
    ),
    "LT141": entry(
        "path counted from another folder",
        """Paths in a recipe and in the files that it uses count from the recipe's folder, whatever file they stand in:
        what is named there is the same for all. Here the file lies beside the used file that names it, and not where
        its path leads.""",
        says="""warning[LT141]: `ten.npz` counts from the recipe's folder, exp, and is not there
 --> exp/common/data.lt:1:22
  = help: write `"common/ten.npz"`""",
    ),
    "LT142": entry(
        "classes without validation images",
        """The validation part chooses the best epoch, and a class that is too small for its share has no image in it:
        how well that class is recognised has no part in the choice. It is known where class counts are.""",
        "dataset = digits_lt(imbalance = 50)\nvalidation = 0.1\nstage1: ce",
        "dataset = digits_lt(imbalance = 50)\nvalidation = 0.25\nstage1: ce",
    ),
    "LT143": entry(
        "text that reads otherwise than it is",
        """A comment or a string has invisible characters that reorder what is shown beside them, so that a line can
        read as something else than it is: a value as a comment, say. Marks of a direction, which Arabic and Hebrew
        need, are fine.""",
    ),
    "LT144": entry(
        "frozen from the start, and never trained",
        """`body = frozen` keeps all before the classifier as it is, and without `init` it is as it was drawn: random
        features, of which a classifier learns little. It is meant for weights that were trained before.""",
        "body = frozen\nstage1: ce",
        "body = frozen\ninit = pretrained\nmodel = efficientnet_lite0\ndataset = image_folder\nstage1: ce",
    ),
}
