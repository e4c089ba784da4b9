"""`ltdsl schema`."""

from __future__ import annotations

import json

from support.processes import ROOT


def test_it_prints_what_the_documentation_has(ltdsl):
    for arguments, name in ([], "plan"), (["plan"], "plan"), (["tricks"], "tricks"):
        done = ltdsl("schema", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        path = ROOT / "docs" / "schema" / f"{name}.schema.json"
        assert json.loads(done.stdout) == json.loads(path.read_text(encoding="utf-8"))
    assert ltdsl("schema", "planet").returncode == 2
