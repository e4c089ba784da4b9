"""Every diagnostic code: its title and what ``ltdsl explain`` says about it."""

from __future__ import annotations

from ltdsl.advice.rules import RULES
from ltdsl.codes.importing import IMPORTING
from ltdsl.codes.meaning import MEANING
from ltdsl.codes.run import RUN
from ltdsl.codes.syntax import SYNTAX
from ltdsl.codes.time import TIME
from ltdsl.diagnostics import Code

__all__ = ["ADVICE", "CODES", "IMPORTING", "MEANING", "RUN", "SYNTAX", "TIME"]

ADVICE: dict[str, Code] = {
    rule.code: Code(rule.title, rule.documentation(), rule.bad, rule.good) for rule in RULES
}

CODES: dict[str, Code] = {**SYNTAX, **MEANING, **ADVICE, **TIME, **RUN, **IMPORTING}
"""All codes, in order."""
