"""What residents choose about routine messages: when they come, whether together, how many a day, and how grave they
must be.

A resident who wants what the city does has no row. Emergencies pass all of this.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.audience.rules import EMERGENCIES_ONLY
from notify.core import quiet_time
from notify.core.errors import Invalid, NotFound
from notify.core.quiet_time import NEVER, QuietHours
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import digests
from notify.models import Choices, Contact, Preference, Subscriber, Topic

Digest = Literal["daily", "weekly"]

MOST_A_DAY = 20
LONGEST_MUTE = timedelta(days=366)
# Moderate, Severe, Extreme, and only emergencies; without one, everything comes.
SEVERITY_RANKS = range(2, EMERGENCIES_ONLY + 1)


@dataclass(frozen=True, slots=True)
class Chosen:
    """`quiet`: None as the city does. `timezone`: "" the city's. `most_a_day`: None any number. `digest`: None at once.

    `muted_until`: the first day on which routine messages come again, or None.
    """

    quiet: QuietHours | None = None
    timezone: str = ""
    most_a_day: int | None = None
    muted_until: date | None = None
    digest: Digest | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone) if self.timezone else settings().tz


def read(s: Session, subscriber_id: int, now: datetime) -> Chosen:
    """Return what a resident has chosen."""
    row = s.execute(text(_CHOSEN), {"id": subscriber_id}).one()
    quiet = None
    if row.quiet_from is not None and row.quiet_to is not None:
        quiet = QuietHours(row.quiet_from, row.quiet_to)
    chosen = Chosen(quiet, row.timezone or "", row.most_a_day, digest=row.digest)
    until = _earliest(row.of_topics, row.muted_until)
    if until is None or until <= now:
        return chosen
    return replace(chosen, muted_until=until.astimezone(chosen.zone).date())


def choose(s: Session, subscriber_id: int, wanted: Chosen, now: datetime) -> None:
    """Store what a resident chooses, in place of what they chose before. Raises NotFound once they are erased, and
    Invalid, and changes nothing then.

    A pause that is as it was shown stays as it is, to the second: it may have been asked for by text.
    """
    _require(s, subscriber_id)
    before = read(s, subscriber_id, now)
    is_new = wanted.muted_until != before.muted_until
    until = _checked(s, wanted, now, is_new=is_new)
    own = {
        "quiet_from": wanted.quiet.begin if wanted.quiet else None,
        "quiet_to": wanted.quiet.end if wanted.quiet else None,
        "timezone": wanted.timezone if wanted.timezone not in ("", settings().timezone) else None,
        "most_a_day": wanted.most_a_day,
        "digest": wanted.digest,
    }
    _set(s, subscriber_id, own)
    if before.digest is not None and wanted.digest != before.digest:
        digests.let_go(s, subscriber_id, now)
    if is_new:
        pause(s, subscriber_id, until)
    elif before.muted_until is not None and wanted.zone != before.zone:
        _move_pause(s, subscriber_id, before, wanted)


def pause(s: Session, subscriber_id: int, until: datetime | None) -> None:
    """Mute all topics until then; None ends a pause. Without a topic, it waits for the first one."""
    mine = Preference.subscriber_id == subscriber_id
    topics = s.scalars(update(Preference).where(mine).values(muted_until=until).returning(Preference.topic)).all()
    _set(s, subscriber_id, {"muted_until": None if topics else until})


def _move_pause(s: Session, subscriber_id: int, before: Chosen, wanted: Chosen) -> None:
    """Have a pause end on the same day as before in another time zone. One by text ends at its own moment."""
    day = before.muted_until
    if day is not None and muted_until(s, subscriber_id) == quiet_time.moment(day, time(0), before.zone):
        pause(s, subscriber_id, quiet_time.moment(day, time(0), wanted.zone))


def add_topics(s: Session, subscriber_id: int, topics: Collection[Topic]) -> None:
    """Subscribe a resident to topics, at least one. A new one keeps the pause of all others."""
    until = muted_until(s, subscriber_id)
    rows = [{"subscriber_id": subscriber_id, "topic": topic, "muted_until": until} for topic in sorted(topics)]
    s.execute(insert(Preference).on_conflict_do_nothing(), rows)
    _set(s, subscriber_id, {"muted_until": None})


def _set(s: Session, subscriber_id: int, values: Mapping[str, object]) -> None:
    """Set columns of a resident's row, which is there only while one of them has a value."""
    row = insert(Choices).values(subscriber_id=subscriber_id, **values)
    s.execute(row.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))
    chosen = (column for column in Choices.__table__.c if not column.primary_key)
    mine = Choices.subscriber_id == subscriber_id
    s.execute(delete(Choices).where(mine, *(column.is_(None) for column in chosen)))


def _require(s: Session, subscriber_id: int) -> None:
    """Wait for an erasure that is under way. Raises NotFound for a resident who is erased: a page may still be open."""
    there = select(Subscriber.id).where(Subscriber.id == subscriber_id, Subscriber.erased_at.is_(None))
    if s.scalar(there.with_for_update(read=True)) is None:
        raise NotFound(_("You are not signed up any more."), hint=_("Join again to get messages."))


def muted_until(s: Session, subscriber_id: int) -> datetime | None:
    """Return until when all topics of a resident are muted; None if one of them is not. Without a topic, it is the
    pause that the next one will have."""
    row = s.execute(text(_CHOSEN), {"id": subscriber_id}).one()
    return _earliest(row.of_topics, row.muted_until)


def _earliest(of_topics: Sequence[datetime | None], without: datetime | None) -> datetime | None:
    if not of_topics:
        return without
    return None if None in of_topics else min(filter(None, of_topics))


_CHOSEN = """
    SELECT c.quiet_from, c.quiet_to, c.timezone, c.most_a_day, c.digest, c.muted_until,
           ARRAY(SELECT muted_until FROM preferences WHERE subscriber_id = :id) AS of_topics
      FROM (VALUES (1)) AS one LEFT JOIN choices c ON c.subscriber_id = :id
"""


def set_lowest(s: Session, subscriber_id: int, lowest: Mapping[int, int | None]) -> None:
    """Set the lowest severity of contacts (id -> rank, None: all), but not of those of others. Raises Invalid."""
    for contact, rank in lowest.items():
        if rank is not None and rank not in SEVERITY_RANKS:
            raise Invalid(_("This is no severity."), hint=_("Choose one of the list."))
        s.execute(
            update(Contact)
            .where(Contact.id == contact, Contact.subscriber_id == subscriber_id)
            .where(Contact.lowest_severity.is_distinct_from(rank))
            .values(lowest_severity=rank)
        )


def hours(kind: Literal["city", "own", "never"], begin: str, end: str) -> QuietHours | None:
    """Return the quiet hours of a form; None for the city's. Raises Invalid."""
    if kind == "city":
        return None
    if kind == "never":
        return NEVER
    try:
        found = quiet_time.read(f"{begin}-{end}")
    except ValueError:
        raise Invalid(
            _("The quiet hours are not two times of day."), hint=_("Write them as 21:00 and 08:00.")
        ) from None
    if found.begin == found.end:
        raise Invalid(_("The quiet hours begin when they end."), hint=_("Choose two times, or messages at any hour."))
    return found


def _checked(s: Session, wanted: Chosen, now: datetime, *, is_new: bool) -> datetime | None:
    """Check what is wanted. Return the moment at which a new pause ends. Raises Invalid."""
    if wanted.timezone:
        known = "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = :name)"
        if wanted.timezone not in available_timezones() or not s.scalar(text(known), {"name": wanted.timezone}):
            raise Invalid(_("This is no time zone."), hint=_("Choose one of the list."))
    if wanted.most_a_day is not None and not 1 <= wanted.most_a_day <= MOST_A_DAY:
        raise Invalid(
            _("This is no number of alerts a day."), hint=_("Choose 1 to %(most)s, or no limit.", most=MOST_A_DAY)
        )
    if wanted.muted_until is None or not is_new:
        return None
    today = now.astimezone(wanted.zone).date()
    if not today < wanted.muted_until <= today + LONGEST_MUTE:  # before the moment is made: not every day has one
        raise Invalid(
            _("A pause ends on a day to come, within a year."), hint=_("Choose such a day, or none for no pause.")
        )
    return quiet_time.moment(wanted.muted_until, time(0), wanted.zone)
