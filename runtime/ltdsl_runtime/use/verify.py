"""What ten steps of a stage come to on a device: `ltdsl doctor --verify`.

A process of its own, which reads what to train on standard input and prints a line of JSON for each: on a device that
nobody has tried, it may hang or abort.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.plan import Plan
from ltdsl.system.terminal import data as write
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ltdsl_runtime.models import Network

#: Steps of each stage.
STEPS = 10

#: Test images whose confidences are figures, where a trick acts in evaluation.
IMAGES = 16


def figures(plan: Plan) -> dict[str, list[float]]:
    """Train the last stage of a plan for ten steps from initial weights, on the device that is prepared.

    Args:
        plan: On embedded data. Its last stage begins its optimizer; a teacher is a network of the next seed.

    Returns:
        ``loss``, of each step before its update; ``classifier`` and ``body``, how far their weights have moved (one
        number, the Euclidean length of the change); where there is a posthoc trick ``confidence``, the probabilities of
        the predicted classes of a few test images.

    Raises:
        RunError: The stage cannot be trained.
    """
    from mindspore import Tensor

    from ltdsl_runtime.data import load_data
    from ltdsl_runtime.models import freeze, planned_network
    from ltdsl_runtime.parallel.cluster import ALONE
    from ltdsl_runtime.training.networks import network_to_train
    from ltdsl_runtime.training.stages import begin_stage, build_stage, optimizer_of

    loaded = load_data(plan, None)
    plan = loaded.completed(plan)
    network = network_to_train(plan, loaded, Path(), ALONE, lambda _: None)
    index, stage = len(plan.stages) - 1, plan.stages[-1]
    teacher = None
    if stage.teacher is not None:
        other = plan.model_copy(update={"seed": plan.seed + 1})
        teacher = freeze(planned_network(other, len(loaded.counts), loaded.train.shape[0]))
    trained = begin_stage(plan, stage, network)
    optimizer = optimizer_of(plan, index, loaded, network, trained)
    begun = build_stage(plan, stage, loaded, network, optimizer, teacher)
    before = _weights(network)
    begun.step.set_train(True)
    losses = []
    for number in range(STEPS):
        columns = begun.source[number]
        losses.append(float(begun.step(*map(Tensor, columns)).asnumpy()))
    found = {"loss": losses, **_moved(before, network)}
    if stage.posthoc is not None:
        found["confidence"] = _confidences(plan, network, loaded)
    return found


def _weights(network: Network) -> dict[str, NDArray[np.float64]]:
    """A copy of all that is learned, in float64."""
    return {p.name: p.asnumpy().astype("float64") for p in network.trainable_params()}


def _moved(before: Mapping[str, NDArray[np.float64]], network: Network) -> dict[str, list[float]]:
    """The length of what has changed of the classifier, and of what is before it."""
    head = {p.name for p in network.classifier.get_parameters()}
    squares = {"classifier": 0.0, "body": 0.0}
    for name, weights in _weights(network).items():
        part = "classifier" if name in head else "body"
        squares[part] += float(((weights - before[name]) ** 2).sum())
    return {part: [square**0.5] for part, square in squares.items()}


def _confidences(plan: Plan, network: Network, loaded: Any) -> list[float]:
    """Of a few test images, as the posthoc trick corrects them."""
    import numpy as np

    from ltdsl_runtime.training.evaluate import evaluator, fit_prior

    evaluate = evaluator(plan, network, loaded, plan.confidence_at())
    fit_prior(evaluate, plan, loaded.validation)
    few = np.arange(min(len(loaded.test), IMAGES))
    scores = evaluate(loaded.test.take(few), logits=True)
    assert scores.observed is not None
    return [float(each) for each in scores.observed.confidence]


def serve(device: str, plans: Mapping[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Try plans out one after the other, and tell of each what it came to.

    Args:
        device: A name of :data:`ltdsl_runtime.machine.device.TARGETS`, or ``auto``.
        plans: As JSON data, by the names that they are told of by.
        tell: Takes what there is to say: first of the device, then of each plan.
    """
    try:
        chosen = prepare(device)
    except RunError as error:
        tell({"error": error.message, "hint": error.hint})
        return
    import mindspore as ms
    import numpy as np

    from ltdsl_runtime.machine.identity import machine_facts

    machine = machine_facts() or {}
    tell(
        {
            "device": chosen.name,
            "kernels": chosen.kernels,
            "compiler": chosen.compiler,
            "note": chosen.note,
            "mindspore": ms.__version__,
            "numpy": np.__version__,
            "processor": machine.get("processor"),
        }
    )
    for name, plan in plans.items():
        tell({"name": name, **_outcome(plan)})


def _outcome(plan: Any) -> dict[str, Any]:
    """What a plan came to, or why it failed: whatever an untried device comes up with is the outcome."""
    try:
        return {"figures": figures(Plan.model_validate(plan))}
    except RunError as error:
        return {"failed": error.message}
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        return {"failed": f"{type(error).__name__}: {first}"}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    serve(asked["device"], asked["plans"], lambda said: write(json.dumps(said) + "\n"))
