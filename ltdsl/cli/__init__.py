"""The command line. Whatever a command needs is imported when it runs: `check` must start quickly."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, NoReturn

import typer

from ltdsl.cli.usage import Command, Group
from ltdsl.system.opening import open_missing_streams
from ltdsl.system.shortage import end_of_shortage
from ltdsl.system.terminal import guarding, note, say, say_lines, verbosity

#: Commands in the order in which help lists them, and the modules of `ltdsl.cli.commands` that hold them.
COMMANDS = {
    "check": "check",
    "fmt": "fmt",
    "plan": "plan",
    "diff": "diff",
    "data": "data",
    "run": "run",
    "sweep": "sweep",
    "reproduce": "reproduce",
    "runs": "runs",
    "eval": "evaluate",
    "predict": "predict",
    "export": "export",
    "weights": "weights",
    "compare": "compare",
    "report": "report",
    "advise": "explain",
    "tricks": "explain",
    "explain": "explain",
    "schema": "schema",
    "cache": "cache",
    "plugins": "plugins",
    "doctor": "doctor",
    "new": "new",
    "import": "importing",
    "lsp": "lsp",
}

# what start-up allocates stays: looking through it for garbage a hundred times costs a tenth of it
gc.set_threshold(50_000, 20, 20)

# no plugin has a part in a command, and pydantic's search for them costs a quarter of its start-up
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _version(wanted: bool) -> None:
    if wanted:
        from ltdsl import __version__

        say(f"ltdsl {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Recipes for training on long-tailed image data.

    A recipe says in a line or a page which tricks are used when:

        stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160

    Check it, look at its plan, run it. Exit codes: 0 fine, 1 problems found or the run failed, 2 wrong use of the
    command, 130 stopped by Ctrl-C.
    """


def make_app(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with some of its commands, or with all."""
    app = typer.Typer(
        name="ltdsl",
        cls=Group,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name in commands:
        module = import_module(f"ltdsl.cli.commands.{COMMANDS[name]}")
        member = getattr(module, f"{name}_" if iskeyword(name) else name)
        if isinstance(member, typer.Typer):  # commands of its own
            app.add_typer(member, name=name)
        else:
            app.command(name, cls=Command)(member)
    return app


def main() -> None:
    """Entry point of the `ltdsl` command."""
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    # the others need not be built to run one
    guarded(make_app([asked] if asked in COMMANDS else COMMANDS))


def guarded(action: Callable[[], None]) -> None:
    """Do what a process is there for, and end with a sentence where it fails."""
    open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character shows another one, never a traceback
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    verbosity.begin()
    began = time.monotonic()
    with guarding(), _interruptible():
        try:
            load_plugins()
            action()
        except typer.Exit as end:  # where typer itself did not start it
            sys.exit(end.exit_code)
        except KeyboardInterrupt:
            sys.exit(130)
        except (
            BrokenPipeError
        ):  # nobody reads on, as behind `| head`; typer sees to it while a command runs
            os._exit(1)  # the interpreter would still write what is left, and complain
        except Exception as error:
            end_of_shortage(error)
            _report_bug(error)
        finally:
            note(f"took {time.monotonic() - began:.2f} s")
            # the process ends: looking once more through all it made for garbage costs a sixth of a check
            gc.freeze()


def load_plugins() -> None:
    """Put what this user has enabled into the catalogue, and say what is not there."""
    from ltdsl.plugins.enabled import is_there

    if not is_there():
        return
    from ltdsl.plugins.loading import load

    for problem in load():
        say(f"warning: {problem.message}", err=True)
        say(f"  = help: {problem.hint}", err=True)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C be a KeyboardInterrupt meanwhile; before and afterwards it ends the process without a word."""
    ended = signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    if ended:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ended:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _report_bug(error: Exception) -> NoReturn:
    """End with a sentence, and the traceback in a file: nothing that a user writes should come here."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    if verbosity.verbose:
        say_lines(text, err=True)
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="ltdsl-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(text)
        where = f"with {file.name}"
    except OSError:  # no folder for such files, or no space in it
        say_lines(text, err=True)
        where = "with what is above"
    lines = str(error).splitlines() or [""]
    say(f"error: {type(error).__name__}: {lines[0]}", err=True)
    say(f"  = help: this is a bug in ltdsl; please report it {where}", err=True)
    sys.exit(1)
