"""When stages start: the form of what is written after `@`, and its order in time."""

from __future__ import annotations

from ltdsl.analysis.resolve import Resolved, ResolvedStage
from ltdsl.catalogue.names import nearest
from ltdsl.diagnostics import Edit, Label, Report, report
from ltdsl.epochs import stage_starts
from ltdsl.source import Span
from ltdsl.syntax import Argument, Float, Integer, Percent, Start
from ltdsl.wording import counted


def start_of(start: Start | None) -> int | str:
    """A start as an epoch or a percentage; 0 where none is written or it is not one (see :func:`_unit`)."""
    if start is None:
        return 0
    if isinstance(start.value, Percent):
        return f"{start.value.value:.12g}%"
    return start.value.value if isinstance(start.value, Integer) else 0


def check_starts(resolved: Resolved, epochs: int | None, problems: Report) -> bool:
    """Check that the stages' starts are well formed, in order and inside the run.

    Args:
        resolved: The recipe. Where syntax errors have cost it something, only the form is checked.
        epochs: Epochs of the run; None where that is not known.
        problems: Receives every problem found.

    Returns:
        True where all starts can be relied on.
    """
    stages, written = resolved.stages, resolved.settings.get("epochs")
    if resolved.whole and _swapped(stages, problems):
        return False
    good = [
        _unit(stage, may_lack=i == 0 or not resolved.whole, problems=problems)
        for i, stage in enumerate(stages)
    ]
    if not all(good) or epochs is None or not resolved.whole:
        return False
    previous: tuple[int, Span] | None = None
    fine = True
    if epochs < len(stages):
        _too_few(stages, epochs, written, problems)
        return False
    starts = stage_starts([start_of(stage.start) for stage in stages], epochs)
    for stage, start in zip(stages, starts, strict=True):
        span = stage.start.span if stage.start else stage.name.span
        if previous is None and start != 0:
            problem = report(
                "LT304",
                span,
                f"the first stage starts at epoch {start}: nothing would train before it",
                help="remove its `@`, or add a stage before it",
            )
        elif previous is not None and start <= previous[0]:
            problem = report(
                "LT303",
                span,
                f"`{stage.name.text}` starts at epoch {start}, not after the stage before it",
                others=(Label(previous[1], f"this one starts at epoch {previous[0]}"),),
                help="stages are written in order of time, each starting later than the one before",
            )
        elif previous is not None and start >= epochs:
            known = written is not None and written.span.source.kind == "file"
            problem = report(
                "LT304",
                span,
                f"`{stage.name.text}` starts at epoch {start}, but training ends after {epochs}",
                others=(Label(written.span, "the end is set here"),) if known and written else (),
                help=f"start it before epoch {epochs}, or raise `epochs`{_shorter(stage, written)}",
            )
        else:
            previous = (start, span)
            continue
        problems(problem)
        fine = False
        if previous is None or start > previous[0]:
            previous = (start, span)
    return fine


def _too_few(
    stages: list[ResolvedStage], epochs: int, written: Argument | None, problems: Report
) -> None:
    """Report that there are not even as many epochs as stages."""
    known = written is not None and written.span.source.kind != "protocol"
    problems(
        report(
            "LT304",
            written.span if known and written else stages[-1].name.span,
            f"{len(stages)} stages do not fit into {counted(epochs, 'epoch')}",
            help=f"each needs an epoch: `epochs = {len(stages)}` at least{_tried(written)}",
        )
    )


def _shorter(stage: ResolvedStage, written: Argument | None) -> str:
    """For a run that is shortened from the command line: how its stages move with it."""
    tried = _tried(written)
    return f"; `--set {stage.name.text}.at=80%` moves with `epochs`{tried}" if tried else ""


def _tried(written: Argument | None) -> str:
    is_set = written is not None and written.span.source.kind == "set"
    return "; `ltdsl run --smoke` tries some steps of each stage" if is_set else ""


def _swapped(stages: list[ResolvedStage], problems: Report) -> bool:
    """Report a stage that starts the run and is not written first."""
    if not stages or start_of(stages[0].start) in (0, "0%"):
        return False
    first = next((stage for stage in stages if start_of(stage.start) in (0, "0%")), None)
    if first is None:
        return False
    before = stages[0].start
    problems(
        report(
            "LT303",
            first.name.span,
            f"`{first.name.text}` starts the run, and stands behind `{stages[0].name.text}`",
            others=(Label(before.span, "this one starts later"),) if before else (),
            help="write stages in order of time: the one without `@` first",
        )
    )
    return True


def _unit(stage: ResolvedStage, may_lack: bool, problems: Report) -> bool:
    """Check the form of one stage's start."""
    start = stage.start
    if start is None:
        if not may_lack:
            problems(
                report(
                    "LT301",
                    stage.name.span,
                    f"`{stage.name.text}` does not say when it starts",
                    help="every stage but the first needs `@ epoch N` or `@ N%` after its tricks",
                )
            )
        return may_lack
    if isinstance(start.value, Percent):
        if start.unit is not None:
            problems(
                report(
                    "LT302",
                    start.span,
                    "a percentage takes no unit",
                    help=f"write `@ {start.value.span.text}`",
                )
            )
            return False
        if not 0 <= start.value.value <= 100:
            problems(report("LT302", start.value.span, "a percentage of the epochs is 0% to 100%"))
            return False
        return True
    text = start.value.span.text
    if start.unit is None:
        share = start.value.value if isinstance(start.value, Float) else 0
        is_share = 0 < share < 1
        written = f"{100 * share:.12g}%" if is_share else f"epoch {text}"
        problems(
            report(
                "LT302",
                start.span,
                f"`@ {text}` has no unit",
                help=f"write `@ {written}`, a share of the epochs"
                if is_share
                else f"write `@ epoch {text}` for completed epochs, or a percentage as in `@ 80%`",
                edit=Edit(start.value.span, written),
            )
        )
        return False
    if start.unit.text != "epoch":
        reserved = start.unit.text == "step"
        close = nearest(start.unit.text, ["epoch"])
        problems(
            report(
                "LT302",
                start.unit.span,
                "`step` is reserved for later as a unit"
                if reserved
                else f"unknown unit `{start.unit.text}`",
                help=f"did you mean `epoch {text}`?"
                if close
                else "a stage starts at `epoch N` or `N%`",
                edit=Edit(start.unit.span, "epoch") if close else None,
            )
        )
        return False
    if not isinstance(start.value, Integer) or start.value.value < 0:
        problems(
            report("LT302", start.value.span, f"an epoch is a whole number from 0, not {text}")
        )
        return False
    return True
