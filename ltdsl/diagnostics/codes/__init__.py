"""Every diagnostic code: its title and what ``ltdsl explain`` says about it. One table for each family."""

from __future__ import annotations

from ltdsl.advice.rules import RULES
from ltdsl.diagnostics import Code
from ltdsl.diagnostics.codes.meaning import MEANING
from ltdsl.diagnostics.codes.run import RUN
from ltdsl.diagnostics.codes.syntax import SYNTAX
from ltdsl.diagnostics.codes.time import TIME

ADVICE: dict[str, Code] = {
    rule.code: Code(rule.title, rule.documentation(), rule.bad, rule.good) for rule in RULES
}

CODES: dict[str, Code] = {**SYNTAX, **MEANING, **ADVICE, **TIME, **RUN}
"""All codes, in order."""
