"""The `tocsin` command. Every command has --help; errors are one line on stderr and exit 2."""

from notify.cli.root import main

__all__ = ["main"]
