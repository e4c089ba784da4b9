"""The one exception that a run shows to its user as a sentence, without a traceback."""

from ltdsl.errors import RunError

__all__ = ["RunError"]
