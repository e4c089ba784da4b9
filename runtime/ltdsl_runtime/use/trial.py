"""Whether a trick does what every trick does: `ltdsl tricks --test NAME`, on the digits that ltdsl brings.

The device has to be prepared before this is imported, as for all that imports MindSpore.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ltdsl import catalogue
from ltdsl.options import Origin, RunOptions
from ltdsl.runs import read_run
from ltdsl.runs.layout import METRICS
from ltdsl.system import children
from ltdsl.system.writing import write_in
from ltdsl.wording import plural
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.training.run import resume, run
from ltdsl_runtime.tricks.registry import implemented
from ltdsl_runtime.use.outcome import FailedError, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ltdsl.display.console import Console
    from ltdsl.plan import Plan
    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.use.outcome import Outcome

_HEAD = "dataset = digits_lt; batch_size = 64; validation = 10%; schedule = constant(warmup = 0); "
_FRESH = "{ optimizer = sgd(lr = 0.05) }"

#: How far the losses of one worker and of two may be apart, in the first epoch and in later ones.
_FIRST_APART, _LATER_APART = 0.05, 0.15

#: What stands for the tricks of each kind beside the one that is tried.
PARTNERS = {
    "sampler": "class_balanced",
    "mixer": "input_mixup",
    "loss": "cs_ce",
    "classifier": "crt",
    "posthoc": "tau_norm",
}

#: Training images of three classes, for gradients: no two alike, and a tail.
_COUNTS = (50, 20, 4)


class Trial:
    """The checks of an entry, in order.

    Args:
        entry: A trick, a model or an augmentation.
        folder: An empty folder for its runs.
        compiled: A recipe's text to its plan, or to what is wrong with it.
        silent: A console that nobody sees.
    """

    def __init__(
        self,
        entry: type[catalogue.Entry],
        folder: Path,
        compiled: Callable[[str], Plan | str],
        silent: Console,
    ) -> None:
        self.entry = entry
        self.folder = folder
        self._compiled = compiled
        self._silent = silent
        self._runs = 0

    def __call__(self) -> Iterator[Outcome]:
        """Each check as it is over; the later ones are left out where the first fail, on which they stand."""
        checks = {
            "it is declared": self._declared,
            "it is implemented": self._implemented,
            "its gradient": self._gradient,
            "its changes of images": self._augments,
            "it trains, each graph compiled once": self._trains,
            "it goes with the others": self._composes,
            "an interrupted run ends the same": self._resumes,
            "two workers train what one trains": self._workers,
        }
        for name, check in checks.items():
            found = outcome(name, check)
            yield found
            if found.passed is False and check in (
                self._declared,
                self._implemented,
                self._trains,
            ):
                return

    # ── the checks ──────────────────────────────────────────────────────────────────────────────

    def _declared(self) -> str:
        self._plan(self._recipe())
        lacks = [name for name in ("formula", "citation") if not getattr(self.entry, name)]
        without = f", without {' and '.join(lacks)}" if lacks else ""
        return f"{self.entry.kind} `{self.entry.name}`: {self.entry.summary()}{without}"

    def _implemented(self) -> str:
        plan = self._plan(self._recipe())
        found = implemented(_use_in(plan, self.entry))
        return "in its kind's table" if found else "all said by its declaration"

    def _gradient(self) -> str:
        """A loss's gradient against differences of its values."""
        if not issubclass(self.entry, catalogue.Loss):
            return ""
        use = _use_in(self._plan(self._recipe()), self.entry)
        assert isinstance(use, catalogue.Loss)
        if use.classifier == "cosine":
            return ""  # its logits are cosines, which no free differences are
        from ltdsl_runtime.plugged import implementation
        from ltdsl_runtime.tricks.registry import LOSSES

        total = _Total(*implementation(LOSSES, use)(use, _COUNTS))
        rng = np.random.default_rng(1)
        labels = Tensor(np.arange(9) % 3, ms.int32)
        logits = rng.normal(0, 1, (9, 3)).astype(np.float32)
        gradient = ops.grad(total)(Tensor(logits), labels).asnumpy()
        step = np.float32(2.0**-6)
        for place in np.ndindex(*logits.shape):
            up, down = logits.copy(), logits.copy()
            up[place] += step
            down[place] -= step
            rise = _number(total(Tensor(up), labels)) - _number(total(Tensor(down), labels))
            difference = rise / float(2 * step)
            if not np.isclose(difference, gradient[place], rtol=2e-2, atol=2e-3):
                raise FailedError(
                    f"the gradient of image {place[0]}, class {place[1]} is {gradient[place]:.5g}; "
                    f"differences of the loss say {difference:.5g}"
                )
        return "agrees with differences of the loss"

    def _augments(self) -> str:
        """An augmentation's draws and what it makes of images: a function of its arguments, image by image."""
        if not issubclass(self.entry, catalogue.Augment):
            return ""
        from ltdsl_runtime.data.augment import AUGMENTATIONS
        from ltdsl_runtime.plugged import implementation

        use = _use_in(self._plan(self._recipe()), self.entry)
        made = implementation(AUGMENTATIONS, use)(**dict(use))
        for shape in ((3, 32, 32), (1, 16, 24)):
            rng = np.random.default_rng(3)
            ends = 20 * np.arange(6).reshape(6, 1, 1, 1)  # no two as dark or as bright
            images = rng.integers(ends, 256 - ends, (6, *shape)).astype(np.uint8)
            before = images.copy()
            drawn, again = (np.asarray(made.draw(np.random.default_rng(5), 6)) for _ in range(2))
            if len(drawn) != 6 or not np.array_equal(drawn, again):
                raise FailedError("draw() gives no row for each image, or others for the same seed")
            changed = made.apply(images, drawn)
            if changed.dtype != np.uint8 or changed.shape != images.shape:
                raise FailedError(
                    f"uint8 {images.shape} becomes {changed.dtype} {changed.shape}: augmentations keep type and shape"
                )
            if not np.array_equal(images, before):
                raise FailedError("apply() changes the images that it is given")
            if not np.array_equal(changed, made.apply(images, drawn)):
                raise FailedError("apply() draws something itself: it is another image each time")
            single = [made.apply(images[i : i + 1], drawn[i : i + 1])[0] for i in range(6)]
            if not np.array_equal(changed, np.stack(single)):
                raise FailedError("what becomes of an image depends on the others of its batch")
        return "a function of what was drawn, image by image, of type and shape as before"

    def _trains(self) -> str:
        with _compilations() as seen:
            epochs = self._run(self._recipe(epochs=4), "whole")
        trained = [epoch for epoch in epochs if epoch.loss is not None]
        if not all(np.isfinite(epoch.loss or 0.0) for epoch in trained):
            raise FailedError("its loss is not finite")
        twice = {name for name in seen if seen.count(name) > 2 and "Step" in name}
        if twice:
            raise FailedError(
                f"its graph is compiled {max(map(seen.count, twice))} times: a shape or a Python value changes from "
                "step to step"
            )
        return f"loss {trained[0].loss:.3f} at first, {trained[-1].loss:.3f} at last"

    def _composes(self) -> str:
        """With a trick of each other kind: it trains, or is refused with a reason."""
        if not issubclass(self.entry, catalogue.Trick):
            return ""
        trained, refused = [], []
        for kind, partner in PARTNERS.items():
            if kind == self.entry.kind:
                continue
            plan = self._compiled(self._recipe(partner))
            if isinstance(plan, str):
                refused.append(f"`{partner}` ({plan})")
                continue
            try:
                self._train(plan, partner)
            except RunError as error:
                raise FailedError(f"with `{partner}`: {error.message}") from error
            trained.append(f"`{partner}`")
        said = f"trains with {', '.join(trained)}" if trained else ""
        not_with = f"refused with {', '.join(refused)}" if refused else ""
        return "; ".join(filter(None, (said, not_with)))

    def _resumes(self) -> str:
        """A run that is stopped after an epoch and goes on has the records and the weights of one without a break."""
        text = self._recipe(epochs=4)
        if not (self.folder / "whole").exists():
            self._run(text, "whole")
        plan, halves = self._plan(text), self.folder / "halves"
        try:
            run(
                plan,
                _origin(),
                halves,
                cast("Console", _Stopping(self._silent, "epoch 2 ")),
                _options(),
            )
        except KeyboardInterrupt:
            resume(halves, self._silent, _options())
        else:
            raise FailedError("the run could not be stopped")
        whole, again = (_records(self.folder / name) for name in ("whole", "halves"))
        if whole != again:
            raise FailedError(f"the records differ: {whole[-1]} without a break, {again[-1]} with")
        first, second = (
            ms.load_checkpoint(str(self.folder / name / "checkpoints" / "last.ckpt"))
            for name in ("whole", "halves")
        )
        for name, value in first.items():
            if isinstance(value, ms.Parameter) and not np.array_equal(
                value.asnumpy(), second[name].asnumpy()
            ):
                raise FailedError(f"the weights `{name}` differ")
        return "records and weights are equal, bit for bit"

    def _workers(self) -> str:
        """Two processes that share each batch train what one does, but for batch norms, which see their own half."""
        write_in(self.folder, "two.lt", self._recipe(epochs=4) + "\n")
        out = self.folder / "two"
        command = children.command(
            "ltdsl", "run", str(self.folder / "two.lt"), "--out", str(out), "--workers=2",
            "--no-cache", "--device=cpu", "--allow-outside",
        )  # fmt: skip
        done = subprocess.run(
            command,
            env=children.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["it failed"]
            raise FailedError(next((line for line in lines if "error" in line), lines[-1]))
        one, two = (_records(self.folder / name) for name in ("whole", "two"))
        for number, (alone, together) in enumerate(zip(one, two, strict=True)):
            # each step adds to what batch norms make of it
            within = _FIRST_APART if number == 0 else _LATER_APART
            if not np.isclose(alone[1] or 0.0, together[1] or 0.0, rtol=within, atol=0.01):
                raise FailedError(
                    f"epoch {alone[0]} has a loss of {together[1]} with two workers, and {alone[1]} with one: "
                    f"batch norms that see half a batch explain {within:.0%} there, not more"
                )
        return f"the last loss is {two[-1][1]:.4f} with two, {one[-1][1]:.4f} with one"

    # ── what they stand on ──────────────────────────────────────────────────────────────────────

    def _recipe(self, partner: str = "", epochs: int = 2) -> str:
        """A recipe whose second half is trained with the entry, and with another trick where one is named."""
        name, head = self.entry.name, f"{_HEAD}epochs = {epochs}; "
        if issubclass(self.entry, catalogue.Model):
            return f"{head}model = {name}; stage1: ce; stage2: class_balanced @ 50% {_FRESH}"
        if issubclass(self.entry, catalogue.Augment):
            return f"{head}augment = [{name}]; stage1: ce; stage2: class_balanced @ 50% {_FRESH}"
        if issubclass(self.entry, catalogue.Trick):
            chain = " + ".join(filter(None, [self._call(), partner]))
            return f"{head}stage1: ce; stage2: {chain} @ 50% {_FRESH}"
        raise FailedError(f"{plural(self.entry.kind)} are not tried here")

    def _call(self) -> str:
        """The trick with what it must be given: a network that was trained before."""
        required = [
            f'{info.alias or name} = "{self._teacher()}"'
            for name, info in self.entry.model_fields.items()
            if info.is_required()
        ]
        return f"{self.entry.name}({', '.join(required)})" if required else self.entry.name

    def _teacher(self) -> Path:
        if not (self.folder / "teacher").exists():
            self._run(f"{_HEAD}epochs = 1; stage1: ce", "teacher")
        return self.folder / "teacher" / "checkpoints" / "last.ckpt"

    def _plan(self, text: str) -> Plan:
        plan = self._compiled(text)
        if isinstance(plan, str):
            raise FailedError(plan)
        return plan

    def _run(self, text: str, name: str) -> tuple[Epoch, ...]:
        return self._train(self._plan(text), name)

    def _train(self, plan: Plan, name: str) -> tuple[Epoch, ...]:
        out = self.folder / name
        run(plan, _origin(), out, self._silent, _options())
        return tuple(read_run(out).metrics)


class _Total(nn.Cell):
    """A loss over a batch, as the step reduces it."""

    def __init__(self, loss: nn.Cell, reduction: nn.Cell) -> None:
        super().__init__()
        self.loss, self.reduction = loss, reduction

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits float32 [B, C] and labels int32 [B] -> a number."""
        loss, weight = self.loss(logits, labels)
        total: Tensor = self.reduction(loss, weight)
        return total


def _number(tensor: Tensor) -> float:
    return float(tensor.asnumpy())


class _Stopping:
    """A console at which somebody interrupts when a line begins so."""

    is_terminal = False  # progress is told in lines

    def __init__(self, console: Console, at: str) -> None:
        self._console = console
        self._at = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._console, name)

    def say(self, text: object) -> None:
        """Print a line, or stop."""
        if str(text).startswith(self._at):
            raise KeyboardInterrupt


def _options() -> RunOptions:
    return RunOptions(device="cpu", no_cache=True)


def _origin() -> Origin:
    return Origin()


def _records(path: Path) -> list[tuple[Any, ...]]:
    """What an epoch's record says, but for its time."""
    assert (path / METRICS).exists()
    return [
        (each.epoch, each.loss, each.lr, each.top1_error, each.macro_recall)
        for each in read_run(path).metrics
    ]


def _use_in(plan: Plan, entry: type[catalogue.Entry]) -> catalogue.Entry:
    """The entry as a plan uses it, in its last stage or in the run."""
    stage = plan.stages[-1]
    parts = [getattr(stage, name) for name in type(stage).model_fields] + [plan.model]
    parts += list(stage.augment)
    return next(part for part in parts if isinstance(part, entry))


@contextmanager
def _compilations() -> Iterator[list[str]]:
    """Collects the names of the cells whose graphs are really compiled."""
    ms_api: Any = import_module("mindspore.common.api")
    seen: list[str] = []
    original = ms_api._CellGraphExecutor.compile

    def counting(self: object, cell: nn.Cell, *args: object, **options: object) -> object:
        found = original(self, cell, *args, **options)
        if found[1]:
            seen.append(type(cell).__name__)
        return found

    ms_api._CellGraphExecutor.compile = counting
    try:
        yield seen
    finally:
        ms_api._CellGraphExecutor.compile = original
