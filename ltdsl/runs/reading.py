"""Reading run directories, whatever state they are in: what is missing is said, and nothing is believed unchecked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ltdsl.plan import Plan
from ltdsl.runs import layout
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.evaluation import Evaluation
from ltdsl.runs.facts import Facts
from ltdsl.runs.files import content, data, tail, text, why
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.model import FileModel, Gap, clean
from ltdsl.runs.pictures import Pictures
from ltdsl.runs.plan import read_plan
from ltdsl.runs.profile import Profile
from ltdsl.system import opening

#: Files of a recipe that are shown, at most.
MOST_FILES = 50

#: Pictures by the bytes they start with: a name says little about a file.
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}

Model = TypeVar("Model", bound=FileModel)


@dataclass(frozen=True)
class Picture:
    """A picture of what a stage with `cam_bs` did.

    Attributes:
        about: What it shows.
        kind: Its media type.
        content: The file's bytes.
    """

    about: Pictures
    kind: str
    content: bytes


class Run:
    """A run directory, as far as it can be read; each file is read once, when it is first asked for.

    Args:
        path: The folder. It may hold anything; :func:`read_run` refuses what is no run.
        exact: Keep names in run.json as they are written, for those who look for files of such names.
    """

    def __init__(self, path: str | os.PathLike[str], exact: bool = False) -> None:
        self.path = Path(path)
        self._exact = exact
        self._gaps: dict[str, list[str]] = {}

    def __repr__(self) -> str:
        """What a notebook shows."""
        return f"<run {self.name}: {self.facts.status or 'of unknown state'}>"

    @property
    def name(self) -> str:
        """The folder's own name."""
        return clean(self.path.resolve().name)

    @cached_property
    def facts(self) -> Facts:
        """run.json."""
        return self._model(self.path / layout.FACTS, Facts) or Facts.leniently({}, [])

    @cached_property
    def plan(self) -> Plan | None:
        """What was run; None where it is missing or damaged."""
        try:
            return read_plan(self.path)
        except UnreadableError as error:
            self._note(layout.PLAN, f"The plan cannot be shown: {error}.")
            return None

    @cached_property
    def recipe(self) -> dict[str, str]:
        """Texts by file name, the recipe itself first."""
        folder = self.path / layout.RECIPE
        texts = {}
        files = sorted(folder.rglob("*")) if folder.is_dir() and not folder.is_symlink() else []
        for path in [file for file in files if not file.is_dir()][:MOST_FILES]:
            name = clean(path.relative_to(folder).as_posix())
            try:
                texts[name] = text(path, opening.RECIPE, folder)
            except (OSError, ValueError) as error:
                self._note(layout.RECIPE, f"recipe/{name} cannot be shown: {why(error)}.")
        if not texts:
            self._note(layout.RECIPE, "The recipe's text was not kept.")
        # of the files that make up a recipe, only the recipe itself has stages
        return dict(sorted(texts.items(), key=lambda item: not _has_stages(item[1])))

    @cached_property
    def metrics(self) -> tuple[Epoch, ...]:
        """The epochs that are recorded, in order."""
        path = self.path / layout.METRICS
        if not path.exists():
            return ()
        epochs: dict[int, Epoch] = {}
        try:
            for number, line in enumerate(text(path, opening.FIGURES).splitlines(), 1):
                epoch = _epoch(line)
                if epoch is None:
                    what = f"Line {number} of {path.name} is damaged; what follows it is left out."
                    self._note(path.name, what)
                    break
                epochs[epoch.epoch] = epoch
        except (OSError, ValueError) as error:
            self._note(path.name, f"{path.name} cannot be read: {why(error)}.")
        return tuple(epochs[number] for number in sorted(epochs))

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """The final figures; None where there are none."""
        path = self.path / layout.EVALUATION
        return self._model(path, Evaluation) if path.exists() else None

    @cached_property
    def profile(self) -> Profile | None:
        """What profile.json says, of a run that was profiled."""
        path = self.path / layout.PROFILE
        return self._model(path, Profile) if path.exists() else None

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """One for each stage that has any."""
        folder = self.path / layout.PICTURES
        return tuple(self._pictures(folder)) if folder.is_dir() else ()

    @property
    def gaps(self) -> tuple[str, ...]:
        """What cannot be shown and why, a sentence each."""
        _ = self.facts, self.plan, self.recipe, self.metrics, self.evaluation, self.pictures
        names = (layout.FACTS, layout.PLAN, layout.RECIPE, layout.METRICS, layout.EVALUATION)
        return tuple(gap for name in (*names, layout.PICTURES) for gap in self._gaps.get(name, ()))

    def gaps_of(self, name: str) -> tuple[str, ...]:
        """Those of one of the files that have been asked for."""
        return tuple(self._gaps.get(name, ()))

    def _note(self, name: str, *sentences: str) -> None:
        self._gaps.setdefault(name, []).extend(sentences)

    def _model(self, path: Path, model: type[Model], part: str | None = None) -> Model | None:
        gaps: list[Gap] = []
        try:
            found = model.leniently(data(path, _largest(path), self.path), gaps, self._exact)
        except (OSError, ValueError, RecursionError) as error:
            self._note(part or path.name, f"{path.name} cannot be read: {why(error)}.")
            return None
        self._note(
            part or path.name,
            *(f"`{gap.where}` in {path.name} cannot be read: {gap.what}." for gap in gaps),
        )
        return found

    def _pictures(self, folder: Path) -> Iterator[Picture]:
        for path in sorted(folder.glob("*.json")):
            about = self._model(path, Pictures, layout.PICTURES)
            if about is None:
                continue
            name = clean(about.file)
            try:
                # the name of a file beside it, whatever it says
                found = content(folder / Path(about.file).name, opening.PICTURE, self.path)
                kind = next(kind for start, kind in _PICTURES.items() if found.startswith(start))
            except StopIteration:
                self._note(layout.PICTURES, f"cam/{name} is no PNG or JPEG picture.")
            except (OSError, ValueError) as error:
                self._note(layout.PICTURES, f"cam/{name} cannot be shown: {why(error)}.")
            else:
                yield Picture(about, kind, found)


def last_epoch(run: Path) -> Epoch | None:
    """The last line of a run's metrics.jsonl; None where there is none, or it is not whole."""
    try:
        lines = tail(run / layout.METRICS, 4096).splitlines()
    except (OSError, ValueError):
        return None
    return _epoch(lines[-1]) if lines else None


def is_run(path: Path) -> bool:
    """True for a folder that a run left behind."""
    return (path / layout.FACTS).is_file() or (path / layout.PLAN).is_file()


def found_runs(paths: Iterable[Path]) -> list[Path]:
    """The run directories among paths; a folder that is none stands for those that it holds, such as a sweep's."""
    found = []
    for path in paths:
        inside = [] if is_run(path) or not path.is_dir() else sorted(filter(is_run, path.iterdir()))
        found += inside or [path]
    return list(dict.fromkeys(found))


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run directory.

    Raises:
        UnreadableError: It is none, or a later version of ltdsl has written it.
    """
    run = Run(path)
    if not is_run(run.path):
        missing = f"it has no {layout.FACTS}" if run.path.is_dir() else "there is no such folder"
        message = f"{run.path} is no run directory: {missing}"
        raise UnreadableError(message, "name the folder that `ltdsl run` filled")
    must_be_known(run.facts, run.path)
    return run


def must_be_known(facts: Facts, path: Path) -> None:
    """Refuse a run of a later version, whose files may mean something else.

    Raises:
        UnreadableError: It is one.
    """
    if facts.format > layout.FORMAT:
        raise UnreadableError(
            f"{path} was written by a later version of ltdsl: its files are of format {facts.format}, and this version "
            f"knows those up to {layout.FORMAT}",
            "use that version, or a later one",
        )


def _largest(path: Path) -> int:
    return opening.FIGURES if path.name == layout.EVALUATION else opening.RUN_FACTS


def _epoch(line: str | bytes) -> Epoch | None:
    """What a line of metrics.jsonl says; None where it is damaged."""
    gaps: list[Gap] = []
    try:
        epoch = Epoch.leniently(json.loads(line), gaps)
    except (ValueError, RecursionError):
        return None
    return None if gaps else epoch


def _has_stages(text: str) -> bool:
    from ltdsl.source import Source
    from ltdsl.syntax import Stage
    from ltdsl.syntax.parser import parse_file

    file, _ = parse_file(Source("recipe", text.replace("\r\n", "\n")))
    return any(isinstance(statement, Stage) for statement in file.statements)
