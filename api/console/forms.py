"""Read what forms send: their ids, and numbers that people type."""

from uuid import UUID, uuid4

from notify.core.errors import Invalid
from notify.core.translation import gettext as _

MOST = 2**63 - 1  # PostgreSQL's bigint


def form_id(given: str) -> UUID:
    """Read the id that a form carries, so that what is sent twice, by a double click or the back button, is done once.

    One without an id gets a new one. Raises Invalid."""
    try:
        return UUID(given) if given else uuid4()
    except ValueError:
        raise Invalid(_("This form has no valid id."), hint=_("Open the page again and send it there.")) from None


def whole_number(given: str, wrong: str, hint: str, most: int = MOST, **values: str) -> int | None:
    """Read a whole number; None for an empty field. Raises Invalid with the message `wrong`, which has
    `%(given)s` and what `values` give."""
    digits = given.replace(",", "").strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20 and int(digits) <= most):
        raise Invalid(_(wrong, given=repr(given.strip()), **values), hint=_(hint))
    return int(digits)
