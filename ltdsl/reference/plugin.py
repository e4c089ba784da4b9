"""A package to start from that adds a loss: its files, by their paths."""

from __future__ import annotations

from string import Template

from ltdsl import __version__

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$package"
version = "0.1.0"
dependencies = ["ltdsl[train]>=$version"]

[project.entry-points."ltdsl.tricks"]
$name = "$module:$Class"

[project.entry-points."ltdsl.implementations"]
$name = "$module.training:$name"
"""

_DECLARATION = '''\
"""The loss `$name`: what ltdsl and its users must know of it. Nothing here imports MindSpore."""

import math
from collections.abc import Sequence

from pydantic import Field

from ltdsl import catalogue


class $Class(catalogue.Loss):
    """Cross entropy of logits that are raised by a multiple of the log counts of their class."""

    name = "$name"
    formula = "−log softmax(z + tau · log N)_y, in training only"
    citation = ""  # authors, title, where and when

    tau: float = Field(1.0, ge=0, le=10, description="Factor on the log counts; 0 is plain `ce`.")

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...]:
        """tau · log N_c: advice computes from it how strongly the tail is favoured."""
        return tuple(self.tau * math.log(count) for count in counts)
'''

_TRAINING = '''\
"""What trains `$name`."""

from collections.abc import Sequence

import numpy as np
from ltdsl_runtime.tricks.losses import OffsetCrossEntropy, Reduction
from ltdsl_runtime.tricks.losses.objectives import Objective

from $module import $Class


def $name(entry: $Class, counts: Sequence[int]) -> Objective:
    """The loss of each image, and how a batch's are reduced."""
    return Objective(OffsetCrossEntropy(np.array(entry.logit_offsets(counts))), Reduction("mean"))
'''

_TEST = '''\
"""`$name` against its formula. `ltdsl tricks --test $name` sees to the rest."""

import numpy as np
from ltdsl_runtime.machine.device import prepare

prepare("cpu")  # before MindSpore is imported

import mindspore as ms  # noqa: E402

from $module import $Class  # noqa: E402
from $module.training import $name  # noqa: E402


def test_it_is_its_formula():
    counts, tau = (50, 20, 4), 0.5
    logits = np.random.default_rng(0).normal(size=(6, 3))
    labels = np.arange(6) % 3
    raised = logits + tau * np.log(counts)
    expected = np.log(np.exp(raised).sum(1)) - raised[np.arange(6), labels]
    loss, _ = $name($Class(tau=tau), counts).loss(
        ms.Tensor(logits, ms.float32), ms.Tensor(labels, ms.int32)
    )
    np.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-5)
'''


def plugin(name: str) -> dict[str, str]:
    """The files of a package that declares and implements a loss.

    Args:
        name: What recipes will call it: small letters, digits and underscores.

    Returns:
        Texts by path, below the folder that :func:`package_name` names.
    """
    module = f"ltdsl_{name}"
    words = {
        "name": name,
        "module": module,
        "package": package_name(name),
        "Class": "".join(part.capitalize() for part in name.split("_")),
        "version": __version__,
    }
    files = {
        "pyproject.toml": _PROJECT,
        f"{module}/__init__.py": _DECLARATION,
        f"{module}/training.py": _TRAINING,
        f"tests/test_{name}.py": _TEST,
    }
    return {path: Template(text).substitute(words) for path, text in files.items()}


def package_name(name: str) -> str:
    """What a package that adds a name is called, and the folder it stands in."""
    return "ltdsl-" + name.replace("_", "-")
