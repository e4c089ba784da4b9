"""`ltdsl doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ltdsl.cli.options import Format
from ltdsl.cli.output import print_json
from ltdsl.system.terminal import say

#: How findings are marked.
_MARKS = {"fine": "ok", "told": "–", "wrong": "!"}


def doctor(
    form: Annotated[
        Format, typer.Option("--format", help="For people, or for programs.")
    ] = Format.TEXT,
) -> None:
    """Say what this machine can do, and what is in the way.

    Devices and why they are not found, packages, kernels, memory, disk, cache and plug-ins. Exit code 1 where something
    is in the way of training.
    """
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
