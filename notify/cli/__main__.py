"""`python -m notify.cli`."""

from notify.cli import main

main()
