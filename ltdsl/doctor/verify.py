"""`ltdsl doctor --verify`: ten steps of every trick on a device, against what they came to on a CPU."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from tempfile import TemporaryFile
from typing import IO, Any, Literal, NamedTuple

from ltdsl.catalogue import TRICKS, Entry
from ltdsl.compiler import compile_recipe
from ltdsl.plan import Plan
from ltdsl.source import Source
from ltdsl.system import children

#: Relative difference up to which figures are the same; docs/verify.md says why.
TOLERANCE = 1e-2

#: Seconds that the device has for a trick: its graph may be compiled for minutes where nobody has done it before.
PATIENCE = 600.0

#: The figures of a CPU, beside this file.
RECORDED = "figures.json"

#: No augmentation, and a rate at which ten steps change much and nothing diverges.
_HEAD = (
    "dataset = digits_lt; model = resnet8; batch_size = 16; validation = 10%; epochs = 20; augment = []; "
    "schedule = constant(warmup = 0); "
)
_OWN = "{ optimizer = sgd(lr = 0.001) }"

#: What stands for the checkpoint that a trick must be given; a network that nobody has trained takes its place.
_TEACHER = "teacher.ckpt"

#: Values with which a trick does something of its own on the digits, where with its defaults it does not.
_VALUES = {"seql": "lambda = 0.05", "cb_ce": "beta = 0.9"}

#: Below this a figure is compared as if it were this large.
_LEAST = 1e-6

Figures = Mapping[str, list[float]]
State = Literal["ok", "differs", "failed"]


class Verdict(NamedTuple):
    """What a trick came to.

    Attributes:
        trick: Its name.
        state: Whether its figures are those of a CPU.
        difference: The largest relative one; None where it failed.
        said: Where they differ, or why it failed; empty where all is well.
    """

    trick: str
    state: State
    difference: float | None
    said: str = ""


@dataclass
class Report:
    """What a device came to.

    Attributes:
        device: What there is to know of it: versions, name, kernels.
        recorded: The same of the CPU that the figures are of.
        verdicts: Of each trick.
        trouble: Why nothing could be tried; empty where something was.
        hint: What to do about that.
    """

    device: dict[str, Any] = field(default_factory=dict)
    recorded: dict[str, Any] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    trouble: str = ""
    hint: str = ""

    @property
    def passed(self) -> bool:
        """Whether the device computes what a CPU does, as far as it was tried."""
        return bool(self.verdicts) and all(each.state == "ok" for each in self.verdicts)


def recipe_of(trick: type[Entry]) -> str:
    """The recipe whose last stage is trained for ten steps, with the trick."""
    given = [
        f'{info.alias or name} = "{_TEACHER}"'
        for name, info in trick.model_fields.items()
        if info.is_required()
    ]
    given += [_VALUES[trick.name]] if trick.name in _VALUES else []
    call = f"{trick.name}({', '.join(given)})" if given else trick.name
    return f"{_HEAD}stage1: ce; stage2: {call} @ 50% {_OWN}"


def plan_of(trick: type[Entry]) -> Plan:
    """Its plan.

    Raises:
        ValueError: There is none: the recipe is refused.
    """
    result = compile_recipe(Source("verify.lt", recipe_of(trick)), allow_outside=True)
    if result.plan is None:
        raise ValueError(f"{trick.name}: {result.diagnostics[0].message}")
    return result.plan


def recorded() -> dict[str, Any]:
    """The figures of a CPU, with what they were made with."""
    text = files("ltdsl.doctor").joinpath(RECORDED).read_bytes()
    found: dict[str, Any] = json.loads(text)
    return found


def verify(
    device: str,
    names: Iterable[str] = (),
    begun: Callable[[Report], None] = lambda _: None,
    tell: Callable[[Verdict], None] = lambda _: None,
    patience: float = PATIENCE,
) -> Report:
    """Try tricks on a device, and compare.

    Args:
        device: As `--device` names it.
        names: Tricks; all that figures were recorded of by default.
        begun: Is told when the device is known.
        tell: Is told of each as soon as it is known.
        patience: Seconds that each has.
    """
    known = recorded()
    report = Report(recorded=known["made_with"])
    wanted = list(names) or list(known["tricks"])
    plans = {name: plan_of(TRICKS[name]) for name in wanted}

    def say(verdict: Verdict) -> None:
        report.verdicts.append(verdict)
        tell(verdict)

    for said in tried(device, plans, patience):
        if "name" not in said:
            if "error" in said:
                report.trouble, report.hint = said["error"], said["hint"]
            else:
                report.device = said
                begun(report)
            continue
        say(_verdict(said, known["tricks"].get(said["name"]), plans[said["name"]]))
    return report


def _verdict(said: Mapping[str, Any], known: Mapping[str, Any] | None, plan: Plan) -> Verdict:
    name = said["name"]
    if "failed" in said:
        return Verdict(name, "failed", None, said["failed"])
    if known is None or known["plan"] != plan.digest():
        return Verdict(name, "failed", None, "its figures are of another plan: record them anew")
    return compare(name, said["figures"], known["figures"])


def compare(name: str, found: Figures, known: Figures) -> Verdict:
    """Figures of a device against those of a CPU.

    Args:
        name: The trick.
        found: What the device came to.
        known: What a CPU came to.
    """
    if {key: len(each) for key, each in found.items()} != {k: len(v) for k, v in known.items()}:
        return Verdict(name, "differs", None, "it has other figures")
    largest, where = 0.0, ""
    for kind, values in known.items():
        for number, (value, other) in enumerate(zip(found[kind], values, strict=True)):
            difference = abs(value - other) / max(abs(other), _LEAST)
            if not difference <= largest:  # NaN too
                place = f" of step {number + 1}" if kind == "loss" else ""
                largest, where = difference, f"{kind}{place}: {value:.6g}, {other:.6g} on a CPU"
    same = largest <= TOLERANCE
    return Verdict(name, "ok" if same else "differs", largest, "" if same else where)


# ── the other process ───────────────────────────────────────────────────────────────────────────


def tried(device: str, plans: Mapping[str, Plan], patience: float) -> Iterator[dict[str, Any]]:
    """What there is to say of the device, then of each plan; a process that dies fails one of them, not the others.

    Args:
        device: As `--device` names it.
        plans: By name.
        patience: Seconds for each.
    """
    left = {name: plan.model_dump(mode="json", by_alias=True) for name, plan in plans.items()}
    first = True
    while left:
        begun = False
        with TemporaryFile() as errors:
            child = _start({"device": device, "plans": left}, errors)
            late = threading.Event()
            for said in _lines(child, patience, late):
                if "name" not in said:
                    begun = "error" not in said
                    if first or not begun:
                        yield said
                    first = False
                    if not begun:
                        return
                    continue
                del left[said["name"]]
                yield said
            why = f"no answer within {patience:.0f} s" if late.is_set() else _why(child, errors)
        if not left:
            return
        if not begun:  # it did not come as far as the first
            yield {"error": why, "hint": "`ltdsl doctor` says what is in the way"}
            return
        name = next(iter(left))
        del left[name]
        yield {"name": name, "failed": why}


def _start(asked: dict[str, Any], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        children.command("ltdsl_runtime.use.verify"),
        env=children.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(asked).encode())
        child.stdin.close()
    except OSError:
        pass  # it has died already; why is told when it is waited for
    return child


def _lines(
    child: subprocess.Popen[bytes], patience: float, late: threading.Event
) -> Iterator[dict[str, Any]]:
    """What a process says, line by line; it is killed where it is silent for too long, and when nobody listens."""
    assert child.stdout is not None

    def end() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(patience, end)
    timer.start()
    try:
        for line in child.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # some driver's greeting
            if isinstance(said, dict):
                timer.cancel()
                yield said
                timer = threading.Timer(patience, end)
                timer.start()
    finally:
        timer.cancel()
        if child.poll() is None:
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
        child.stdout.close()


def _why(child: subprocess.Popen[bytes], errors: IO[bytes]) -> str:
    """Why a process ended before it was done."""
    code = child.wait()
    errors.seek(0)
    lines = errors.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
    last = f": {lines[-1].strip()[:200]}" if lines else ""
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"the process ended with {how}{last}"
