"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# runs of tests share nothing, with each other or with the user's own
os.environ["LTDSL_NO_CACHE"] = "1"
# and nobody's plug-ins are enabled
os.environ["XDG_CONFIG_HOME"] = str(Path(__file__).parent / "nobody")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the snapshots in tests/golden"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path | str, str], None]:
    """Compares a text with the snapshot at a path, taken from ``tests/golden`` unless absolute."""

    def compare(path: Path | str, actual: str) -> None:
        path = GOLDEN / path
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(actual.encode())
            return
        if not path.is_file():
            pytest.fail(f"no snapshot {path.name}; write it with --update-golden")
        assert actual == path.read_bytes().decode()

    return compare
