"""What ends a run before its time: an error told as a sentence, without a traceback, or what was asked for."""

from ltdsl.errors import RunError

__all__ = ["RunError", "StoppedAsAsked"]


class StoppedAsAsked(KeyboardInterrupt):  # no error: as Ctrl-C, in order and on demand
    """A run has trained as many epochs as it was asked for now.

    Attributes:
        epochs: How many it has trained in all.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs
