"""The pages of the site and their order, and how the repository's pages become its pages."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Pages by groups, in the order in which somebody gets to know ltdsl, and what the navigation calls them.
NAVIGATION = {
    "First steps": {
        "first_steps": "From your images to a report",
        "playground": "Playground",
        "recipes": "Recipes to start from",
        "data": "Data sets and images",
    },
    "Language": {
        "language": "The recipe language",
        "commands": "Commands around a recipe",
        "diagnostics": "Diagnostics",
        "reference": "Reference",
        "editor": "In an editor",
        "ci": "In CI",
    },
    "Tricks": {
        "tricks": "What is tested",
        "strength": "What gives how much",
        "evidence": "The evidence",
    },
    "Running": {
        "runs": "Runs",
        "run_files": "Files of a run",
        "sweeps": "Sweeps",
        "workers": "Several cards and machines",
        "using": "Evaluating, predicting, exporting",
        "api": "From Python",
        "cache": "The cache",
        "native": "Kernels for CPUs",
        "verify": "Does a device compute right?",
    },
    "Comparing": {
        "report": "Reports",
        "compare": "Is a difference one?",
        "reproducing": "Published tables again",
        "importing": "Others' configurations",
        "benchmarks": "What was measured",
        "cpu_step": "The floor of a CPU step",
        "measuring": "How it is measured",
    },
    "Trust": {
        "promises": "Promises",
        "security": "Security",
        "reporting": "Reporting a vulnerability",
        "licences": "Licences",
    },
    "Contributing": {
        "contributing": "How we work",
        "plugins": "Tricks in packages",
        "site": "Building this site",
        "changelog": "Changelog",
        "schemas": "Schemas",
    },
}

#: Files outside `docs/` that are pages too.
OUTSIDE = {
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "reporting.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "measuring.md",
}

_LINK = re.compile(r"\[([^\[\]]*)\]\(([^)\s]+)\)")
_FILE = re.compile(r"(?:docs/)?(\w+)\.md")


def stage(folder: Path, playground: str | None, licences: dict[str, str]) -> None:
    """Write the sources of all pages into a folder that is made anew.

    Args:
        folder: Where.
        playground: The HTML that stands in the playground's page; None for a site without.
        licences: Texts of licences, by what they are of.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    docs = ROOT / "docs"
    for name in ("images", "schema"):
        shutil.copytree(docs / name, folder / name)
    for path in docs.glob("*.md"):
        (folder / path.name).write_text(_page(path, playground, licences), encoding="utf-8")
    for source, target in OUTSIDE.items():
        (folder / target).write_text(_page(ROOT / source, None, {}), encoding="utf-8")
    (folder / "recipes.md").write_text(_recipes(playground is not None), encoding="utf-8")
    (folder / "schemas.md").write_text(_schemas(), encoding="utf-8")


def _page(path: Path, playground: str | None, licences: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    text = _LINK.sub(lambda found: f"[{_called(found[1])}]({_target(path, found[2])})", text)
    if path.name == "index.md":
        text = text.replace("<!-- front -->", _FRONT if playground else "") + _navigation()
    if path.name == "licences.md":
        text = text.replace("<!-- licence texts -->", _licences(licences))
    if path.name == "playground.md":
        missing = "This site was built without the playground.\n"
        here = f"```{{raw}} html\n{playground}\n```\n" if playground else missing
        text = _WITHOUT_CONTENTS + _PICTURE.sub(lambda _: here, text)
    return text


def _licences(texts: dict[str, str]) -> str:
    parts = ["## Their texts\n\nAs they lie in the packages.\n"] if texts else []
    parts += [f"### {name}\n\n```text\n{text}\n```\n" for name, text in sorted(texts.items())]
    return "\n".join(parts)


#: In the repository, a picture is where the playground is on the site.
_PICTURE = re.compile(r"<!-- playground -->\n!\[.*\n")
_WITHOUT_CONTENTS = "---\nhtml_theme.sidebar_secondary.remove: true\n---\n\n"

_FRONT = """```{raw} html
<p class="front-actions">
<a class="first" href="first_steps.html">First steps</a> <a href="playground.html">Try it in the browser</a>
</p>
```
"""


def _called(text: str) -> str:
    """What a link is called: pages have titles on the site, and no names of files."""
    found = _FILE.fullmatch(text)
    titles = {name: title for group in NAVIGATION.values() for name, title in group.items()}
    return titles.get(found[1], text) if found else text


def _target(page: Path, link: str) -> str:
    """Where a link of a page of the repository leads on the site."""
    if re.match(r"[a-z]+:|#", link):
        return link
    path, _, heading = link.partition("#")
    place = (page.parent / path).resolve()
    if place == ROOT / "docs" / "schema":
        return "schemas.md"
    if place == ROOT / "README.md":
        return "index.md"
    inside = place.relative_to(ROOT).as_posix()
    target = OUTSIDE.get(inside) or inside.removeprefix("docs/")
    return f"{target}#{heading}" if heading else target


def _navigation() -> str:
    groups = []
    for caption, names in NAVIGATION.items():
        body = "\n".join(f"{title} <{name}>" for name, title in names.items())
        groups.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{body}\n```\n")
    return "\n" + "\n".join(groups)


def _recipes(playground: bool) -> str:
    """Every recipe of the repository, with a link that opens it in the playground."""
    parts = [
        "# Recipes to start from\n",
        "Those of `recipes/`, as they are in the repository; the published ones are in `recipes/paper/`.\n",
    ]
    groups = [("Examples", "recipes"), ("Published rows", "recipes/paper")]
    for title, folder in groups:
        parts.append(f"## {title}\n")
        for path in sorted((ROOT / folder).glob("*.lt")):
            text = path.read_text(encoding="utf-8")
            parts.append(f"### {path.stem}\n\n```ltdsl\n{text}```\n")
            if playground:
                link = f"playground.html{fragment(text)}"
                html = f'<p><a class="try" href="{link}">Open in the playground</a></p>'
                parts.append(f"```{{raw}} html\n{html}\n```\n")
    return "\n".join(parts)


def fragment(text: str) -> str:
    """A recipe as the playground's links carry it."""
    letters = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return f"#recipe={letters}"


def _schemas() -> str:
    names = sorted(path.name for path in (ROOT / "docs" / "schema").glob("*.json"))
    items = "\n".join(f"- [{name}](schema/{name})" for name in names)
    about = "What `ltdsl schema` prints: JSON Schemas (draft 2020-12) of plans, recipes and the files of a run."
    return f"# Schemas\n\n{about} The fields are explained in [the files of a run](run_files.md).\n\n{items}\n"
