"""The account and machine that a command runs under, for the audit."""

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

on_command_line: ContextVar[str] = ContextVar("on_command_line", default="")  # "" for everything but a command


@contextmanager
def command() -> Iterator[None]:
    """Attribute everything done inside the block to the account that this process runs under."""
    before = on_command_line.set(f"{_account()}@{socket.gethostname()}")
    try:
        yield
    finally:
        on_command_line.reset(before)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        return "unknown"
