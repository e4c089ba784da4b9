"""What another package declares is a trick like any other once its user has enabled it, and nothing before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import FULL, ROOT, command, environment

from ltdsl.plugins.enabled import FILE
from ltdsl.reference.plugin import package_name, plugin

NAME = "tail_lift"
PACKAGE = package_name(NAME)
CALL = f"stage1: {NAME}(tau = 0.5)\n"


class World:
    """A folder to work in, a user's settings, and a place for packages, none of which is this machine's."""

    def __init__(self, folder: Path) -> None:
        self.work, self.settings, self.site = (
            folder / name for name in ("work", "settings", "site")
        )
        for each in (self.work, self.settings, self.site):
            each.mkdir()

    def install(self, **changes: str) -> None:
        """Put the package of the template there, as pip would; texts of files may be others."""
        files = plugin(NAME) | changes
        for path, text in files.items():
            (self.site / path).parent.mkdir(parents=True, exist_ok=True)
            (self.site / path).write_text(text, encoding="utf-8")
        points, group = [], ""
        for line in files["pyproject.toml"].splitlines():
            if line.startswith("["):
                group = line.removeprefix('[project.entry-points."').removesuffix('"]')
                if group != line:
                    points.append(f"[{group}]")
            elif points and line:
                points.append(line.replace('"', ""))
        info = self.site / f"{PACKAGE.replace('-', '_')}-0.1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text("\n".join(points) + "\n")

    def ltdsl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            cwd=self.work,
            env={
                **environment(),
                "XDG_CONFIG_HOME": str(self.settings),
                "PYTHONPATH": f"{self.site}:{ROOT}:{ROOT / 'runtime'}",
                "COLUMNS": "200",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def recipe(self, text: str = CALL) -> str:
        (self.work / "r.lt").write_text(text)
        return "r.lt"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.install()
    return made


@pytest.fixture
def enabled(world):
    done = world.ltdsl("plugins", "enable", "Ltdsl_Tail.Lift")
    assert done.returncode == 0, done.stderr
    return world


def test_nothing_of_it_runs_before_it_is_enabled(world):
    world.install(**{f"ltdsl_{NAME}/__init__.py": "raise SystemExit('it ran')"})
    found = world.ltdsl("check", world.recipe())
    assert found.returncode == 1
    assert f"the installed package `{PACKAGE}` has it, which is not enabled" in found.stdout
    assert f"`ltdsl plugins enable {PACKAGE}`" in found.stdout
    assert "not enabled" in world.ltdsl("plugins", "list").stdout
    # a list beside the recipe is nobody's
    (world.work / FILE).write_text(json.dumps({"enabled": [PACKAGE]}))
    assert world.ltdsl("check", "r.lt").returncode == 1


def test_it_is_everywhere_once_it_is_enabled(enabled):
    assert enabled.ltdsl("check", enabled.recipe()).returncode == 0
    assert NAME in enabled.ltdsl("tricks").stdout
    assert "multiple of the log counts" in enabled.ltdsl("explain", NAME).stdout
    assert NAME in enabled.ltdsl("schema", "tricks").stdout
    assert enabled.ltdsl("fmt", "--check", "r.lt").returncode == 0
    shown = enabled.ltdsl("plan", "r.lt").stdout
    assert f"with {PACKAGE} 0.1.0" in shown
    plan = json.loads(enabled.ltdsl("plan", "r.lt", "--emit", "plan").stdout)
    assert plan["plugins"] == [{"package": PACKAGE, "version": "0.1.0"}]
    # advice computes from its numbers
    twice = f"dataset = cifar10_lt; a: ce; b: class_balanced + {NAME} @ 80%\n"
    assert f"100-fold by `{NAME}`" in enabled.ltdsl("check", enabled.recipe(twice)).stdout
    assert (
        "did you mean `tail_lift`?"
        in enabled.ltdsl("check", enabled.recipe("a: tail_lfit\n")).stdout
    )


def test_checking_loads_no_implementation(enabled):
    enabled.install(**{f"ltdsl_{NAME}/training.py": "raise RuntimeError('it ran')"})
    assert enabled.ltdsl("check", enabled.recipe()).returncode == 0
    done = enabled.ltdsl("run", "r.lt", "--set", "epochs=1", "--out", "run", "--device", "cpu")
    assert done.returncode == 1
    assert "error[LT434]" in done.stderr
    assert f"{PACKAGE} 0.1.0 cannot be loaded: RuntimeError: it ran" in done.stderr


def test_it_trains_and_its_run_says_whose_it_is(enabled):
    recipe = enabled.recipe("epochs = 1; schedule = constant; batch_size = 150; " + CALL)
    done = enabled.ltdsl("run", recipe, "--out", "run", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    facts = json.loads((enabled.work / "run" / "run.json").read_text())
    assert facts["versions"][PACKAGE] == "0.1.0"
    assert PACKAGE in (enabled.work / "run" / "report.html").read_text()
    # and without it, the message names it
    assert enabled.ltdsl("plugins", "disable", PACKAGE).returncode == 0
    for arguments in (("eval", "run"), ("predict", "run", "x.png")):
        lost = enabled.ltdsl(*arguments)
        assert lost.returncode == 1, lost.stdout
        assert f"the plug-in `{PACKAGE}` is installed, but not enabled" in lost.stderr + lost.stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise SystemExit('no')", "SystemExit: no"),
        ("TailLift = 3", "TypeError: it is no declaration of a trick"),
        ("1 +", "SyntaxError"),
    ],
)
def test_a_broken_one_is_told_and_gone_without(enabled, text, why):
    enabled.install(**{f"ltdsl_{NAME}/__init__.py": text})
    done = enabled.ltdsl("check", enabled.recipe("stage1: ce\n"))
    assert done.returncode == 0
    assert (
        f"warning: `{NAME}` of the plug-in {PACKAGE} 0.1.0 cannot be loaded: {why}" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_what_is_enabled_and_gone_is_told(enabled):
    info = next(enabled.site.glob("*.dist-info"))
    (info / "entry_points.txt").unlink()
    done = enabled.ltdsl("check", enabled.recipe("stage1: ce\n"))
    assert done.returncode == 0
    assert f"`{PACKAGE}` is enabled, and is not installed" in done.stderr


@pytest.mark.parametrize("text", ["[", '{"enabled": 3}', '{"enabled": ["../x"]}', "[" * 9999])
def test_a_damaged_list_is_told(world, text):
    (world.settings / "ltdsl").mkdir()
    (world.settings / "ltdsl" / FILE).write_text(text)
    done = world.ltdsl("check", world.recipe("stage1: ce\n"))
    assert done.returncode == 0
    assert "warning: the list of plug-ins" in done.stderr
    assert world.ltdsl("plugins", "enable", PACKAGE).returncode == 2


def test_the_template_is_a_package_whose_test_passes(world):
    done = world.ltdsl("new", "--plugin", "my_loss")
    assert done.returncode == 0, done.stderr
    made = world.work / "ltdsl-my-loss"
    assert {str(p.relative_to(made)) for p in made.rglob("*.*") if p.is_file()} == set(
        plugin("my_loss")
    )
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=made,
        env={**environment(), "PYTHONPATH": f"{made}:{ROOT}:{ROOT / 'runtime'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    for wrong in ("ce", "Ce", "a-b", ""):
        assert world.ltdsl("new", "--plugin", wrong).returncode == 2
    assert world.ltdsl("new", "--plugin", "my_loss").returncode == 2


@pytest.mark.skipif(not FULL, reason="takes a minute: set LTDSL_FULL=1")
def test_it_is_put_through_its_paces(enabled):
    done = enabled.ltdsl("tricks", "--test", NAME)
    assert done.returncode == 0, done.stdout
    assert "FAILED" not in done.stdout
    assert done.stdout.count("ok  ") == 7


DATA = {
    "pyproject.toml": f"""[project]
name = "{PACKAGE}"

[project.entry-points."ltdsl.datasets"]
blobs_lt = "ltdsl_{NAME}:Blobs"

[project.entry-points."ltdsl.implementations"]
blobs_lt = "ltdsl_{NAME}.training:blobs"
""",
    f"ltdsl_{NAME}/__init__.py": '''"""A data set."""
from ltdsl.catalogue.datasets import DigitsLT, LongTailed


class Blobs(LongTailed):
    """Three kinds of blobs."""

    name = "blobs_lt"
    available = (150, 150, 150)
    needs_files = False
    protocol = DigitsLT.protocol
''',
    f"ltdsl_{NAME}/training.py": '''"""Makes them."""
import numpy as np
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.data.readers import Reader
from ltdsl_runtime.data.reading import Reading


def part(images, seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3, dtype=np.int32), images)
    pixels = rng.integers(0, 200, (3 * images, 1, 16, 16), np.uint8)
    return ImageArrays(pixels, labels, ("a", "b", "c"))


blobs = Reader(lambda *_: Reading(part(150, 0), part(20, 1)))
''',
}


@pytest.mark.skipif(not FULL, reason="takes half a minute: set LTDSL_FULL=1")
def test_a_data_set_is_put_through_its_paces(world):
    world.install(**DATA)
    assert world.ltdsl("plugins", "enable", PACKAGE).returncode == 0
    done = world.ltdsl("tricks", "--test", "blobs_lt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  ") == 13


def test_what_is_tried_on_files_is_a_data_set(world):
    for arguments in (("--test", "ce", "--data", "."), ("--data", ".")):
        done = world.ltdsl("tricks", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
