"""Nothing that a file can hold makes a command fail, hang, or take much memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.hostile_texts import CROWDED, LARGE
from support.processes import command, environment

MEMORY = 64 << 10  # KiB above what an empty recipe takes

MEASURED = """
import sys
from ltdsl.cli import main
try:
    main()
finally:
    sys.stdout.flush()
    with open("/proc/self/status") as status:
        [peak] = [line.split()[1] for line in status if line.startswith("VmHWM")]
    with open(sys.argv[0] + ".peak", "w") as file:
        file.write(peak)
"""

COMMANDS = {
    "check": ["check"],
    "fmt": ["fmt", "--diff"],
    "fix": ["check", "--unsafe-fixes"],
    "json": ["check", "--format", "json"],
    "sarif": ["check", "--format", "sarif"],
    "plan": ["plan", "--details", "--origins"],
}


def peak_of(folder, text, arguments):
    """KiB that a command took at most."""
    path = folder / "recipe.lt"
    path.write_text(text, newline="")
    script = folder / "measured.py"
    script.write_text(MEASURED)
    done = subprocess.run(
        [sys.executable, str(script), *arguments, str(path)],
        env=environment(),
        capture_output=True,
        timeout=120,
    )
    assert b"Traceback" not in done.stdout + done.stderr, done.stderr[-2000:]
    assert b"a bug in ltdsl" not in done.stderr
    assert done.returncode in (0, 1)
    return int((folder / "measured.py.peak").read_text())


CASES = [("check", LARGE, name) for name in ("short lines", "digits", "strings")]
CASES += [("check", CROWDED, name) for name in ("settings", "milestones", "only (")]
CASES += [("fmt", CROWDED, "comments in a list"), ("fix", CROWDED, "misspelt")]
CASES += [("plan", CROWDED, "milestones")]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_bounded(tmp_path):
    empty: dict[str, int] = {}
    for command, texts, name in CASES:
        if command not in empty:
            empty[command] = peak_of(tmp_path, "", COMMANDS[command])
        more = peak_of(tmp_path, texts[name], COMMANDS[command]) - empty[command]
        assert more <= MEMORY, (command, name, more)


if __name__ == "__main__":  # all of them: PYTHONPATH=.:tests python tests/cli/test_bounds.py
    import tempfile
    import time
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        for command, arguments in COMMANDS.items():
            base = peak_of(Path(folder), "", arguments)
            for kind, texts in (("large", LARGE), ("crowded", CROWDED)):
                for name, text in texts.items():
                    start = time.monotonic()
                    more = peak_of(Path(folder), text, arguments) - base
                    took = time.monotonic() - start
                    print(
                        f"{command:6} {kind:8} {name:20} {more / 1024:6.1f} MiB {took:5.1f} s",
                        flush=True,
                    )


def test_a_message_quotes_no_more_of_a_value_than_can_be_read(tmp_path):
    recipe = tmp_path / "recipe.lt"
    long = "a" * 3000
    recipe.write_text(
        f'schedule = multistep(milestones = [8, "{long}"])\nvalidation = "{long}"\na: ce\n'
    )
    done = subprocess.run(
        command("check", recipe), env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "LT106" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 200
