"""What a check of other people's code found: it may raise anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ltdsl_runtime.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable


class Outcome(NamedTuple):
    """What a check found.

    Attributes:
        check: Its name.
        passed: Whether all is well; None where it does not apply.
        said: What was seen, or what is wrong.
    """

    check: str
    passed: bool | None
    said: str


class FailedError(Exception):
    """A check failed; the message says why."""


def outcome(name: str, check: Callable[[], str]) -> Outcome:
    """Check something.

    Args:
        name: What the check is called.
        check: Returns what was seen, nothing where there is nothing of the kind to check, or raises.
    """
    try:
        said = check()
    except FailedError as error:
        return Outcome(name, False, str(error))
    except RunError as error:
        return Outcome(name, False, error.message)
    except Exception as error:  # whatever other people's code raises is the outcome
        first = (str(error).strip().splitlines() or [""])[0]
        return Outcome(name, False, f"{type(error).__name__}: {first}")
    return Outcome(name, True if said else None, said or "nothing of the kind to check")
