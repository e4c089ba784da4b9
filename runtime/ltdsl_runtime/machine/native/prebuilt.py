"""The kernels that the distribution `ltdsl-kernels` brings, where they are those of the sources at hand."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ltdsl_runtime.machine.native.sources import built_from

DISTRIBUTION, PACKAGE = "ltdsl-kernels", "ltdsl_kernels"

MANIFEST = "manifest.json"

#: What to do about one that does not fit.
OTHER = f"install the {DISTRIBUTION} of this version of ltdsl, or: pip uninstall {DISTRIBUTION}"


class UnfitError(Exception):
    """The distribution is there and of no use; the message says why."""


class Manifest(BaseModel):
    """What the build of the wheel says of it.

    Attributes:
        version: Of the distribution.
        machine: As :func:`platform.machine` calls those that it is for.
        built_from: By instructions, what :func:`.sources.built_from` said of the sources and options.
        sha256: By instructions, of the library's file.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.+!]{1,40}$")]
    machine: Annotated[str, Field(pattern=r"^\w{1,40}$")]
    built_from: dict[str, str]
    sha256: dict[str, str]


@dataclass(frozen=True)
class Prebuilt:
    """A library that fits.

    Attributes:
        path: Its file.
        version: Of the distribution.
    """

    path: Path
    version: str


def prebuilt(instructions: str) -> Prebuilt | None:
    """The library for a processor's instructions; None where the distribution is not installed.

    It is trusted as Python's packages are, beside which it lies: the digest of the file finds what was damaged or
    mixed up, not what somebody forged who may write there.

    Raises:
        UnfitError: It is for other machines, of other sources, damaged, or lies where MindSpore opens nothing.
    """
    spec = find_spec(PACKAGE)  # imports nothing
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations)))
    if ":" in str(folder):
        raise UnfitError(f"MindSpore opens no kernels in {folder}, whose name has a colon")
    path = folder / f"{instructions}.so"
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        whose = f"{DISTRIBUTION} {manifest.version}"
        if manifest.machine != platform.machine():
            raise UnfitError(
                f"{whose} is for {manifest.machine}, and this machine is {platform.machine()}"
            )
        if instructions not in manifest.built_from:
            raise UnfitError(f"{whose} has no kernels for {instructions}")
        if manifest.built_from[instructions] != built_from(manifest.machine, instructions):
            raise UnfitError(f"{whose} was built from other sources than this ltdsl has")
        if hashlib.sha256(path.read_bytes()).hexdigest() != manifest.sha256.get(instructions):
            raise UnfitError(f"{path.name} of {whose} is not the file that was built for it")
    except OSError as error:
        raise UnfitError(f"{DISTRIBUTION} cannot be read: {error}") from error
    except ValidationError as error:
        raise UnfitError(f"{MANIFEST} of {DISTRIBUTION} in {folder} is damaged") from error
    return Prebuilt(path, manifest.version)
