"""`ltdsl doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ltdsl.cli.complete import tricks
from ltdsl.cli.options import Device, Form, Format
from ltdsl.cli.output import fail, misused, need, print_json
from ltdsl.system.terminal import say

#: How findings are marked.
_MARKS = {"fine": "ok", "told": "–", "wrong": "!"}


def doctor(
    verified: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Train ten steps of every trick, and compare with figures of a CPU: a report to paste.",
        ),
    ] = False,
    device: Annotated[
        Device | None,
        typer.Option(help="What to verify; auto unless it is said.", show_default=False),
    ] = None,
    trick: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Verify this one only. Repeatable.",
            autocompletion=tricks,
            show_default=False,
        ),
    ] = None,
    form: Form = Format.TEXT,
) -> None:
    """Say what this machine can do, and what is in the way.

    Devices and why they are not found, packages, kernels, memory, disk, cache and plug-ins. Exit code 1 where something
    is in the way of training, or where a device that is verified computes something else than a CPU.
    """
    if verified:
        _verify((device or Device.AUTO).value, trick or [], form)
        return
    if device or trick:
        misused(f"{'--device' if device else '--trick'} says what to verify: add --verify")
    from ltdsl.doctor.diagnosis import diagnose
    from ltdsl.doctor.facts import gather

    machine = gather()
    findings = diagnose(machine)
    if form is Format.JSON:
        print_json({"facts": asdict(machine), "findings": [each._asdict() for each in findings]})
    else:
        width = max(len(each.about) for each in findings)
        for each in findings:
            say(f"{_MARKS[each.state]:<3}{each.about:<{width}}  {each.said}")
            if each.hint:
                say(f"   {'':<{width}}  help: {each.hint}")
    if any(each.state == "wrong" for each in findings):
        raise typer.Exit(1)


def _verify(device: str, wanted: list[str], form: Format) -> None:
    from ltdsl.doctor.show import as_data, head, line, tail
    from ltdsl.doctor.verify import Report, Verdict, recorded, verify

    known = recorded()["tricks"]
    if unknown := [name for name in wanted if name not in known]:
        misused(f"--trick {unknown[0]}: there are no figures of such a trick: see `ltdsl tricks`")
    need("`ltdsl doctor --verify`", "train")
    text = form is Format.TEXT

    def begun(report: Report) -> None:
        for each in head(report) if text else ():
            say(each)

    def tell(verdict: Verdict) -> None:
        if text:
            say(line(verdict))

    report = verify(device, wanted, begun, tell)
    if report.trouble:
        fail("LT420", report.trouble, report.hint)
    if text:
        say(tail(report))
    else:
        print_json(as_data(report))
    if not report.passed:
        raise typer.Exit(1)
