"""When learning rates change: milestones, warm-up, and percentages that do not land on an epoch.

A data set's protocol is made for runs of usual length. In a short one its percentages are rounded and its milestones
fall out of the run, which is nothing to tell those who wrote neither. That the rate never reaches the optimizer's own
is, and the place to tell it is where they wrote how short the run is.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdsl.analysis.resolve import Resolved, ResolvedStage
from ltdsl.analysis.starts import start_of
from ltdsl.catalogue import Schedule
from ltdsl.diagnostics import Report, report
from ltdsl.epochs import exact, is_rounded, place
from ltdsl.recipe import Recipe
from ltdsl.source import Span
from ltdsl.syntax import Argument, Call, List, Value
from ltdsl.wording import counted


@dataclass(frozen=True)
class _Acting:
    """A schedule that acts.

    Attributes:
        schedule: Its values.
        length: The epochs that it spans.
        written: Where it comes from.
    """

    schedule: Schedule
    length: int
    written: Argument

    def milestones(self) -> list[tuple[int | str, Span]]:
        """Each milestone, and where it comes from."""
        value = self._argument("milestones")
        items = value.items if isinstance(value, List) else ()
        return [
            (point, item.span) for point, item in zip(self.schedule.points(), items, strict=True)
        ]

    @property
    def warmup(self) -> Span:
        """Where the warm-up comes from."""
        value = self._argument("warmup")
        return value.span if value else self.written.value.span

    def _argument(self, name: str) -> Value | None:
        call = self.written.value
        arguments = call.arguments if isinstance(call, Call) else ()
        return next((each.value for each in arguments if each.name.text == name), None)


def _is_written(span: Span) -> bool:
    return span.source.kind != "protocol"


def check_schedules(recipe: Recipe, resolved: Resolved, problems: Report) -> None:
    """Check that schedules fit into their epochs, and say where a percentage does not land on one."""
    schedules = _schedules(recipe, resolved)
    for acting in schedules:
        _check_milestones(acting, problems)
        _check_warmup(acting, resolved, problems)
    for stage, (start, _) in zip(resolved.stages, recipe.bounds, strict=True):
        if stage.start:
            point, length = start_of(stage.start), recipe.settings.epochs
            if start == place(point, length):
                _rounding(point, length, stage.start.span, problems)
            else:
                _moved(stage, point, start, length, problems)
    for acting in schedules:
        for point, span in acting.milestones():
            if _is_written(span):
                _rounding(point, acting.length, span, problems)


def _check_milestones(acting: _Acting, problems: Report) -> None:
    """Check that milestones ascend, and act before their span ends."""
    length, before = acting.length, None
    for point, span in acting.milestones():
        epoch = place(point, length)
        if not _is_written(span):
            continue
        # in order before rounding: two percentages that fall on one epoch are reported as rounded
        if before is not None and exact(point, length) <= exact(before, length):
            problems(
                report(
                    "LT305",
                    span,
                    f"the milestone at epoch {epoch} does not come after the one before it, "
                    f"at epoch {place(before, length)}",
                    help="milestones are written in ascending order",
                )
            )
        elif epoch >= length:
            problems(
                report(
                    "LT306",
                    span,
                    f"the milestone at epoch {epoch} never acts: it counts within {counted(length, 'epoch')}",
                    help="set a `schedule` of its own for so short a span"
                    if isinstance(point, str)
                    else "lower it, or write it as a percentage",
                )
            )
        before = point


def _check_warmup(acting: _Acting, resolved: Resolved, problems: Report) -> None:
    """Check that warm-up ends before the first milestone and the end."""
    warmup, length = acting.schedule.warmup, acting.length
    milestones = [place(point, length) for point in acting.schedule.points()]
    first = min([length, *milestones])
    if not warmup or warmup < first:
        return
    what = "the first milestone" if first in milestones else "the end"
    message = f"warm-up lasts {counted(warmup, 'epoch')}, not less than the {first} before {what}"
    # its own place, or that of the call that took it over
    places = acting.warmup, acting.written.value.span
    span, help_ = next(filter(_is_written, places), None), "shorten `warmup`"
    if span is None:
        message += f" ({acting.warmup.source.name})"
        span = resolved.settings["epochs"].span
        help_ = "write a `schedule` for so short a run, such as `schedule = constant`"
    problems(report("LT307", span, message, help=help_))


def _rounding(point: int | str, length: int, span: Span, problems: Report) -> None:
    if is_rounded(point, length):
        problems(
            report(
                "LT308",
                span,
                f"{point} of {counted(length, 'epoch')} is {float(exact(point, length)):.4g}: "
                f"rounded to epoch {place(point, length)}",
                help="write the epoch to be exact",
            )
        )


def _moved(
    stage: ResolvedStage, point: int | str, start: int, length: int, problems: Report
) -> None:
    assert stage.start is not None  # it has a point
    problems(
        report(
            "LT308",
            stage.start.span,
            f"{point} of {counted(length, 'epoch')} is {float(exact(point, length)):.4g}: moved to epoch "
            f"{start}, so that each stage has an epoch",
            help="with more `epochs` it starts where it is written",
        )
    )


def _schedules(recipe: Recipe, resolved: Resolved) -> list[_Acting]:
    """Every schedule that acts."""
    settings = recipe.settings
    found = []
    if not all(stage.overrides.begins_optimizer for stage in recipe.stages):
        found.append(_Acting(settings.schedule, settings.epochs, resolved.settings["schedule"]))
    for stage, written, (start, end) in zip(
        recipe.stages, resolved.stages, recipe.bounds, strict=True
    ):
        if stage.overrides.schedule is not None:
            own = written.overrides["schedule"]
            found.append(_Acting(stage.overrides.schedule, end - start, own))
    return found
