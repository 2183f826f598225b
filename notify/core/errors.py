"""Everything that can go wrong in words a person can act on.

One small tree. `api/errors.py` maps it to HTTP once and `cli.py` to an exit code once; nothing else does.
The message says what is wrong; the hint says what to do next.
"""

from collections.abc import Sequence


class TocsinError(Exception):
    """Base of all errors that are meant to be read by a person."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFound(TocsinError):
    """There is no such alert, zone, sender, operator or key."""

    code = "not-found"


class Invalid(TocsinError):
    """What was given cannot be used as it is: a blank, a phone number, a file, an option."""

    code = "invalid"


class Refused(TocsinError):
    """The thing exists, but its state forbids this: no approval, launched already, expired."""

    code = "refused"


class NotAllowed(TocsinError):
    """This person or key may not do this."""

    code = "not-allowed"


class BadSignature(NotAllowed):
    """A webhook whose signature does not match; nothing of it may be kept.

    `looks_genuine`: it is shaped as the provider's own, so a setting of ours may be wrong.
    """

    code = "bad-signature"

    def __init__(self, message: str, *, hint: str = "", looks_genuine: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.looks_genuine = looks_genuine


class Unavailable(TocsinError):
    """A server that we need does not answer, or a setting that we need is missing."""

    code = "unavailable"


class WrongKey(Unavailable):
    """This process has another secret key than the one that the database was written with."""
