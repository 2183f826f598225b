"""The `tocsin` command. Every command has --help; an error is one line on stderr and exit code 2.

`root` lists the groups of commands and handles errors. Each group has a module; `commands`, `output` and `acting` have
what they share.
"""

from notify.cli.root import main

__all__ = ["main"]
