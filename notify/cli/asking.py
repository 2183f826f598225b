"""A question before something that cannot be undone."""

import sys

import typer

from notify.core.errors import Refused


def require_yes(what: str) -> None:
    """Go on only when somebody at a terminal says yes. Raises Refused when they do not, or nobody can be asked."""
    if not sys.stdin.isatty():
        raise Refused(f"{what} This cannot be undone.", hint="Where nobody can be asked, say --yes.")
    if not typer.confirm(f"{what} This cannot be undone. Go on?", err=True):
        raise Refused("Nothing was changed.")
