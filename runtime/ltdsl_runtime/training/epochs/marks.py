"""Knows a run directory again that was trained here, by this user, and that nobody has changed since.

The cache is given only what is known to be right, and a run directory may come from anywhere. So the state of a run
after each epoch is signed with a secret of the user's cache, and a run that goes on is believed where the signature is
that of what is there. Where it is not, by whatever chance, the run goes on all the same, and keeps nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from ltdsl.cache import SECRET
from ltdsl.runs import layout
from ltdsl.system import opening
from ltdsl.system.files import write_atomically
from ltdsl_runtime.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ltdsl.cache import Store
    from ltdsl_runtime.rundir.directory import RunDirectory

#: Bytes of the secret, and of what signs.
SIZE = 32

#: What may be there or not, whatever the run has come to.
BESIDE = ("previous.ckpt", layout.MARK)


class Marks:
    """The signature of one run's state.

    Args:
        run: Its directory, which has begun.
        fingerprint: Of its images, by part.
        computed_by: What computes here: no other machine, version or number of threads goes on with the same.
        store: The user's cache.
    """

    def __init__(
        self,
        run: RunDirectory,
        fingerprint: Mapping[str, str],
        computed_by: Mapping[str, Any],
        store: Store,
    ) -> None:
        self._run = run
        self._facts = {"data": dict(fingerprint), "computed_by": dict(computed_by)}
        self._store = store

    @property
    def _path(self) -> Path:
        return self._run.checkpoints / layout.MARK

    def set(self) -> None:
        """Sign the run as it is after an epoch.

        Raises:
            RunError: LT424, the directory cannot be written to.
        """
        try:
            signature = self._signature()
        except OSError:
            return  # no secret, or a file that is not there: it is not known again
        if signature is not None:
            with self._run.writing(self._path):
                write_atomically(self._path, signature)

    def is_ours(self) -> bool:
        """Whether the run is as it was when it was signed last, and has been gone on with by what began it alone."""
        if self._run.facts.went_on_otherwise():
            return False
        try:
            expected = self._signature()
            found = opening.read_file(self._path, opening.RUN_FACTS, root=self._run.path)
        except (OSError, RunError):
            return False
        return expected is not None and hmac.compare_digest(found, expected)

    def _signature(self) -> bytes | None:
        """That of the run as it is; None where the cache keeps no secret."""
        secret = self._secret()
        if secret is None:
            return None
        state = {
            **self._facts,
            "plan": self._run.facts.plan_sha256,
            "metrics": [line.as_data() for line in self._run.metrics()],
            "files": {name: self._digest(path) for name, path in self._files()},
        }
        text = json.dumps(state, sort_keys=True).encode()
        return hmac.new(secret, text, hashlib.sha256).hexdigest().encode()

    def _files(self) -> list[tuple[str, Path]]:
        """All that the cache may be given of the run."""
        folders = (self._run.checkpoints, self._run.path / layout.PICTURES)
        found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
        return sorted(
            (f"{path.parent.name}/{path.name}", path)
            for path in found
            if path.name not in BESIDE and not path.name.startswith(".")
        )

    def _digest(self, path: Path) -> str:
        digest = hashlib.sha256()
        with opening.open_file(path, root=self._run.path) as file:
            while block := file.read(2**20):
                digest.update(block)
        return digest.hexdigest()

    def _secret(self) -> bytes | None:
        def make(folder: Path) -> None:
            write_atomically(folder / "bytes", secrets.token_bytes(SIZE))

        entry = self._store.obtain(SECRET, {}, make)
        if entry is None:
            return None
        with entry:
            return opening.read_file(entry.folder / "bytes", SIZE) if entry.kept else None
