"""A recipe reaches nothing outside its folder, whatever it writes, unless `--allow-outside` says so."""

from __future__ import annotations

import json
import os
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")

SECRET = "epochs = 77\n"


@pytest.fixture
def tree(tmp_path):
    """A recipe's folder, with a folder of settings in it and settings beside it that it must not reach."""
    folder = tmp_path / "recipes"
    (folder / "parts").mkdir(parents=True)
    (tmp_path / "recipes-too").mkdir()
    for path in ("secret.lt", "recipes-too/secret.lt"):
        (tmp_path / path).write_text(SECRET)
    (folder / "parts" / "inner.lt").write_text("epochs = 11\n")
    (folder / "parts" / "climbing.lt").write_text('use "../../secret.lt"\n')
    (folder / "parts" / "sideways.lt").write_text('use "../inside.lt"\n')
    (folder / "inside.lt").write_text("epochs = 22\n")
    (folder / "link.lt").symlink_to("../secret.lt")
    (folder / "chain.lt").symlink_to("link.lt")
    (folder / "absolute.lt").symlink_to(tmp_path / "secret.lt")
    (folder / "up").symlink_to("..")
    (folder / "good-link.lt").symlink_to("parts/inner.lt")
    (folder / "loop.lt").symlink_to("pool.lt")
    (folder / "pool.lt").symlink_to("loop.lt")
    (folder / "zero.lt").symlink_to("/dev/zero")
    (folder / "dangling.lt").symlink_to("nowhere.lt")
    os.mkfifo(folder / "pipe.lt")
    return folder


def use(tree, path, name="recipe.lt"):
    recipe = tree / name
    recipe.write_text(f'use "{path}"\nstage1: ce\n')
    return recipe


OUTSIDE = [
    "../secret.lt",
    "parts/../../secret.lt",
    "../recipes-too/secret.lt",  # begins like the folder's name
    "link.lt",
    "chain.lt",
    "absolute.lt",
    "up/secret.lt",
    "up/recipes-too/secret.lt",
    "parts/climbing.lt",
    "zero.lt",
    "../../../../../../../../../../../../../../etc/passwd",
    "/etc/passwd",
    "/dev/stdin",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_is_used(ltdsl, tree, path):
    done = ltdsl("check", use(tree, path), timeout=30)
    assert done.returncode == 1
    assert "error[LT115]" in done.stdout
    assert "lies outside the recipe's folder" in done.stdout
    assert "--allow-outside" in done.stdout
    assert ("where a link leads" in done.stdout) == (path.split("/")[0] in LINKS)
    assert "root:" not in done.stdout  # not a word of the other file


LINKS = {"link.lt", "chain.lt", "absolute.lt", "up", "zero.lt"}


@pytest.mark.parametrize("path", ["$TMP/secret.lt", "$TMP/recipes/inside.lt"])
def test_absolute_paths_are_outside_wherever_they_lead(ltdsl, tree, path):
    recipe = use(tree, path.replace("$TMP", str(tree.parent)))
    done = ltdsl("check", recipe)
    assert done.returncode == 1
    assert "lies outside the recipe's folder" in done.stdout
    assert ltdsl("check", "--allow-outside", recipe).returncode == 0


@pytest.mark.parametrize(
    ("path", "epochs"),
    [
        ("parts/inner.lt", 11),
        ("parts/sideways.lt", 22),  # a used file may climb within the tree
        ("./parts/../inside.lt", 22),
        ("good-link.lt", 11),
        ("up/recipes/inside.lt", 22),  # out by a link and back
    ],
)
def test_all_of_the_folder_is_inside(ltdsl, tree, path, epochs):
    done = ltdsl("plan", "--emit", "plan", use(tree, path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["epochs"] == epochs


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("loop.lt", "links lead in a circle"),
        ("pipe.lt", "no regular file"),
        ("parts", "is a folder"),
        ("dangling.lt", "no file"),
        ("INSIDE.LT", "no file"),
        ("inside.lt/", "recipe.lt:1:5"),
        ("inside.lt/../inside.lt", "recipe.lt:1:5"),
        (".", "is a folder"),
        ("", "is a folder"),
        ("x" * 300, "too long"),
        ("x/" * 3000, "is too long"),
        ("recipe.lt", "uses itself"),
        ("./parts/.././recipe.lt", "uses itself"),
    ],
)
def test_other_paths_that_cannot_be_used(ltdsl, tree, path, says):
    if path == "INSIDE.LT" and (tree / path).exists():
        pytest.skip("upper and lower case are one here")
    for options in ([], ["--allow-outside"]):
        done = ltdsl("check", *options, use(tree, path), timeout=30)
        if path.startswith("inside.lt/") and done.returncode == 0:
            continue  # `x/..` is `.` even where x is a file: nothing is reached that was not named
        assert done.returncode == 1
        assert "error[LT115]" in done.stdout
        assert says in done.stdout


def test_devices_end_with_the_limit_of_size(ltdsl, tree):
    done = ltdsl("check", "--allow-outside", use(tree, "zero.lt"), timeout=30)
    assert done.returncode == 1
    assert "no regular file" in done.stdout
    done = ltdsl("check", "/dev/zero", timeout=30)
    assert done.returncode == 1
    assert "error[LT008]" in done.stdout


def test_a_pipe_in_a_folder_is_an_error_and_no_wait(ltdsl, tmp_path):
    (tmp_path / "r").mkdir()
    os.mkfifo(tmp_path / "r" / "pipe.lt")
    for command in ("check", "fmt"):
        done = ltdsl(command, "r", timeout=30)
        assert done.returncode == 1
        assert "`r/pipe.lt` is no regular file" in done.stdout + done.stderr


COMMANDS = {
    "check": lambda recipe: ["check", recipe],
    "plan": lambda recipe: ["plan", recipe],
    "advise": lambda recipe: ["advise", recipe],
    "diff": lambda recipe: ["diff", recipe, recipe],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_allow_it(ltdsl, tree, command):
    recipe = use(tree, "../secret.lt")
    arguments = COMMANDS[command](recipe)
    refused = ltdsl(*arguments)
    assert refused.returncode == (2 if command == "diff" else 1)
    assert "--allow-outside" in refused.stdout + refused.stderr
    allowed = ltdsl(*arguments, "--allow-outside")
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr


def test_what_is_allowed_is_used(ltdsl, tree):
    for path in ("../secret.lt", "link.lt", tree.parent / "secret.lt"):
        done = ltdsl("plan", "--emit", "plan", "--allow-outside", use(tree, path))
        assert json.loads(done.stdout)["epochs"] == 77


def test_a_file_that_is_allowed_cannot_lead_in_a_circle(ltdsl, tree):
    (tree.parent / "back.lt").write_text('use "recipes/recipe.lt"\n')
    done = ltdsl("check", "--allow-outside", use(tree, "../back.lt"))
    assert done.returncode == 1
    assert "uses itself" in done.stdout


def test_a_recipe_that_is_a_link_has_the_folder_of_the_link(ltdsl, tree, tmp_path):
    use(tree, "inside.lt")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "recipe.lt").symlink_to(tree / "recipe.lt")
    done = ltdsl("check", "elsewhere/recipe.lt")
    assert done.returncode == 1
    assert "there is no file `elsewhere/inside.lt`" in done.stdout


# Checkpoints


CHECKPOINT = """
init = "{}"
stage1: ce
"""
TEACHER = 'stage1: ce + dive(teacher = "{}")\n'


@pytest.mark.parametrize("text", [CHECKPOINT, TEACHER])
@pytest.mark.parametrize("path", ["../w.ckpt", "/w.ckpt", "weights/../../w.ckpt", "up/w.ckpt"])
def test_checkpoints_lie_in_the_folder_too(ltdsl, tree, text, path):
    (tree / "recipe.lt").write_text(text.format(path))
    for command in ("check", "run"):
        done = ltdsl(command, tree / "recipe.lt")
        assert done.returncode == 1
        said = done.stdout if command == "check" else done.stderr
        assert "error[LT127]" in said
        assert f"`{path}` lies outside the recipe's folder" in said
    assert ltdsl("check", "--allow-outside", tree / "recipe.lt").returncode == 0


def test_a_checkpoint_need_not_be_there_to_be_checked(ltdsl, tree):
    (tree / "recipe.lt").write_text(CHECKPOINT.format("weights/none.ckpt"))
    assert ltdsl("check", tree / "recipe.lt").returncode == 0


def test_a_checkpoint_on_the_command_line(ltdsl, tree):
    (tree / "recipe.lt").write_text("stage1: ce\n")
    done = ltdsl("check", tree / "recipe.lt", "--set", 'init="../w.ckpt"')
    assert done.returncode == 1
    assert "error[LT127]" in done.stdout


# Bounds


def test_many_files_that_use_each_other_end_soon(ltdsl, tree):
    for i in range(40):
        parts = "".join(f'use "f{j}.lt"\n' for j in range(i + 1, 40))
        (tree / f"f{i}.lt").write_text(parts)
    done = ltdsl("check", use(tree, "f0.lt"), timeout=60)
    assert done.returncode == 1
    assert "more than 64 files are used" in done.stdout


def test_used_files_share_the_limit_of_size(ltdsl, tree):
    for name in "ab":
        (tree / f"{name}.lt").write_text("# c\n" * 2600)
    (tree / "recipe.lt").write_text('use "a.lt"\nuse "b.lt"\nstage1: ce\n')
    done = ltdsl("check", tree / "recipe.lt")
    assert done.returncode == 1
    assert "too large together" in done.stdout


def test_a_run_keeps_texts_where_their_paths_lead(tmp_path):
    from ltdsl.source import Source, texts

    def source(path):
        return Source(path, path, tmp_path / path)

    (tmp_path / "a" / "b").mkdir(parents=True)
    assert texts([source("a/recipe.lt"), source("a/b/x.lt")]) == {
        "recipe.lt": "a/recipe.lt",
        "b/x.lt": "a/b/x.lt",
    }
    assert texts([source("a/b/recipe.lt"), source("common.lt")]) == {
        "a/b/recipe.lt": "a/b/recipe.lt",
        "common.lt": "common.lt",
    }
