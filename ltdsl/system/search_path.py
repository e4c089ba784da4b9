"""Where Python looks for modules: not in the folder one works in, which may be a stranger's.

As a file, ``python …/search_path.py MODULE ARGUMENT…`` does what ``python -m MODULE ARGUMENT…`` does, which would look
into that folder first. Until it is off the path, nothing is imported here but `os` and `sys`, which Python itself has
loaded: not even `__future__`, which is a module too.
"""

import os
import sys


def leave_working_folder() -> None:
    """Take the working folder off `sys.path`: where `python -m` put it, and where PYTHONPATH has it as a relative path.

    Absolute entries of PYTHONPATH stay, because accelerators' toolkits are found by them. The folders in which the two
    halves of ltdsl lie stay too, last, as in an installation: their code runs already.
    """
    try:
        here = os.getcwd()
    except OSError:  # it is gone, and nothing lies in it
        return
    named = [] if sys.flags.ignore_environment else _entries()
    wanted = {os.path.abspath(entry) for entry in named if os.path.isabs(entry)}
    unwanted = {os.path.abspath(entry) for entry in named if not os.path.isabs(entry)}
    if _starts_with_a_folder() and sys.path[:1] in ([""], [here]):
        unwanted.add(here)
    unwanted -= wanted
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) not in unwanted]
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for folder, package in ((home, "ltdsl"), (os.path.join(home, "runtime"), "ltdsl_runtime")):
        if os.path.isdir(os.path.join(folder, package)) and folder not in sys.path:
            sys.path.append(folder)


def without_relative(path: str) -> str:
    """A PYTHONPATH's absolute entries."""
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if os.path.isabs(entry))


def _entries() -> list[str]:
    path = os.environ.get("PYTHONPATH")
    return path.split(os.pathsep) if path else []  # of several, an empty one is the working folder


def _starts_with_a_folder() -> bool:
    """Whether Python put the working folder, or that of the file it was given, before all others."""
    # `safe_path` is Python 3.11's
    return not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))


def _main() -> None:
    if _starts_with_a_folder():
        del sys.path[0]  # that of this file
    leave_working_folder()
    from runpy import run_module

    del sys.argv[0]
    run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
