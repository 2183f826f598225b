"""What the form of a resident's choices shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import cast, get_args

from babel.dates import format_time, get_timezone_location
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.reporting import message_load
from notify.alerts.reporting.message_load import Ledger
from notify.core import quiet_time, translation
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Contact
from notify.subscribers import choices
from notify.subscribers.choices import Chosen, Digest

# Those of the United States; a resident who lives by another one keeps it.
ZONES = {
    "America/New_York": gettext_noop("Eastern Time"),
    "America/Chicago": gettext_noop("Central Time"),
    "America/Denver": gettext_noop("Mountain Time"),
    "America/Phoenix": gettext_noop("Mountain Time (Arizona)"),
    "America/Los_Angeles": gettext_noop("Pacific Time"),
    "America/Anchorage": gettext_noop("Alaska Time"),
    "Pacific/Honolulu": gettext_noop("Hawaii Time"),
    "America/Puerto_Rico": gettext_noop("Atlantic Time (Puerto Rico)"),
}
MOST = (1, 2, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class ChoicesView:
    """`usual`: the city's quiet hours, None without any; `hours`: what the two fields show. `zones`: name and words.
    `lowest`: contact -> rank."""

    chosen: Chosen
    usual: tuple[str, str] | None
    hours: tuple[str, str]
    zones: Sequence[tuple[str, str]]
    digest_at: str  # the hour, on the resident's clock
    most: Sequence[int]
    lowest: dict[int, int | None]
    first_day: date
    last_day: date
    ledger: Ledger  # of this month
    pause: str  # the day until which everything is muted, as the form shows it
    typed: Mapping[str, str] = field(default_factory=dict)  # by name, of a form that was refused

    def as_typed(self, fields: Mapping[str, str], lowest: Mapping[int, int | None]) -> "ChoicesView":
        """Return the form as it was filled in, of which something was refused: what makes no sense is as it was."""
        zone, most = fields["timezone"], fields["most_a_day"]
        chosen = self.chosen
        if zone in dict(self.zones):
            chosen = replace(chosen, timezone=zone)
        if most in ("", *map(str, self.most)):
            chosen = replace(chosen, most_a_day=int(most) if most else None)
        if fields["digest"] in ("", *get_args(Digest)):
            chosen = replace(chosen, digest=cast(Digest, fields["digest"]) if fields["digest"] else None)
        own = {contact: rank for contact, rank in lowest.items() if contact in self.lowest}
        return replace(
            self,
            chosen=chosen,
            hours=(fields["quiet_from"], fields["quiet_to"]),
            lowest=self.lowest | own,
            pause=fields["muted_until"],
            typed=fields,
        )

    @property
    def quiet(self) -> str:
        if "quiet" in self.typed:
            return self.typed["quiet"]
        if self.chosen.quiet is None:
            return "city"
        return "own" if self.chosen.quiet.begin != self.chosen.quiet.end else "never"


def view(s: Session, subscriber_id: int, now: datetime) -> ChoicesView:
    chosen = choices.read(s, subscriber_id, now)
    city = settings().quiet
    own = chosen.quiet if chosen.quiet is not None and chosen.quiet.begin != chosen.quiet.end else None
    begin, end = own or (city if city.begin != city.end else (time(21), time(8)))
    names = dict.fromkeys((*([chosen.timezone] if chosen.timezone else []), settings().timezone, *ZONES))
    lowest = select(Contact.id, Contact.lowest_severity).where(Contact.subscriber_id == subscriber_id)
    today = now.astimezone(chosen.zone).date()
    return ChoicesView(
        chosen,
        (_clock(city.begin), _clock(city.end)) if city.begin != city.end else None,
        (f"{begin:%H:%M}", f"{end:%H:%M}"),
        [(name, _called(name)) for name in names],
        _clock(quiet_time.DIGEST),
        MOST if chosen.most_a_day in (None, *MOST) else sorted((*MOST, chosen.most_a_day or 0)),
        {row.id: row.lowest_severity for row in s.execute(lowest)},
        min(today + timedelta(days=1), chosen.muted_until or date.max),  # a pause that ends later today is kept
        today + choices.LONGEST_MUTE - timedelta(days=1),
        message_load.of_resident(s, subscriber_id, message_load.month(now)),
        chosen.muted_until.isoformat() if chosen.muted_until else "",
    )


def _called(zone: str) -> str:
    return _(ZONES[zone]) if zone in ZONES else get_timezone_location(zone, locale=translation.locale())


def _clock(at: time) -> str:
    return format_time(at, "short", locale=translation.locale())
