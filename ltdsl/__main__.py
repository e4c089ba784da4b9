"""`python -m ltdsl`, and what the command `ltdsl` calls."""

from ltdsl.system.search_path import leave_working_folder

leave_working_folder()  # before anything else is imported

from ltdsl.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
