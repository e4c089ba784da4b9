"""What the playground asks of ltdsl: one recipe's problems, layout and plan, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltdsl.compiler import Compilation, compile_recipe
from ltdsl.diagnostics import Diagnostic
from ltdsl.diagnostics.render import summary, to_json
from ltdsl.display.stages import ENDS, about_augment, headline, stage_facts
from ltdsl.fixes import fix, is_safe
from ltdsl.format import UnprovenError, format_source
from ltdsl.plan import Plan
from ltdsl.source import Source
from ltdsl.syntax.parser import source_from_bytes


def answer(data: bytes, name: str = "recipe.lt") -> dict[str, Any]:
    """What `ltdsl check`, `ltdsl fmt` and `ltdsl plan` have to say.

    Args:
        data: The recipe, in UTF-8.
        name: What it is called; files that it uses are looked for beside it.

    Returns:
        ``diagnostics`` as `check --format json` writes them, each with ``safe``: whether `--fix` would mend it;
        ``summary``; ``formatted``, None where the text has no layout; ``plan``, None where there is none.
    """
    source = source_from_bytes(data, name, Path(name))
    if not isinstance(source, Source):
        return {"diagnostics": _problems([source]), "summary": summary([source])} | dict.fromkeys(
            ("formatted", "plan")
        )
    result = compile_recipe(source)
    return {
        "diagnostics": _problems(result.diagnostics),
        "summary": summary(result.diagnostics) or "no problems",
        "formatted": _formatted(source),
        "plan": _plan(result.plan) if result.plan is not None else None,
    }


def fixed(data: bytes, name: str = "recipe.lt") -> str | None:
    """The recipe after `ltdsl check --fix`; None where nothing is mended."""
    source = source_from_bytes(data, name, Path(name))
    if not isinstance(source, Source):
        return None
    after, applied = fix(source, _compiled, is_safe)
    return after.text if applied else None


def _compiled(source: Source) -> Compilation:
    return compile_recipe(source)


def _problems(found: list[Diagnostic]) -> list[dict[str, Any]]:
    return [{**to_json(each), "safe": is_safe(each)} for each in found]


def _formatted(source: Source) -> str | None:
    try:
        text = format_source(source)
    except UnprovenError:
        return None
    return text if isinstance(text, str) else None


def _plan(plan: Plan) -> dict[str, Any]:
    facts = [stage_facts(plan, stage) for stage in plan.stages]
    used = [type(each) for stage in plan.stages for each in stage.augment]
    return {
        "headline": list(headline(plan)),
        "stages": [stage.name for stage in plan.stages],
        "rows": [[label, *(column[label] for column in facts)] for label in facts[0]],
        "notes": [f"three figures are those of the {ENDS} class"] * bool(plan.class_counts)
        + about_augment(plan.dataset, used),
        "hash": plan.digest(),
        "json": plan.to_json(),
    }
