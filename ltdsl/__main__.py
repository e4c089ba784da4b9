"""`python -m ltdsl`."""

from ltdsl.cli import main

main()
