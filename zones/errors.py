"""Errors about a file, a shape or a place, in words that a person can act on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class ZoneError(Exception):
    """The message says what is wrong, the hint says what to do next, and the details list the cases.

    Each is made one line of printable text, because parts of it may come from an untrusted file.
    """

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = one_line(message)
        self.hint = one_line(hint)
        self.details = tuple(one_line(detail) for detail in details)

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, *self.details, self.hint) if part)


@contextmanager
def naming(called: str) -> Iterator[None]:
    """Put the name of the file before the message of a ZoneError."""
    try:
        yield
    except ZoneError as error:
        raise ZoneError(f"{called}: {error.message}", hint=error.hint, details=error.details) from None


def one_line(text: str) -> str:
    """Replace line breaks, terminal codes and lone surrogates, so that a text cannot forge a line or move a cursor."""
    return "".join(c if c.isprintable() else " " for c in text)
