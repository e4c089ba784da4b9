"""Settings of a project: what they choose, what they cannot do, and what is said of mistakes in them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from support.image_files import write_digits

WARNED = "epochs = 2; a: ce"  # LT307
WRONG = "epoch = 2; a: ce"  # LT101


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def project(tmp_path):
    """Writes files by their names."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_toml", ".toml").replace(
                "_lt", ".lt"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize("name", ["ltdsl_toml", "pyproject_toml"])
def test_what_it_chooses(ltdsl, project, name):
    head = "[tool.ltdsl]\n" if name == "pyproject_toml" else ""
    project(a_lt=WARNED, deep__b_lt=WARNED, drafts__c_lt=WRONG)
    assert ltdsl("check").returncode == 1
    project(**{name: f'{head}ignore = ["LT307"]\nexclude = ["drafts/"]\n'})
    done = ltdsl("check", "-v")
    assert (done.returncode, done.stdout) == (0, "2 recipes checked: no problems\n")
    assert f"settings: {project() / name.replace('_toml', '.toml')}\n" in done.stderr
    # the command line takes its place
    assert "LT307" in ltdsl("check", "--ignore", "LT101").stdout
    # what is named is checked
    assert ltdsl("check", "drafts/c.lt").returncode == 1
    # but where a hook names what was changed
    done = ltdsl("check", "--force-exclude", "drafts/c.lt", "a.lt")
    assert (done.returncode, done.stdout) == (0, "1 recipe checked: no problems\n")
    assert "1 recipe is left out because of --exclude or settings" in done.stderr
    done = ltdsl("fmt", "--check", "--force-exclude", "drafts/c.lt")
    assert done.returncode == 0
    assert "1 recipe" in ltdsl("fmt", "--check", "deep").stderr


@pytest.mark.parametrize("line", [["plan"], ["sweep", "--dry-run"]])
def test_what_plans_are_told_of_is_chosen_too(ltdsl, project, line):
    folder = project(a_lt="dataset = digits_lt; model = resnet8; epochs = 4\na: ce\n")
    told = ltdsl("plan", "--strict", "a.lt")
    code = re.search(r"(?:warning|advice)\[(LT\d+)\]", told.stderr)[1]
    assert told.returncode == 1
    if line != ["plan"]:
        assert code in ltdsl(*line, "a.lt").stderr
    project(ltdsl_toml=f'ignore = ["{code}"]\n')
    done = ltdsl(*line, "--strict", "a.lt")
    assert (done.returncode, code in done.stderr) == (0, False), done.stderr
    project(a_lt=WRONG)
    (folder / "ltdsl.toml").write_text('ignore = ["LT1"]\n')
    assert "LT101" in ltdsl(*line, "a.lt").stderr  # errors are told whatever it leaves out


@pytest.mark.parametrize("name", ["ltdsl.toml", "pyproject.toml"])
def test_what_is_not_utf_8_is_told_where_it_is_ours(ltdsl, project, name):
    folder = project(a_lt=WARNED)
    (folder / name).write_bytes(b"[tool.ltdsl]\nignore = ['LT3'] # \xff\n")
    done = ltdsl("check")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{folder / name}:2: no TOML: it is not UTF-8" in done.stderr
    (folder / name).unlink()
    (folder / "pyproject.toml").write_bytes(b"[tool.other]\nname = '\xff'\n")
    assert ltdsl("check").returncode == 0


def test_the_nearest_file_counts(ltdsl, project):
    project(
        ltdsl_toml='ignore = ["LT3"]',
        a_lt=WARNED,
        in__b_lt=WARNED,
        in__ltdsl_toml='exclude = ["c.lt"]',
    )
    project(in__c_lt=WRONG)
    shown = ltdsl("check").stdout
    assert "in/b.lt:1:1" in shown
    assert "a.lt:1:1" not in shown.replace("in/b.lt", "")
    assert "c.lt" not in shown


def test_errors_fail_whatever_it_says(ltdsl, project):
    project(a_lt=WRONG, ltdsl_toml='ignore = ["LT"]')
    done = ltdsl("check")
    assert done.returncode == 1
    said = f"1 error not selected: LT101 in a.lt (`ignore` in {project() / 'ltdsl.toml'})\n"
    assert done.stdout == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('selct = ["LT1"]', ":1:1: there is no setting `selct`; did you mean `select`?"),
        ('\n\n  ignore = ["LT1", "LT99"]', ":3:21: no code begins with `LT99`"),
        ('exclude = "drafts"', ":1:1: `exclude` is a list of texts, such as"),
        ("exclude = [1]", ":1:1: `exclude` is a list of texts"),
        (
            '[data]\ncifar10lt = "x"',
            ":2:1: there is no data set `cifar10lt`; did you mean `cifar10_lt`?",
        ),
        ("[data]\ncifar10_lt = 3", ":2:1: `cifar10_lt` is the path of a folder"),
        ('data = "x"', ":1:1: `data` is a table"),
        ("select = [", "no TOML: "),
        ('select = []\nignore = ["LT201"\n', ":2: no TOML: Unclosed array (at end of document)"),
        (f"[x]\n{'a.' * 20_000}a = 1", ":2: a name has more than 32 parts"),
        ("[" + r'"a\"b" . ' * 20_000 + "a]", ":1: a name has more than 32 parts"),
        (f"x = {{{'a.' * 20_000}a = 1}}", ":1: a name has more than 32 parts"),
        ("a = " + "[" * 100_000, "it nests too deeply"),
        ('plugins = ["x"]', ":1:1: there is no setting `plugins`"),
        ("fix = true", ":1:1: there is no setting `fix`"),
    ],
)
def test_mistakes(ltdsl, project, text, said):
    project(a_lt=WARNED, ltdsl_toml=text)
    done = ltdsl("check")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {project() / 'ltdsl.toml'}")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_mistakes_in_a_file_of_many_tools(ltdsl, project):
    text = '[project]\nname = "x"\n\n[tool.other]\nselct = 1\n\n[tool.ltdsl]\nselct = ["LT1"]\n'
    project(a_lt=WARNED, pyproject_toml=text)
    assert "pyproject.toml:8:1: there is no setting `selct`" in ltdsl("check").stderr
    project(pyproject_toml="[tool.other\n")  # not ours to judge
    assert "LT307" in ltdsl("check").stdout
    project(pyproject_toml="[tool.ltdsl]\n", ltdsl_toml="")
    assert "keep them in one of the two files" in ltdsl("check").stderr


def test_files_that_are_none(ltdsl, project, tmp_path):
    project(a_lt=WARNED)
    os.mkfifo(tmp_path / "ltdsl.toml")
    done = ltdsl("check")
    assert done.returncode == 2
    assert "it is a pipe" in done.stderr
    (tmp_path / "ltdsl.toml").unlink()
    (tmp_path / "ltdsl.toml").write_bytes(b"\xff\xfe")
    assert ltdsl("check").returncode == 2


def test_where_images_are(ltdsl, project, tmp_path, tmp_path_factory):
    for part in ("train", "test"):
        write_digits(tmp_path / "images" / part, (4, 4))
    project(
        a_lt="dataset = image_folder(size = 8)\nepochs = 4\nmodel = resnet8\nbatch_size = 4\na: ce\n"
    )
    assert "class counts unknown" in ltdsl("plan", "a.lt").stdout
    project(ltdsl_toml='data = { image_folder = "images" }')
    done = ltdsl("plan", "a.lt", "-v")
    assert "2 classes, 8 training images" in done.stdout
    said = f"images from {tmp_path / 'images'}, as {tmp_path / 'ltdsl.toml'} says"
    assert done.stderr.count(said) == 1
    assert done.stderr.count(f"settings: {tmp_path / 'ltdsl.toml'}\n") == 1
    # a stranger's file names no folder of mine
    away = tmp_path_factory.mktemp("away") / "images"
    (tmp_path / "images").rename(away)
    project(ltdsl_toml=f'data = {{ image_folder = "{away}" }}')
    done = ltdsl("plan", "a.lt")
    assert done.returncode == 1
    assert "names images outside its folder" in done.stderr
    assert ltdsl("plan", "a.lt", "--allow-outside").returncode == 0
    # mine does
    (tmp_path / "ltdsl.toml").rename(Path(os.environ["XDG_CONFIG_HOME"]) / "ltdsl.toml")
    own = Path(os.environ["XDG_CONFIG_HOME"]) / "ltdsl"
    own.mkdir()
    (own.parent / "ltdsl.toml").rename(own / "ltdsl.toml")
    assert "8 training images" in ltdsl("plan", "a.lt").stdout


def test_patterns(ltdsl, project):
    project(a_lt=WARNED, deep__b_lt=WRONG)
    assert ltdsl("check", "*.lt").stdout.endswith("1 warning\n")
    assert "deep/b.lt:1:1" in ltdsl("check", "**/*.lt").stdout
    done = ltdsl("check", "*.txt")
    assert (done.returncode, done.stderr) == (2, "error: no file is like *.txt\n")


def test_this_project_is_checked(ltdsl):
    """What is wrong on purpose is passed over, as its own settings say."""
    from support.processes import ROOT, here

    done = here("check", folder=ROOT)
    assert done.returncode == 0, done.stdout


def test_what_leaves_out_all_of_a_folder_is_named(ltdsl, project):
    file = project(
        a_lt="a: ce", ltdsl_toml='exclude = ["drafts/"]', drafts__c_lt=WRONG, deep__b_lt=WRONG
    )
    no = "error: there is no .lt file in"
    done = ltdsl("check", "drafts")
    assert done.returncode == 2
    assert done.stderr == f"{no} drafts: left out are 1 by `exclude` in {file / 'ltdsl.toml'}\n"
    assert (
        ltdsl("check", "deep", "--exclude", "b.lt").stderr
        == f"{no} deep: left out are 1 by --exclude\n"
    )
    (file / ".git").mkdir()
    (file / ".gitignore").write_text("deep")
    assert ltdsl("fmt", "deep").stderr == f"{no} deep: left out are 1 by what git ignores\n"


@pytest.mark.filterwarnings("error")
def test_patterns_raise_no_warnings(ltdsl, project):
    project(a_lt="a: ce", ltdsl_toml='exclude = ["[a-[a-b"]')
    assert ltdsl("check").stderr == ""
