"""Recipes from other projects' configurations: ``ltdsl import``.

A configuration is read with the place of each key (:mod:`.configuration`), understood as one training
(:mod:`.bagoftricks`, :mod:`.mislas`, :mod:`.ldam_drw`), joined with the trainings whose weights it starts from
(:mod:`.joining`), and written as a recipe (:mod:`.writing`).
"""

from ltdsl.importing.files import Imported, import_files

__all__ = ["Imported", "import_files"]
