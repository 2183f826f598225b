"""The id of a form: what is sent twice by a double click or the back button is done once."""

from uuid import UUID, uuid4

from notify.core.errors import Invalid


def form_id(given: str) -> UUID:
    """Read the id that a form carries; one without an id gets a new one. Raises Invalid."""
    try:
        return UUID(given) if given else uuid4()
    except ValueError:
        raise Invalid("This form has no valid id.", hint="Open the page again and send it there.") from None
