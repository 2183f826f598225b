"""A calendar of collections as iCalendar (RFC 5545), to subscribe to.

- Days, not times: no time zone can shift them.
- The UID is of the stream and the nominal date, so that a collection that moves stays one event.
- What is suspended stays as a cancelled event that says so: some clients drop what vanishes, others ignore the status.
- A reminder (VALARM, section 3.6.6) only where it is asked for: its trigger counts from midnight of the day, which each
  program takes in its own time zone. What is not collected, or whose day is not known, has none.
- No METHOD, which would make an invitation of it (RFC 5546). REFRESH-INTERVAL is RFC 7986 section 5.7.
"""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from icalendar import Alarm, Event, vText
from icalendar import Calendar as Document

from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.service311.calendars import Calendar, shown_on
from notify.service311.outputs import words
from notify.service311.rules import Collection, State

REFRESH = timedelta(hours=4)
PRODID = "-//Tocsin//Collection days//EN"
MEDIA_TYPE = "text/calendar; charset=utf-8"


def written(calendar: Calendar, name: str, whose: str, source: str, remind_at: int | None = None) -> bytes:
    """Return the file. `whose`: of the zone or household, part of each UID; `source`: the address that it is read at,
    or "" where that is a secret; `name`: of the calendar, for people. `remind_at`: the hour of the evening before at
    which programs show a reminder, 12 to 23; None: at none."""
    document = _document(name)
    if source:
        document.add("source", source, parameters={"VALUE": "URI"})
    for one in calendar.collections:
        event = _event(one, calendar, whose)
        if remind_at is not None and event["STATUS"] == "CONFIRMED":
            event.add_component(_alarm(one, remind_at))
        document.add_component(event)
    return bytes(document.to_ical())


def ended(whose: str, now: datetime) -> bytes:
    """Return the last file of a calendar that was revoked: one event that says what to do, on the day it is read."""
    document = _document(_("This calendar has ended"))
    event = Event()
    event.add("uid", f"ended-{_short(whose)}@{_host()}")
    event.add("dtstamp", now.astimezone(UTC))
    _on(event, now.astimezone(settings().tz).date())
    event.add("summary", _("This calendar of collection days has ended"))
    event.add("description", _("Remove it, and get a new one here: %(link)s", link=_link()))
    document.add_component(event)
    return bytes(document.to_ical())


def _document(name: str) -> Document:
    document = Document()
    document.add("prodid", PRODID)
    document.add("version", "2.0")
    document.add("name", vText(name))
    document.add("x-wr-calname", vText(name))
    document.add("x-wr-timezone", settings().tz.key)
    document.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    document.add("x-published-ttl", "PT4H")
    document.add("color", "green")
    return document


def _event(one: Collection, calendar: Calendar, whose: str) -> Event:
    event = Event()
    event.add("uid", f"{one.stream}-{one.nominal:%Y%m%d}-{_short(whose)}@{_host()}")
    event.add("dtstamp", calendar.edition.published_at.astimezone(UTC))
    event.add("last-modified", calendar.edition.published_at.astimezone(UTC))
    event.add("sequence", calendar.edition.number)
    _on(event, shown_on(one))
    event.add("summary", _summary(one))
    lines = [words.set_out(one), words.why(one), _("Edition %(number)s of the calendar: %(link)s",
             number=calendar.edition.number, link=_link())]  # fmt: skip
    event.add("description", "\n".join(line for line in lines if line))
    event.add("transp", "TRANSPARENT")
    event.add("status", "CANCELLED" if one.state in (State.SUSPENDED, State.CLOSED) else _status(one))
    return event


def _alarm(one: Collection, hour: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", timedelta(hours=hour - 24))
    alarm.add("description", f"{_summary(one)}. {words.set_out(one)}".strip())
    return alarm


def _status(one: Collection) -> str:
    return "TENTATIVE" if one.state is State.TO_BE_ANNOUNCED else "CONFIRMED"


def _summary(one: Collection) -> str:
    if one.state is State.TO_BE_ANNOUNCED:
        return f"{words.heading(one)}: {words.state(one)}"
    mark = words.state(one) if one.effective else ""
    return f"{words.heading(one)} ({mark.lower()})" if mark else words.heading(one)


def _on(event: Event, day: date) -> None:
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))


def _short(whose: str) -> str:
    return sha256(whose.encode()).hexdigest()[:12]


def _host() -> str:
    return settings().public_url.partition("://")[2].partition("/")[0].partition(":")[0] or "tocsin"


def _link() -> str:
    return f"{settings().public_url}/collections"
