"""Where the files are that a run was begun with: they, the run, or a folder with both may have been moved since."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.runs.layout import RECIPE
from ltdsl_runtime.errors import RunError

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.runs.facts import Facts


def noted(run: Path, root: Path, data: Path | None) -> dict[str, str | None]:
    """Entries of run.json: each folder as it is called on this machine, and as it is seen from the run.

    Args:
        run: The run directory.
        root: The recipe's folder, which paths in the recipe are relative to.
        data: What ``--data`` names.
    """
    entries: dict[str, str | None] = {}
    for name, folder in (("recipe_folder", root), ("data_folder", data)):
        whole = folder.resolve() if folder else None
        entries[name] = str(whole) if whole else None
        entries[f"{name}_from_run"] = os.path.relpath(whole, run.resolve()) if whole else None
    return entries


class Places:
    """The folders of a run.

    Args:
        run: The run directory.
        facts: What its run.json holds, which may be a stranger's.
    """

    def __init__(self, run: Path, facts: Facts) -> None:
        self._run = run
        self._facts = facts

    def data(self, plan: Plan, named: Path | None) -> Path | None:
        """The folder of the data set's files.

        Args:
            plan: The run's.
            named: What ``--data`` names now.

        Raises:
            RunError: LT401, it is no longer where it was.
        """
        then = self._noted(self._facts.data_folder, self._facts.data_folder_from_run)
        if named is not None or not then or not plan.dataset.needs_files:
            return named or next(iter(then), None)
        for folder in then:
            if _is_there(folder):
                return folder
        message = f"{then[0]}, the --data of {self._run}, is no longer there"
        raise RunError("LT401", message, "say where the images are now: --data DIR")

    def recipe(self, plan: Plan, data: Path | None, checkpoints: bool = False) -> Path:
        """The folder that paths in the recipe are relative to.

        It is the recipe's own, or else what is now where that was as seen from the run, or else the run's copy of the
        recipe: the first in which all that is needed is there.

        Args:
            plan: The run's.
            data: Where the data set's files are, if not where the recipe says.
            checkpoints: Whether teachers and the checkpoint to start from are needed too.

        Raises:
            RunError: LT401 or LT411, something is in none of them.
        """
        noted = self._noted(self._facts.recipe_folder, self._facts.recipe_folder_from_run)
        folders = [*noted, self._run / RECIPE]
        images = getattr(plan.dataset, "path", None) if data is None else None
        needed = {str(images): "LT401"} if images is not None else {}
        if checkpoints:
            named = [
                plan.init_file,
                *(each.teacher.teacher for each in plan.stages if each.teacher),
            ]
            needed |= dict.fromkeys(filter(None, named), "LT411")
        for folder in folders:
            if all(_is_there(folder / path) for path in needed):
                return folder
        for path, code in needed.items():
            if not any(_is_there(folder / path) for folder in folders):
                hint = f"put it into {self._run / RECIPE}, beside the run's copy of the recipe"
                if code == "LT401":
                    hint = "say where the images are now: --data DIR"
                raise RunError(code, f"there is no {folders[0] / path} (any more)", hint)
        return folders[0]

    def _noted(self, whole: str | None, from_run: str | None) -> list[Path]:
        """Where a folder may be; none where the run has none."""
        found = [Path(whole)] if whole else []
        return [*found, self._run / from_run] if from_run else found


def _is_there(path: Path) -> bool:
    """False too where the system does not look: in a folder of somebody else, for a name that is too long."""
    try:
        return path.exists()
    except OSError:
        return False
