"""One worker of `test_shared_steps.py`: steps of many recipes, each with its part of every batch.

    python shared_steps.py FOLDER whole|split NAME …

Writes FOLDER/SIZE-RANK.npz: for each name the losses, the final weights with what the optimizer keeps, and what an
evaluation counted. Where the classes are split, the first worker's are whole, and the others leave out their parts.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.models import Network, freeze
from ltdsl_runtime.models.classifiers import use_cosine, use_factors
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.network import GlobalPool
from ltdsl_runtime.models.split import Split, split_network
from ltdsl_runtime.parallel.cluster import Workers, is_scheduler, join
from ltdsl_runtime.training.evaluate import Evaluator
from ltdsl_runtime.training.stages import begin_stage, build_stage, rates_of_steps
from ltdsl_runtime.tricks.optimizers import build_optimizer
from ltdsl_runtime.tricks.posthoc import corrected
from ltdsl_runtime.tricks.registry import build_sampling
from mindspore import Tensor, nn
from support.composition import call_of
from support.training import hand_made, plan

from ltdsl import catalogue

HEAD = {
    "batch_size": "8",
    "optimizer": "sgd(lr = 0.3)",
    "schedule": "constant(warmup = 0)",
    "augment": "[]",
}
LATER = "epochs = 2; a: ce; b:"  # what needs a stage before it

#: What a trick of each kind is tried with, where nothing else is written below.
BESIDE = {
    "sampler": " + cs_ce",
    "mixer": " + cs_ce",
    "classifier": " + class_balanced",
    "teacher": " + cs_ce",
}


def recipe_of(trick: type[catalogue.Trick]) -> str:
    chain = call_of(trick) + BESIDE.get(trick.kind, "")
    later = f"{LATER} {chain} @ epoch 1 {{ optimizer = sgd(lr = 0.3) }}"
    if trick.kind == "posthoc" and trick.is_fitted:
        return f"validation = 0.1; a: {chain}"
    return later if trick.needs_weights else f"a: {chain}"


#: Each trick beside another where it can be: what goes wrong alone goes wrong there too.
RECIPES = {name: recipe_of(trick) for name, trick in catalogue.TRICKS.items()} | {
    "fp16": "precision = fp16; a: ce",
    "flip": "augment = [random_horizontal_flip]; a: ce",
    "adam": "optimizer = adam(lr = 0.01); a: ce",
    "adamw": "optimizer = adamw(lr = 0.01, weight_decay = 0.5); a: ce",
    "sam": "sharpness = sam(rho = 0.2); a: cs_ce",
    "sam + clip_norm + accumulate": (
        "sharpness = sam(rho = 0.2); clip_norm = 0.01; accumulate = 2; batch_size = 4; a: cs_ce + input_mixup"
    ),
    "body_lr": "body_lr = 0.1; a: cs_ce",
    "body = frozen": "body = frozen; a: cs_ce",
    "batch_norm = frozen": "batch_norm = frozen; body_lr = 0.5; average = ema(decay = 0.5); a: ce",
    "max_norm": "constraint = max_norm(threshold = 0.4); a: ce",
    "ema": "average = ema(decay = 0.5); a: ce",
    "clip_norm": "clip_norm = 0.01; a: ce",
    "clip_norm + crt": (
        f"clip_norm = 0.01; {LATER} crt + cs_ce @ epoch 1 {{ optimizer = sgd(lr = 0.3) }}"
    ),
    "class_balanced": "a: class_balanced",
    "square_root": "a: square_root",
    "progressive": "a: progressive",
    "over_sampling": "a: over_sampling",
    "under_sampling": "batch_size = 4; a: under_sampling",
    "bbn + seql": "a: bbn + seql",
    "cam_bs + input_mixup": f"{LATER} cam_bs + input_mixup + cs_ce @ epoch 1",
    "accumulate": "accumulate = 2; batch_size = 4; a: cs_ce",
    "accumulate + bbn": "accumulate = 2; batch_size = 4; a: bbn + seql",
    "accumulate + cutmix": "accumulate = 2; batch_size = 4; a: cutmix + cs_ce",
    "input_mixup": "a: input_mixup",
    "input_mixup + cs_ce": "a: input_mixup + cs_ce",
    "manifold_mixup": "a: manifold_mixup(layer = layer1) + cs_ce",
    "manifold_mixup at pool": "a: manifold_mixup(layer = pool) + influence_balanced(alpha = 1)",
    "manifold_mixup at fc": "a: manifold_mixup(layer = fc)",
    "remix": "a: remix(kappa = 1.5, tau = 0.9) + cb_ce",
    "cmo + over_sampling": "a: cmo + over_sampling + focal",
    "cb_ce by mean": "a: cb_ce(reduction = mean)",
    "ldam": "a: ldam(beta = 0.99)",
    "seql": "a: seql(lambda = 0.3)",
    "influence_balanced": "a: influence_balanced(alpha = 1)",
    "influence_balanced, through": "a: influence_balanced(alpha = 1, through_factor = true)",
    "accumulate + dive": 'accumulate = 2; batch_size = 4; a: dive(teacher = "t.ckpt") + cs_ce',
}

EVALUATED = ("ce", "focal", *catalogue.POSTHOC)

STEPS = 5

#: Odd, so that parts are not equally large; two for each of four workers.
CLASSES = 9


def network(seed: int, features: int = 3) -> Network:
    """Two bent layers, no batch norm."""
    body = {
        "layer1": nn.SequentialCell(nn.Conv2d(2, 3, 1), nn.Tanh()),
        "layer2": nn.SequentialCell(nn.Conv2d(3, features, 1), nn.Sigmoid()),
    }
    made = Network(body, GlobalPool(), nn.Dense(features, CLASSES))
    initialise(made, seed)
    return made


def train(text: str, evaluated: bool, workers: Workers) -> dict[str, np.ndarray]:
    head = "; ".join(
        f"{name} = {value}" for name, value in HEAD.items() if f"{name} =" not in text.split("{")[0]
    )
    data, run = hand_made(CLASSES), plan(f"{head}; {text}")
    stage = run.stages[-1]
    least = stage.classifier.least_features(CLASSES) if stage.classifier else 1
    net = network(run.seed, max(3, least))
    if run.logit_scale:
        use_cosine(net, CLASSES, run.logit_scale)
        initialise(net, run.seed)
    if stage.classifier and stage.classifier.adds_factors:
        use_factors(net, CLASSES)
    whole = copy.deepcopy(net)  # as of a stage's start, which a sampler may look at
    if (part := workers.part(CLASSES)) is not None:
        split_network(net, part)
    split, teacher = Split(net), freeze(network(9)) if stage.teacher else None
    if teacher and part:
        split_network(teacher, part)
    trained = begin_stage(run, stage, net)
    rates = rates_of_steps(run, len(run.stages) - 1, data.counts)
    built = build_stage(
        run,
        stage,
        data,
        net,
        build_optimizer(
            stage.optimizer, trained, rates, [p.name for p in net.classifier.get_parameters()]
        ),
        teacher,
        build_sampling(stage.sampler, whole, data),
        workers,
    )
    built.step.set_train(True)
    steps = min(STEPS, len(built.source))
    losses = [built.step(*map(Tensor, built.source[i])).asnumpy() for i in range(steps)]
    found = {"losses": np.stack(losses)}
    held = [net, built.step.update, *filter(None, [built.step.average])]
    parameters = {p.name: p for cell in held for p in cell.get_parameters()}.values()
    for parameter in split.whole(parameters):
        if workers.first or not split.has(parameter.name):
            found[parameter.name] = parameter.asnumpy().copy()
    if evaluated:
        shown = corrected(run, net, data.counts)
        normalise = Normalise(data.mean, data.std)
        step = EvalStep(shown, normalise, stage.loss.confidence, workers, part)
        scores = Evaluator(step, CLASSES, workers)(data.test)
        cells = scores.report(data.counts, "abcdefghi")
        found["evaluation"] = np.array([cells["top1_error"], cells["expected_calibration_error"]])
        found["images"] = np.array([row["test_images"] for row in cells["per_class"]])
    return found


def main() -> None:
    workers = join()
    if is_scheduler():
        return
    folder, names = Path(sys.argv[1]), sys.argv[3:]
    workers = replace(workers, split_classes=sys.argv[2] == "split")
    found = {}
    for name in names:
        for what, value in train(RECIPES[name], name in EVALUATED, workers).items():
            found[f"{name}|{what}"] = value
    np.savez(folder / f"{workers.size}-{workers.rank}.npz", **found)


if __name__ == "__main__":
    main()
