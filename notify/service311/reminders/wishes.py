"""A resident asks to be reminded the evening before each collection, at an hour and on a channel of their choice, or
not to be reminded at all."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, select, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS, EMAIL, SMS
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.settings import settings
from notify.core.translation import LOCALES, speaking
from notify.core.translation import gettext as _
from notify.delivery.direct_conditions import REMINDED_AT
from notify.models import Consent, ReminderWish, Subscriber, Topic
from notify.models.reminder import NEVER
from notify.service311 import calendars
from notify.service311.outputs.words import clock

HOURS = range(12, 24)  # of the city's clocks: the evening before, and the afternoon
CHANNELS_OF = (SMS.name, EMAIL.name)


@dataclass(frozen=True, slots=True)
class Wish:
    """`hour`: 12 to 23, on the city's clocks. `since`: when the resident first asked. `until`: the last day of what a
    notice changes, and they are reminded of; None: of all collections, because they asked."""

    hour: int
    channel: str
    since: datetime
    until: date | None = None


def wish(s: Session, subscriber_id: int, hour: int, channel: str, now: datetime, *, how: str, agreed: str = "") -> Wish:
    """Remind a resident from now on, at this hour and on this channel, in place of what they wished before.

    `how`, `agreed`: how they asked, and the words that they agreed to (by default `words`), kept as proof. Who asks
    after the hour gets the first reminder the next day. Raises Invalid for an hour or a channel that there is not,
    NotFound once they are erased, and Refused without a contact on that channel that reminders may go to.
    """
    if hour not in HOURS:
        raise Invalid(_("Reminders come in the afternoon or evening."), hint=_("Choose an hour from 12 noon to 11 pm."))
    if channel not in CHANNELS_OF:
        raise Invalid(_("Reminders do not come on this channel."), hint=_("Choose text message or email."))
    resident = _resident(s, subscriber_id)
    contact = s.execute(text(_CONTACT), {"id": subscriber_id, "channel": channel}).scalar_one_or_none()
    if contact is None:
        raise _unreached(channel)
    today, edition = calendars.today(now), calendars.current(s)
    is_past = now.astimezone(settings().tz).time() >= time(hour)
    values = {"hour": hour, "channel": channel, "until_day": None}
    row = insert(ReminderWish).values(
        subscriber_id=subscriber_id, since=now, seen_day=today + timedelta(days=int(is_past)),
        seen_edition=edition.number if edition else 0, **values,
    )  # fmt: skip
    anew = {name: _unless_theirs(row, name) for name in ("since", "seen_day", "seen_edition")}
    since = s.execute(
        row.on_conflict_do_update(index_elements=["subscriber_id"], set_=values | anew).returning(ReminderWish.since)
    ).scalar_one()
    said = agreed or words(channel, hour, resident.language)
    s.add(Consent(contact_id=contact, kind="opt-in", topic=Topic.COLLECTION, at=now, how=how, words=said))
    return Wish(hour, channel, since)


def stop(s: Session, subscriber_id: int, now: datetime) -> bool:
    """Remind a resident no more, not even of what a notice changes, until they ask for it; what waits to be sent is not
    sent. Return False if nobody reminded them."""
    had_some = current(s, subscriber_id, now) is not None
    s.execute(text(_NEVER), {"id": subscriber_id, "now": now, "never": NEVER, "hour": HOURS[0], "channel": SMS.name})
    return had_some


def of(s: Session, subscriber_id: int) -> Wish | None:
    """Return what a resident wishes; None: no reminders, or only those of what a notice changes."""
    row = s.get(ReminderWish, subscriber_id, populate_existing=True)
    return Wish(row.hour, row.channel, row.since) if row is not None and row.until_day is None else None


def current(s: Session, subscriber_id: int, now: datetime) -> Wish | None:
    """Return how a resident is reminded now, as they wish or of what a notice changes (`Wish.until`); None: not."""
    row = s.get(ReminderWish, subscriber_id, populate_existing=True)
    if row is None or (row.until_day is not None and row.until_day < calendars.today(now)):
        return None
    return Wish(row.hour, row.channel, row.since, row.until_day)


def refused(s: Session, subscriber_id: int) -> bool:
    """Return whether a resident wants no reminders at all, not even of what a notice changes."""
    row = s.get(ReminderWish, subscriber_id, populate_existing=True)
    return row is not None and row.until_day == NEVER


def channels(s: Session, subscriber_id: int) -> tuple[str, ...]:
    """Return the channels on which a resident can have reminders now."""
    values = {"id": subscriber_id}
    return tuple(
        one for one in CHANNELS_OF if s.execute(text(_CONTACT), {**values, "channel": one}).first() is not None
    )


def words(channel: str, hour: int, language: str) -> str:
    """Return what a resident agrees to, as it is shown or read aloud, and kept with the consent."""
    with speaking(spoken(language)):
        named = {"city": settings().city, "time": clock(time(hour))}
        if CHANNELS[channel].letter:
            return _(
                "%(city)s will send you an email the evening before each collection at your places, from %(time)s on:"
                " one an evening at most, and one more if a day changes. You can stop at any time: press the link at"
                " the end of any of them.",
                **named,
            )
        return _(
            "%(city)s will text you the evening before each collection at your places, from %(time)s on: one text an"
            " evening at most, and one more if a day changes. Message and data rates may apply. You can stop at any"
            " time: reply STOP to end, HELP for help.",
            **named,
        )


def spoken(language: str) -> str:
    """Return a language that has words for reminders: a city may have alerts in more languages than these."""
    return next((one for one in (language, *settings().languages) if one in LOCALES), "en")


def _unless_theirs(row: Insert, column: str) -> ColumnElement[Any]:
    """Return what a column becomes: it stays where they had a wish of their own."""
    there: ColumnElement[Any] = ReminderWish.__table__.c[column]
    return case((ReminderWish.until_day.is_(None), there), else_=row.excluded[column])


def _resident(s: Session, subscriber_id: int) -> Subscriber:
    """Return a resident, and keep an erasure from beginning. Raises NotFound."""
    there = select(Subscriber).where(Subscriber.id == subscriber_id, Subscriber.erased_at.is_(None))
    found = s.scalar(there.with_for_update(read=True))
    if found is None:
        raise NotFound(_("You are not signed up any more."), hint=_("Join again to get messages."))
    return found


def _unreached(channel: str) -> Refused:
    if CHANNELS[channel].letter:
        return Refused(
            _("There is no email of yours that reminders may go to."),
            hint=_("Add an email and confirm it, or start its messages again."),
        )
    return Refused(
        _("There is no phone of yours that reminders may go to."),
        hint=_("Add a phone and confirm it, or start its messages again."),
    )


# Who was erased meanwhile has no row.
_NEVER = """
    INSERT INTO reminder_wishes (subscriber_id, hour, channel, since, seen_day, seen_edition, until_day)
    SELECT r.id, :hour, :channel, :now, :never, 0, :never FROM subscribers r WHERE r.id = :id AND r.erased_at IS NULL
       FOR SHARE
        ON CONFLICT (subscriber_id) DO UPDATE SET until_day = excluded.until_day
"""
_CONTACT = f"""
    SELECT c.id FROM contacts c WHERE c.subscriber_id = :id AND c.channel = :channel AND {REMINDED_AT}
     ORDER BY c.id LIMIT 1
"""  # noqa: S608  names of ours
