"""Ask for confirmation before something that cannot be undone."""

import sys

import typer

from notify.core.errors import Refused


def require_yes(what: str) -> None:
    """Ask at the terminal. Raises Refused unless the answer is yes, or if there is no terminal."""
    if not sys.stdin.isatty():
        raise Refused(f"{what} This cannot be undone.", hint="Add --yes, because there is no terminal to ask.")
    if not typer.confirm(f"{what} This cannot be undone. Continue?", err=True):
        raise Refused("Nothing was changed.")
