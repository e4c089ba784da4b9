"""Loading: a recipe and the files it uses become one sequence of settings and one of stages.

Whatever can be said about the arrangement of statements, without knowing what they mean, is said here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ltdsl.analysis.marks import meant
from ltdsl.diagnostics import Diagnostic, Label, Report, report
from ltdsl.source import Source, Span
from ltdsl.syntax import Argument, Call, File, Identifier, List, Setting, Stage, Use, Value
from ltdsl.syntax.parser import MAX_PIECES, parse_file, read_source
from ltdsl.syntax.scanner import count
from ltdsl.system.paths import PathError, locate

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


def load(
    source: Source, problems: Report, read: Read = read_source, allow_outside: bool = False
) -> Document:
    """Parse a recipe and follow its ``use`` statements, depth first.

    Args:
        source: The recipe.
        problems: Receives every problem found.
        read: Reads a used file.
        allow_outside: Whether ``use`` may leave the recipe's folder.
    """
    tree, syntax_problems = parse_file(source)
    for problem in syntax_problems:
        problems(problem)
    document = Document(tree, whole=not syntax_problems, sources=[source])
    _Loader(document, problems, read, allow_outside).collect(tree, (source,))
    return document


#: A bound on `use`, so that files that use each other many times are answered in bounded time.
MAX_FILES = 64


@dataclass
class _Loader:
    """Collects the statements of a recipe and of the files it uses.

    Attributes:
        document: What has been collected so far.
        problems: Receives every problem found.
        read: Reads a used file.
        allow_outside: Whether ``use`` may leave the recipe's folder.
    """

    document: Document
    problems: Report
    read: Read
    allow_outside: bool

    def collect(self, tree: File, chain: tuple[Source, ...]) -> None:
        """Add a file's statements, and before them those of the files it uses.

        Args:
            tree: The file.
            chain: The files being followed, the recipe first.
        """
        own: list[Setting] = []
        for written in tree.statements:
            statement = meant(written, self.problems)
            if isinstance(statement, Use):
                if own or self.document.stages:
                    self._misplaced(
                        statement.span,
                        "`use` comes after other statements",
                        help="move it to the top: what a file sets itself wins over what it uses",
                    )
                self._follow(statement, chain)
            elif isinstance(statement, Setting):
                if self.document.stages and len(chain) == 1:
                    first = self.document.stages[0].span
                    self._misplaced(
                        statement.span,
                        f"the setting `{statement.name.text}` comes after a stage",
                        others=(Label(first, "the first stage is here"),),
                        help="settings stand before all stages",
                    )
                own.append(statement)
            elif len(chain) > 1:
                self._misplaced(
                    statement.name.span,
                    f"a used file holds settings only, not the stage `{statement.name.text}`",
                )
            else:
                self.document.stages.append(statement)
        self._check_names(own, len(chain) == 1)
        self.document.settings += own

    def _misplaced(
        self,
        span: Span,
        message: str,
        others: tuple[Label, ...] = (),
        help: str = "",  # noqa: A002 - named like the attribute it fills
    ) -> None:
        self.problems(report("LT109", span, message, others=others, help=help))

    def _check_names(self, own: list[Setting], with_stages: bool) -> None:
        check_repeated([setting.name for setting in own], "setting", self.problems)
        for setting in own:
            check_arguments(setting.value, self.problems)
        if not with_stages:
            return
        check_repeated([stage.name for stage in self.document.stages], "stage", self.problems)
        for stage in self.document.stages:
            check_repeated(
                [override.name for override in stage.overrides], "stage setting", self.problems
            )
            for value in (*stage.tricks, *(override.value for override in stage.overrides)):
                check_arguments(value, self.problems)

    def _follow(self, use: Use, chain: tuple[Source, ...]) -> None:
        """Load the file of a ``use`` statement."""
        found = self._find(use.path.value, chain)
        if isinstance(found, Diagnostic):
            self.problems(report("LT115", use.path.span, found.message, help=found.help))
            return
        self.document.sources.append(found)
        tree, syntax_problems = parse_file(found)
        for problem in syntax_problems:
            self.problems(problem)
        self.collect(tree, (*chain, found))

    def _find(self, written: str, chain: tuple[Source, ...]) -> Source | Diagnostic:
        """The file that a path leads to, or why there is none."""

        def no(message: str, help: str = "") -> Diagnostic:  # noqa: A002 - as above
            return report("LT115", None, message, help=help)

        root, here = chain[0].path, chain[-1].path
        if root is None or here is None:
            return no(
                "`use` needs a recipe that is a file with a folder",
                "for standard input, --stdin-filename says which",
            )
        try:
            target = locate(written, here.parent, root.parent, self.allow_outside)
        except PathError as error:
            return no(error.message, error.hint)
        if any(target == source.path.resolve() for source in chain if source.path):
            return no(f"`{written}` uses itself, directly or through another file")
        sources = self.document.sources
        if len(sources) >= MAX_FILES:
            return no(f"more than {MAX_FILES} files are used")
        found = self.read(target, str(Path(chain[-1].name).parent / written))
        if not isinstance(found, Source):
            return found
        if sum(count(source.text, MAX_PIECES) for source in (*sources, found)) > MAX_PIECES:
            return no("the recipe and the files that it uses are too large together for a recipe")
        return found


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
