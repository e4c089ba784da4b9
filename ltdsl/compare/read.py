"""Reading what can be compared: recipes, plans and run directories."""

from __future__ import annotations

from pathlib import Path

from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Diagnostic, Severity
from ltdsl.plan import Plan
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.plan import plan_from_json
from ltdsl.runs.plan import read_plan as plan_of_run
from ltdsl.source import Source
from ltdsl.syntax.parser import source_from_bytes
from ltdsl.system.opening import PLAN as LARGEST
from ltdsl.system.opening import TooLargeError, read_named


def read_plan(path: Path, *, allow_outside: bool = False) -> Plan | list[Diagnostic]:
    """The plan of a recipe, of a run directory or of a plan's JSON file.

    Args:
        path: A folder with ``plan.json``, a file that is named ``*.json`` or starts with ``{``, or a recipe.
        allow_outside: Whether a recipe may name files outside its folder.

    Returns:
        The plan, or the errors of the recipe.

    Raises:
        UnreadableError: There is nothing readable, or it is no whole plan.
    """
    if path.is_dir():
        return plan_of_run(path)
    try:
        data = read_named(path, LARGEST)
    except TooLargeError as error:
        raise UnreadableError(f"{path} is larger than 32 MiB, too large for a plan") from error
    except FileNotFoundError as error:
        raise UnreadableError(f"there is no file `{path}`") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{path} cannot be read: {why}") from error
    if path.suffix == ".json":
        return plan_from_json(data, str(path))
    return plan_from_bytes(data, str(path), path, allow_outside=allow_outside)


def plan_from_bytes(
    data: bytes, name: str, path: Path | None = None, *, allow_outside: bool = False
) -> Plan | list[Diagnostic]:
    """The plan that the bytes of a recipe or a plan's JSON stand for; see :func:`read_plan`."""
    # no recipe starts with a brace
    if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return plan_from_json(data, name)
    source = source_from_bytes(data, name, path)
    if not isinstance(source, Source):
        raise UnreadableError(source.message)
    result = compile_recipe(source, allow_outside=allow_outside)
    if result.plan is None:
        return [found for found in result.diagnostics if found.severity is Severity.ERROR]
    return result.plan
