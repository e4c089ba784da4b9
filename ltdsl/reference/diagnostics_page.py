"""The page of rendered diagnostics, and the samples that it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import indent

from ltdsl.codes.table import CODES
from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Code, Diagnostic
from ltdsl.diagnostics.render import render
from ltdsl.source import Source
from ltdsl.syntax.parser import MAX_BYTES, read_source, source_from_bytes

FAMILIES = {
    "LT0": "The text",
    "LT1": "The meaning",
    "LT2": "Advice",
    "LT3": "Time",
    "LT4": "Runs",
    "LT6": "Configurations of other projects",
}


def _too_deep() -> list[Diagnostic]:
    return _compiled("milestones = " + "[" * 33 + "80" + "]" * 33)


def _missing() -> list[Diagnostic]:
    found = read_source(Path("recipe-that-is-not-there.lt"))
    return [found] if isinstance(found, Diagnostic) else []


def _bytes(data: bytes) -> list[Diagnostic]:
    found = source_from_bytes(data, "recipe.lt")
    return [found] if isinstance(found, Diagnostic) else []


def _compiled(text: str, *assignments: str) -> list[Diagnostic]:
    return compile_recipe(Source("recipe.lt", text), assignments).diagnostics


#: What shows a code that no short recipe can.
SAMPLES: Mapping[str, Callable[[], list[Diagnostic]]] = {
    "LT006": _too_deep,
    "LT007": _missing,
    "LT008": lambda: _bytes(b"#" * (MAX_BYTES + 1)),
    "LT009": lambda: _bytes(b"epochs = 400 # \xff\n"),
    "LT015": lambda: _compiled("epochs 400\n" * 101),
    "LT143": lambda: _compiled("epochs = 400 # \u202e04 = shcope\nstage1: ce"),
    "LT116": lambda: _compiled("stage1: ce", "stage1.gama=2"),
}


def sample(code: str) -> Diagnostic | None:
    """A diagnostic of a code: that of its example, where a recipe can show it."""
    if code in SAMPLES:
        return _first(code, SAMPLES[code]())
    bad = CODES[code].bad
    # an example is no more than a part of a recipe, where that says enough
    wholes = (bad, f"stage1: ce\n{bad}", f"{bad}\nstage1: ce")
    return next(filter(None, (_first(code, _compiled(f"{whole}\n")) for whole in wholes)), None)


def _first(code: str, found: list[Diagnostic]) -> Diagnostic | None:
    return next((each for each in found if each.code == code), None)


def page() -> str:
    """One diagnostic of each code, as `ltdsl check` prints it."""
    parts = [
        "# Diagnostics",
        "Generated from the code by `make docs`: do not edit. "
        "One example of each code, as `ltdsl check` prints it without colours, or `ltdsl run` where it is a run's. "
        "`ltdsl explain CODE` says more, and [reference.md](reference.md) has it all.",
    ]
    for family, title in FAMILIES.items():
        parts.append(f"## {title} ({family}xx)")
        parts += [_entry(name, code) for name, code in CODES.items() if name.startswith(family)]
    return "\n\n".join(parts) + "\n"


def _entry(name: str, code: Code) -> str:
    found = sample(name) if not code.says and (code.bad or name in SAMPLES) else None
    if found:
        text = render(found)
    elif code.says:
        text = code.says
    else:
        return f"### {name} {code.title}\n\n{code.text}"
    return f"### {name} {code.title}\n\n{indent(text, '    ')}"
