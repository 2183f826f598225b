"""What can be wrong with a file, a shape or a place, in words a person can act on."""

from collections.abc import Sequence


class ZoneError(Exception):
    """The message says what is wrong; the hint says what to do next; details list the cases."""

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, *self.details, self.hint) if part)
