"""Reading run directories, whatever state they are in: what is missing is said, and nothing is believed unchecked."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ltdsl.report.errors import ReportError
from ltdsl.runs.figures import Epoch, Evaluation, Facts, Model, Pictures, clean

if TYPE_CHECKING:
    from ltdsl.plan import Plan

_MIB = 1 << 20

#: Larger files are left out: a page that holds them opens slowly, if at all.
LARGEST = {"json": 128 * _MIB, "recipe": 1 * _MIB, "picture": 4 * _MIB}

#: Files of a recipe that are shown, at most.
MOST_FILES = 50

#: Pictures by the bytes they start with: a name says little about a file.
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class Gallery:
    """Pictures of what a stage with `cam_bs` did, and what they show."""

    about: Pictures
    source: str  # a data: URI


@dataclass(frozen=True)
class Run:
    """A run directory, as far as it can be read.

    Attributes:
        path: The folder.
        facts: Of run.json.
        plan: What was run; None where it is missing or damaged.
        recipe: Texts by file name, the recipe itself first.
        epochs: Those that are recorded, in order.
        evaluation: The final figures; None where there are none.
        galleries: One for each stage that has pictures.
        gaps: What cannot be shown and why, a sentence each.
    """

    path: Path
    facts: Facts
    plan: Plan | None = None
    recipe: dict[str, str] = field(default_factory=dict)
    epochs: tuple[Epoch, ...] = ()
    evaluation: Evaluation | None = None
    galleries: tuple[Gallery, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's own name."""
        return clean(self.path.resolve().name)


def is_run(path: Path) -> bool:
    """True for a folder that a run left behind."""
    return (path / "run.json").is_file() or (path / "plan.json").is_file()


def found_runs(paths: list[Path]) -> list[Path]:
    """The run directories among paths; a folder that is none stands for those that it holds, such as a sweep's."""
    found = []
    for path in paths:
        inside = [] if is_run(path) or not path.is_dir() else sorted(filter(is_run, path.iterdir()))
        found += inside or [path]
    return list(dict.fromkeys(found))


def read_run(path: Path) -> Run:
    """Read a run directory.

    Raises:
        ReportError: LT450, it is none.
    """
    if not is_run(path):
        why = "it has no run.json" if path.is_dir() else "there is no such folder"
        raise ReportError(
            "LT450", f"{path} is no run directory: {why}", "name the folder that `ltdsl run` filled"
        )
    gaps: list[str] = []
    return Run(
        path,
        _model(path / "run.json", Facts, gaps) or Facts(),
        _plan(path, gaps),
        _recipe(path / "recipe", gaps),
        _epochs(path / "metrics.jsonl", gaps),
        _model(path / "evaluation.json", Evaluation, gaps, optional=True),
        _galleries(path / "cam", gaps),
        tuple(gaps),
    )


def _text(path: Path, largest: int = LARGEST["json"]) -> str:
    """A file's text.

    Raises:
        ValueError: It is a link, or too large.
        OSError: It cannot be read.
    """
    return _bytes(path, largest).decode("utf-8", "replace")


def _bytes(path: Path, largest: int) -> bytes:
    # whoever made the folder must not choose what else of this machine is shown
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is no ordinary file")
    if path.stat().st_size > largest:
        raise ValueError(f"it is larger than {largest // _MIB} MiB")
    return path.read_bytes()


def _model(path: Path, model: type[Model], gaps: list[str], optional: bool = False) -> Model | None:
    if not path.exists() and optional:
        return None
    try:
        return model.model_validate(json.loads(_text(path)))
    except (OSError, ValueError, RecursionError) as error:
        gaps.append(f"{path.name} cannot be read: {_why(error)}.")
        return None


def _why(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, json.JSONDecodeError):
        return "it is no whole JSON"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _plan(path: Path, gaps: list[str]) -> Plan | None:
    from ltdsl.compare.read import UnreadableError, read_plan

    try:
        _bytes(path / "plan.json", LARGEST["json"])
        plan = read_plan(path)
    except (UnreadableError, OSError, ValueError) as error:
        gaps.append(f"The plan cannot be shown: {_why(error)}.")
        return None
    assert not isinstance(plan, list)
    return plan


def _recipe(folder: Path, gaps: list[str]) -> dict[str, str]:
    texts = {}
    files = sorted(folder.rglob("*")) if folder.is_dir() and not folder.is_symlink() else []
    inside = folder.resolve()
    for path in [file for file in files if not file.is_dir()][:MOST_FILES]:
        name = clean(path.relative_to(folder).as_posix())
        try:
            if inside not in path.resolve().parents:
                raise ValueError("it lies outside the run directory")
            texts[name] = _text(path, LARGEST["recipe"])
        except (OSError, ValueError) as error:
            gaps.append(f"recipe/{name} cannot be shown: {_why(error)}.")
    if not texts:
        gaps.append("The recipe's text was not kept.")
    # of the files that make up a recipe, only the recipe itself has stages
    return dict(sorted(texts.items(), key=lambda item: not _has_stages(item[1])))


def _has_stages(text: str) -> bool:
    from ltdsl.source import Source
    from ltdsl.syntax import Stage
    from ltdsl.syntax.parser import parse_file

    file, _ = parse_file(Source("recipe", text.replace("\r\n", "\n")))
    return any(isinstance(statement, Stage) for statement in file.statements)


def _epochs(path: Path, gaps: list[str]) -> tuple[Epoch, ...]:
    if not path.exists():
        return ()
    epochs: dict[int, Epoch] = {}
    try:
        for number, line in enumerate(_text(path).splitlines(), 1):
            try:
                epoch = Epoch.model_validate(json.loads(line))
            except (ValueError, RecursionError):
                gaps.append(
                    f"Line {number} of metrics.jsonl is damaged; what follows it is left out."
                )
                break
            epochs[epoch.epoch] = epoch
    except (OSError, ValueError) as error:
        gaps.append(f"metrics.jsonl cannot be read: {_why(error)}.")
    return tuple(epochs[number] for number in sorted(epochs))


def _galleries(folder: Path, gaps: list[str]) -> tuple[Gallery, ...]:
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        about = _model(path, Pictures, gaps)
        if about is None:
            continue
        try:
            # the name of a file beside it, whatever it says
            picture = _bytes(folder / Path(about.file).name, LARGEST["picture"])
            kind = next(kind for start, kind in _PICTURES.items() if picture.startswith(start))
        except StopIteration:
            gaps.append(f"cam/{clean(about.file)} is no PNG or JPEG picture.")
        except (OSError, ValueError) as error:
            gaps.append(f"cam/{clean(about.file)} cannot be shown: {_why(error)}.")
        else:
            source = f"data:{kind};base64,{base64.b64encode(picture).decode()}"
            found.append(Gallery(about, source))
    return tuple(found)


def as_json(data: Any) -> str:
    """JSON that is safe inside a script element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
