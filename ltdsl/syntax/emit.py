"""The syntax tree as plain data, for ``ltdsl plan --emit syntax`` and for tests."""

from __future__ import annotations

from typing import Any

from ltdsl import syntax


def syntax_to_json(file: syntax.File) -> dict[str, Any]:
    """The tree as JSON data.

    Every node is an object with its ``kind``, its place ``at`` as ``line:column``, and its parts.
    """
    return {"kind": "file", "statements": [_statement(s) for s in file.statements]}


def _node(node: syntax.Node, **parts: Any) -> dict[str, Any]:
    return {
        "kind": type(node).__name__.lower(),
        "at": f"{node.span.line}:{node.span.column}",
        **parts,
    }


def _statement(node: syntax.Statement) -> dict[str, Any]:
    if isinstance(node, syntax.Use):
        return _node(node, path=node.path.value)
    if isinstance(node, syntax.Setting):
        return _node(node, name=node.name.text, value=_value(node.value))
    return _node(
        node,
        name=node.name.text,
        tricks=[_value(trick) for trick in node.tricks],
        start=_start(node.start) if node.start else None,
        overrides=[_statement(setting) for setting in node.overrides],
    )


def _start(node: syntax.Start) -> dict[str, Any]:
    return _node(node, unit=node.unit.text if node.unit else None, value=_value(node.value))


def _value(node: syntax.Value) -> dict[str, Any]:
    if isinstance(node, syntax.List):
        return _node(node, items=[_value(item) for item in node.items])
    if isinstance(node, syntax.Call):
        arguments = [_node(a, name=a.name.text, value=_value(a.value)) for a in node.arguments]
        return _node(node, name=node.name.text, arguments=arguments)
    return _node(node, value=node.value)
