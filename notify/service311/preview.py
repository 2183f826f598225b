"""What an edit of the rules would change: the calendar as published against the calendar as edited."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from notify.service311.rules import Collection


@dataclass(frozen=True, slots=True)
class Change:
    """One collection whose date, state, set-out time or reason differs.

    old, new: None if it is in one of the calendars alone.
    """

    zone: str
    stream: str
    nominal: date
    old: Collection | None
    new: Collection | None

    @property
    def date_differs(self) -> bool:
        """Whether residents are concerned; otherwise only the reason or the set-out time is another."""
        old, new = ((c.effective, c.state) if c else None for c in (self.old, self.new))
        return old != new


def preview(published: Iterable[Collection], edited: Iterable[Collection]) -> list[Change]:
    """Return what differs, by nominal date, zone and stream. Both calendars must be of the same dates."""
    old = {(c.nominal, c.zone, c.stream): c for c in published}
    new = {(c.nominal, c.zone, c.stream): c for c in edited}
    return [
        Change(zone, stream, nominal, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
        for nominal, zone, stream in [key]
    ]
