"""The errors that people read, in words they can act on.

Only `api/errors.py` maps them to HTTP, and only the command line maps them to exit codes.
The message says what is wrong; the hint says what to do next.
"""

from collections.abc import Sequence


def hint_for_page(hint: str) -> str:
    """Return a hint without one that names a command or its options, which the reader of a page does not have."""
    return "" if "--" in hint or "`tocsin" in hint else hint


class TocsinError(Exception):
    """Base of all errors that are meant for a person to read."""

    code = "error"
    confirm = ""  # the doubt about an area that would have to be confirmed: `city.area.Confirmation`

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFound(TocsinError):
    """The alert, zone, sender, operator or key does not exist."""

    code = "not-found"


class Invalid(TocsinError):
    """A blank, phone number, file, option or other input cannot be used as given."""

    code = "invalid"


class Refused(TocsinError):
    """The state of a thing forbids this act: not approved, already launched, expired."""

    code = "refused"


class NotAllowed(TocsinError):
    """This operator or key may not do this."""

    code = "not-allowed"


class BadSignature(NotAllowed):
    """The signature of a webhook does not match; nothing of it may be stored.

    `looks_genuine`: it has the form of the provider's own, so one of our settings may be wrong.
    """

    code = "bad-signature"

    def __init__(self, message: str, *, hint: str = "", looks_genuine: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.looks_genuine = looks_genuine


class Unavailable(TocsinError):
    """A server does not answer, or a required setting is missing."""

    code = "unavailable"


class WrongKey(Unavailable):
    """The database was written with a different secret key than this process has."""
