"""`ltdsl doctor --verify`: ten steps of a trick on a device against the recorded figures of a CPU."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import command, environment

from ltdsl.catalogue import TRICKS
from ltdsl.doctor import verify
from ltdsl.doctor.verify import TOLERANCE, compare, plan_of, recorded, tried

KNOWN = recorded()


def test_there_are_figures_of_every_trick_as_it_is_now():
    """`python -m ltdsl.doctor --missing` records those of a new trick, `make figures` all after a change of numbers."""
    plans = {name: plan_of(entry).digest() for name, entry in TRICKS.items()}
    assert {name: each["plan"] for name, each in KNOWN["tricks"].items()} == plans
    for each in KNOWN["tricks"].values():
        assert len(each["figures"]["loss"]) == 10
        assert all(math.isfinite(v) for values in each["figures"].values() for v in values)


def test_figures_say_something():
    """Tricks that are others have other figures; what a classifier stage freezes has not moved."""
    figures = {name: each["figures"] for name, each in KNOWN["tricks"].items()}
    same = {
        (one, other)
        for one, other in itertools.combinations(figures, 2)
        if compare(one, figures[one], figures[other]).state == "ok"
    }
    # cross entropy of all images; and one formula under two names, where tau is 1
    assert same == {("instance_balanced", "ce"), ("balanced_softmax", "logit_adjustment")}
    for name in ("crt", "lws"):
        assert figures[name]["body"] == [0.0]
    for name, each in figures.items():
        assert max(*each["classifier"], *each["body"]) > 1e-4, name


def moved(figures: dict, kind: str, number: int, factor: float) -> dict:
    changed = {key: list(values) for key, values in figures.items()}
    changed[kind][number] *= factor
    return changed


def test_what_is_the_same_and_what_differs():
    known = KNOWN["tricks"]["cs_ce"]["figures"]
    assert compare("cs_ce", known, known) == ("cs_ce", "ok", 0.0, "")
    near = compare("cs_ce", moved(known, "loss", 3, 1 + TOLERANCE / 2), known)
    assert (near.state, round(near.difference / TOLERANCE, 3)) == ("ok", 0.5)
    far = compare("cs_ce", moved(known, "loss", 3, 1 + 2 * TOLERANCE), known)
    assert far.state == "differs"
    assert far.said.startswith("loss of step 4: ")
    assert compare("cs_ce", moved(known, "body", 0, math.nan), known).state == "differs"
    frozen = {"loss": [1.0], "body": [0.0]}
    assert compare("crt", {"loss": [1.0], "body": [1e-3]}, frozen).state == "differs"
    assert compare("crt", {"loss": [1.0]}, frozen).state == "differs"


def doctor(
    folder: Path, *arguments: str, verified: bool = True
) -> subprocess.CompletedProcess[str]:
    line = command("doctor", *["--verify"] * verified, *arguments)
    return subprocess.run(
        line, cwd=folder, env=environment(), capture_output=True, text=True, timeout=600
    )


def test_tricks_are_verified_on_the_command_line(tmp_path):
    """A loss and a posthoc trick on the native kernels, or MindSpore's where they cannot be built."""
    done = doctor(tmp_path, "--device", "cpu", "--trick", "cs_ce", "--trick", "tau_norm")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "MindSpore" in lines[0]
    assert lines[1].startswith("device: cpu, kernels ")
    assert [line.split()[0] for line in lines[-3:-1]] == ["cs_ce", "tau_norm"]
    assert lines[-1] == "2 tricks: 2 ok"


def test_a_device_that_is_not_there_is_told(tmp_path):
    done = doctor(tmp_path, "--device", "ascend")
    assert (done.returncode, done.stdout) == (1, "")
    assert "finds no Ascend here" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--device", "cpu"), ("--trick", "ce"), ("--verify", "--trick", "nothing")],
    ids=" ".join,
)
def test_what_says_nothing_is_misuse(tmp_path, arguments):
    done = doctor(tmp_path, *arguments, verified=False)
    assert (done.returncode, done.stdout) == (2, "")


SAYS = """
import json, os, sys, time
plans = json.load(sys.stdin)["plans"]
print("a driver's greeting", flush=True)
print(json.dumps({"device": "gpu", "kernels": None}), flush=True)
for name in plans:
    if name == "focal":
        print("no memory left", file=sys.stderr, flush=True)
        os.abort()
    if name == "cdt":
        time.sleep(60)
    print(json.dumps({"name": name, "failed": "none" if name == "ldam" else ""}), flush=True)
"""


def test_a_process_that_dies_or_hangs_fails_one_trick(tmp_path, monkeypatch):
    script = tmp_path / "says.py"
    script.write_text(SAYS)
    monkeypatch.setattr(verify.children, "command", lambda _: [sys.executable, str(script)])
    plans = {name: plan_of(TRICKS[name]) for name in ("ce", "focal", "cdt", "ldam")}
    told = list(tried("gpu", plans, patience=3))
    assert told[0] == {"device": "gpu", "kernels": None}
    outcomes = {each["name"]: each["failed"] for each in told[1:]}
    assert outcomes == {
        "ce": "",
        "focal": "the process ended with signal 6: no memory left",
        "cdt": "no answer within 3 s",
        "ldam": "none",
    }


def test_a_process_that_never_begins_is_told(tmp_path, monkeypatch):
    script = tmp_path / "says.py"
    script.write_text("import sys; sys.exit('no such library')")
    monkeypatch.setattr(verify.children, "command", lambda _: [sys.executable, str(script)])
    (told,) = tried("gpu", {"ce": plan_of(TRICKS["ce"])}, patience=30)
    assert told["error"] == "the process ended with exit code 1: no such library"


def test_the_report_is_data_too():
    from ltdsl.doctor.show import as_data
    from ltdsl.doctor.verify import Report, Verdict

    report = Report({"device": "gpu"}, KNOWN["made_with"], [Verdict("ce", "ok", 1e-5)])
    data = json.loads(json.dumps(as_data(report)))
    assert data["passed"] is True
    report.verdicts.append(Verdict("cdt", "failed", None, "no kernel"))
    assert as_data(report)["passed"] is False
    assert not Report().passed
