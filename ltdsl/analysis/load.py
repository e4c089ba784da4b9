"""Loading: a recipe and the files it uses become one sequence of settings and one of stages.

Whatever can be said about the arrangement of statements, without knowing what they mean, is said here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ltdsl.analysis.values import Report
from ltdsl.diagnostics import Diagnostic, Label, report
from ltdsl.syntax import Argument, Call, File, Identifier, List, Setting, Stage, Use, Value
from ltdsl.syntax.parser import parse_file, read_source
from ltdsl.syntax.source import Source

Read: TypeAlias = Callable[[Path, str], Source | Diagnostic]
"""Reads a used file, given its path and its name in messages; an editor reads its buffers instead of the disk."""


@dataclass
class Document:
    """A recipe with its includes.

    Attributes:
        tree: The recipe's own syntax tree.
        whole: False where a syntax error may have cost the tree a statement.
        settings: Those of all files, in order of precedence: later ones win.
        stages: Those of the recipe.
        sources: Every file read, the recipe first.
    """

    tree: File
    whole: bool = True
    settings: list[Setting] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)


def load(source: Source, problems: Report, read: Read = read_source) -> Document:
    """Parse a recipe and follow its ``use`` statements, depth first."""
    tree, syntax_problems = parse_file(source)
    for problem in syntax_problems:
        problems(problem)
    document = Document(tree, whole=not syntax_problems, sources=[source])
    root = source.path.parent if source.path else None
    _collect(document, tree, root, (source,), problems, read)
    return document


def _collect(
    document: Document,
    tree: File,
    root: Path | None,
    chain: tuple[Source, ...],
    problems: Report,
    read: Read,
) -> None:
    """Add a file's statements, and before them those of the files it uses.

    Args:
        document: What has been collected so far.
        tree: The file.
        root: The recipe's folder, which no ``use`` may leave; None for text without a folder.
        chain: The files being followed, the recipe first.
        problems: Receives every problem found.
        read: Reads a used file.
    """
    own: list[Setting] = []
    for statement in tree.statements:
        if isinstance(statement, Use):
            if own or document.stages:
                problems(
                    report(
                        "LT109",
                        statement.span,
                        "`use` comes after other statements",
                        help="move it to the top: what a file sets itself wins over what it uses",
                    )
                )
            _follow(document, statement, root, chain, problems, read)
        elif isinstance(statement, Setting):
            if document.stages and len(chain) == 1:
                first = Label(document.stages[0].span, "the first stage is here")
                problems(
                    report(
                        "LT109",
                        statement.span,
                        f"the setting `{statement.name.text}` comes after a stage",
                        others=(first,),
                        help="settings stand before all stages",
                    )
                )
            own.append(statement)
        elif len(chain) > 1:
            problems(
                report(
                    "LT109",
                    statement.name.span,
                    f"a used file holds settings only, not the stage `{statement.name.text}`",
                )
            )
        else:
            document.stages.append(statement)
    check_repeated([setting.name for setting in own], "setting", problems)
    for setting in own:
        check_arguments(setting.value, problems)
    if len(chain) == 1:
        check_repeated([stage.name for stage in document.stages], "stage", problems)
        for stage in document.stages:
            check_repeated([own.name for own in stage.overrides], "stage setting", problems)
            for value in (*stage.tricks, *(own.value for own in stage.overrides)):
                check_arguments(value, problems)
    document.settings += own


def _follow(
    document: Document,
    use: Use,
    root: Path | None,
    chain: tuple[Source, ...],
    problems: Report,
    read: Read,
) -> None:
    """Load the file of a ``use`` statement."""
    written, span = use.path.value, use.path.span
    here = chain[-1].path
    if root is None or here is None:
        problems(report("LT115", span, "`use` needs a recipe that is a file with a folder"))
        return
    target = (here.parent / written).resolve()
    if Path(written).is_absolute() or not target.is_relative_to(root.resolve()):
        problems(
            report(
                "LT115",
                span,
                f"`{written}` lies outside the recipe's folder",
                help="`use` takes a relative path to a file in the recipe's folder or below it",
            )
        )
        return
    if any(target == source.path.resolve() for source in chain if source.path):
        problems(
            report("LT115", span, f"`{written}` uses itself, directly or through another file")
        )
        return
    if len(document.sources) >= MAX_FILES:
        problems(report("LT115", span, f"more than {MAX_FILES} files are used"))
        return
    name = str(Path(chain[-1].name).parent / written)
    found = read(target, name)
    if not isinstance(found, Source):
        problems(report("LT115", span, found.message, help=found.help))
        return
    document.sources.append(found)
    tree, syntax_problems = parse_file(found)
    for problem in syntax_problems:
        problems(problem)
    _collect(document, tree, root, (*chain, found), problems, read)


#: A bound on `use`, so that files that use each other many times are answered in bounded time.
MAX_FILES = 64


def check_repeated(names: list[Identifier], what: str, problems: Report) -> None:
    """Report every name that is there more than once, with the place of the first."""
    seen: dict[str, Identifier] = {}
    for name in names:
        first = seen.setdefault(name.text, name)
        if first is not name:
            problems(
                report(
                    "LT108",
                    name.span,
                    f"the {what} `{name.text}` is there twice",
                    others=(Label(first.span, "first here"),),
                    help="keep one of the two",
                )
            )


def check_arguments(value: Value | Call, problems: Report) -> None:
    """Report arguments written twice in one call, at any depth."""
    if isinstance(value, List):
        for item in value.items:
            check_arguments(item, problems)
    elif isinstance(value, Call):
        arguments: tuple[Argument, ...] = value.arguments
        check_repeated([argument.name for argument in arguments], "argument", problems)
        for argument in arguments:
            check_arguments(argument.value, problems)
