"""`python -m ltdsl`, and what the command `ltdsl` calls."""

# Built into Python: no file is looked for. Until the command begins, Ctrl-C ends the process without a word, as it does
# with programs that start at once; where it is ignored (nohup), it stays so.
import _signal  # type: ignore[import-not-found]

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from ltdsl.system.search_path import leave_working_folder

leave_working_folder()  # before anything else is imported


def main() -> None:
    """Entry point of the `ltdsl` command."""
    try:
        from ltdsl.cli import main
    except (MemoryError, OSError, ImportError) as error:
        from ltdsl.system.shortage import end_of_shortage

        end_of_shortage(error)
        raise
    main()


if __name__ == "__main__":
    main()
