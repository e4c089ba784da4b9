"""SARIF logs against the standard's own schema, for every code there is.

The schema is that of OASIS, and no part of this project: `LTDSL_SARIF_SCHEMA` names a copy of sarif-schema-2.1.0.json.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.processes import ROOT

from ltdsl.codes.sarif import log
from ltdsl.codes.table import CODES
from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Diagnostic, report
from ltdsl.syntax.parser import read_source

SCHEMA = os.environ.get("LTDSL_SARIF_SCHEMA")


@pytest.mark.skipif(not SCHEMA, reason="needs LTDSL_SARIF_SCHEMA")
def test_every_kind_of_diagnostic_fits_the_schema():
    from jsonschema import Draft4Validator, FormatChecker

    found = [("a b%é.lt", report(code, None, "without a place")) for code in CODES]
    for path in sorted((ROOT / "tests" / "golden").rglob("*.lt")):
        source = read_source(path, path.relative_to(ROOT).as_posix())
        problems = (
            [source] if isinstance(source, Diagnostic) else compile_recipe(source).diagnostics
        )
        found += [(path.name, problem) for problem in problems]
    schema = json.loads(Path(SCHEMA).read_text(encoding="utf-8"))
    validator = Draft4Validator(schema, format_checker=FormatChecker())
    assert not list(validator.iter_errors(json.loads(json.dumps(log(found)))))
