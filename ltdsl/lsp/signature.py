"""Signature help: the parameters of the call that is being written."""

from __future__ import annotations

from lsprotocol import types as lsp
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ltdsl.catalogue.entry import write
from ltdsl.lsp.context import context_at
from ltdsl.lsp.fields import fields_of, takes
from ltdsl.lsp.text import Places
from ltdsl.source import Source

TRIGGERS = ("(", ",", "=")
"""Characters after which an editor asks by itself."""


def signature(source: Source, position: lsp.Position, places: Places) -> lsp.SignatureHelp | None:
    """What the brackets around a position take; None outside of a known call's, and of one that takes nothing."""
    context = context_at(source.text, places.offset(source, position))
    entry = context.call
    if entry is None or not (fields := fields_of(entry)):
        return None
    parameters = [_parameter(name, info) for name, info in fields.items()]
    label = f"{entry.name}({', '.join(str(each.label) for each in parameters)})"
    names = list(fields)
    at = context.parameter
    if at not in fields:  # between two: the next that is not there
        at = next((name for name in names if name not in context.begun), "")
    active = names.index(at) if at else None
    shown = lsp.SignatureInformation(
        label, _markdown(entry.summary()), parameters, active_parameter=active
    )
    return lsp.SignatureHelp([shown], active_signature=0, active_parameter=active)


def _parameter(name: str, info: FieldInfo) -> lsp.ParameterInformation:
    default = info.get_default(call_default_factory=True)
    written = name if default in (None, PydanticUndefined) else f"{name} = {write(default)}"
    text = f"{info.description or ''} Takes {takes(info)}.".strip()
    return lsp.ParameterInformation(written, _markdown(text))


def _markdown(text: str) -> lsp.MarkupContent:
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
