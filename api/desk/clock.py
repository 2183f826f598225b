"""Times that staff type on the pages of the desk: on the city's clock."""

from datetime import datetime

from notify.core.city_time import on_clock
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.core.translation import gettext as _


def read(given: str) -> datetime | None:
    """Read a time such as 2027-01-12T18:00 as `on_city_clock` does; None for nothing. Raises Invalid."""
    if not given.strip():
        return None
    try:
        typed = datetime.fromisoformat(given.strip())
    except ValueError:
        raise Invalid(
            _("%(given)s is not a time.", given=repr(given)), hint=_("Write it as 2027-01-12T18:00.")
        ) from None
    return on_city_clock(typed)


def on_city_clock(typed: datetime) -> datetime:
    """Return the moment. Raises Invalid, also in the night on which the clocks change: for a time that they skip or
    show twice."""
    try:
        return on_clock(typed, settings().tz)
    except ValueError as error:
        hint = _("Choose a time before or after it.")
        given = repr(typed.isoformat(timespec="minutes"))
        raise Invalid(_("%(given)s is not a time: %(error)s.", given=given, error=error), hint=hint) from None
