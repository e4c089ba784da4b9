"""A `:` where `=` is meant, and the other way round: only the names tell."""

from __future__ import annotations

from ltdsl.catalogue import TRICKS
from ltdsl.catalogue.fields import fields_of
from ltdsl.catalogue.glossary import look_up
from ltdsl.diagnostics import Diagnostic, Edit, Report, report
from ltdsl.recipe import Settings
from ltdsl.source import Span
from ltdsl.syntax import Call, Identifier, List, Setting, Stage, Statement
from ltdsl.syntax.scanner import shown


def meant(statement: Statement, problems: Report) -> Statement:
    """The statement, or after a report what it was meant as: `model: resnet32` or `stage1 = ce`."""
    if isinstance(statement, Stage) and statement.name.text in Settings.model_fields:
        first, *more = statement.tricks
        if more or statement.start or statement.overrides or first.name.text in TRICKS:
            return statement
        many = fields_of(Settings)[statement.name.text].many
        value = List(first.span, (first,)) if many else first
        text = f"[{first.span.text}]" if many else first.span.text
        problems(_wrong(statement.name, first.span, "a setting", ":", " = ", text))
        return Setting(statement.span, statement.name, value)
    if isinstance(statement, Setting) and isinstance(statement.value, Call):
        call, name = statement.value, statement.name.text
        known = name in Settings.model_fields or look_up(name) is not None
        if call.name.text in TRICKS and not known:
            problems(_wrong(statement.name, call.span, "a stage", "=", ": ", call.span.text))
            return Stage(statement.span, statement.name, (call,), None, ())
    return statement


def _wrong(
    name: Identifier, value: Span, what: str, mark: str, right: str, text: str
) -> Diagnostic:
    between = Span(name.span.source, name.span.end, value.start)
    at = between.start + between.text.index(mark)
    return report(
        "LT001",
        Span(between.source, at, at + 1),
        f"{what} is written with `{right.strip()}`, not with `{mark}`",
        help=f"write `{name.text}{right}{shown(text)}`",
        edit=Edit(between.to(value), right + text),
    )
