"""A new edition changes what residents were told, or a day that is near: they are told at once, in one message a person
and edition, and nobody else is.

Old is what they read last of a day, or else the days of the edition that was compared last. In batches, as those of the
evening.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery.direct_conditions import MUTED, REMINDED_AT
from notify.delivery.reminder_places import PLACES
from notify.models.reminder import NEVER
from notify.service311 import calendars
from notify.service311.calendars import Calendar, Edition
from notify.service311.reminders import change_words, changes, due, evening, heard, sending
from notify.service311.reminders.aside import Aside
from notify.service311.reminders.changes import Change
from notify.service311.reminders.due import AtPlace
from notify.service311.reminders.heard import Heard
from notify.service311.reminders.places import Places
from notify.service311.reminders.sending import Reminder
from notify.service311.reminders.told_by_notices import Notices, Told

AT_ONCE = 500
NEAR = timedelta(days=2)  # after today
NOON = 12  # from then on, what was collected today is no news any more
ANY = f"""
    SELECT FROM reminder_wishes WHERE seen_edition < (SELECT max(number) FROM collection_editions)
       AND until_day IS DISTINCT FROM '{NEVER}'
"""  # noqa: S608  a date of ours

_ACT = "tell a change of collections to"

Clock = Callable[[], datetime]
ByPlace = Mapping[int, Calendar]
Changes = tuple[Change, ...]


def tell(clock: Clock, aside: Aside) -> int:
    """Compare the current edition for everybody who wants reminders. Returns how many were told something."""
    told, notices = 0, Notices()
    while True:
        now = clock()
        asked = {"today": calendars.today(now), "without": list(aside.now()), "most": AT_ONCE}
        with transaction() as s:
            ids = s.scalars(text(_WAITING), asked).all()
        done = aside.each(ids, partial(_together, notices=notices, now=now), _ACT, now) if ids else []
        told += sum(made for _, made in done)
        if not any(seen for seen, _ in done):  # the others are in another process
            return told


def _together(ids: Sequence[int], notices: Notices, now: datetime) -> tuple[int, int]:
    """Return how many residents were looked at, and how many told."""
    with transaction() as s:
        rows = s.execute(text(_LOCKED), {"ids": list(ids), "now": now, "today": calendars.today(now)}).all()
        edition = calendars.current(s)
        if edition is None or not rows:
            return 0, 0
        told = _Batch(s, rows, edition, notices, now).tell()
        s.execute(
            text("UPDATE reminder_wishes SET seen_edition = :n WHERE subscriber_id = ANY(CAST(:ids AS bigint[]))"),
            {"n": edition.number, "ids": [row.subscriber_id for row in rows]},
        )
        return len(rows), told


class _Batch:
    """Residents whose wishes are locked, and an edition that is new to them."""

    def __init__(self, s: Session, rows: Sequence[Any], edition: Edition, notices: Notices, now: datetime) -> None:
        self._s, self._edition, self._now = s, edition, now
        self._rows = [row for row in rows if row.contact_id is not None and not row.muted]
        here = now.astimezone(settings().tz)
        self._today = here.date()
        first = self._today + timedelta(days=int(here.hour >= NOON))
        self._days = [first + timedelta(days=n) for n in range((self._today + NEAR - first).days + 1)]
        self._ids = [row.subscriber_id for row in self._rows]
        self._places = Places(s, self._ids)
        self._known: dict[int, dict[int, ByPlace]] = {}
        self._notices = notices.now(s, edition.number, self._ids, self._today)

    def tell(self) -> int:
        """Write down what is new. Returns how many residents get a message."""
        known = heard.take_back(self._s, self._ids, self._days[0], self._now)
        since = {row.subscriber_id: known[row.subscriber_id].since or row.seen_edition for row in self._rows}
        made, true = [], list[int]()
        for row in self._rows:
            who = row.subscriber_id
            before, after = self._of(since[who], who), self._of(self._edition.number, who)
            found = self._changes(known[who], before, after)
            one = self._reminder(row, known[who], since[who], after, found)
            made += [one] if one else []
            if known[who].row and not (one and one.kind == "correction"):
                true.append(known[who].row or 0)
            true += [] if one else known[who].unknown
        self._s.execute(
            text("UPDATE reminders SET true_in = :n WHERE id = ANY(CAST(:ids AS bigint[]))"),
            {"n": self._edition.number, "ids": true},
        )
        sending.write(self._s, made, self._now)
        return sum(one.words is not None for one in made)

    def _of(self, number: int, resident: int) -> ByPlace:
        """Return the calendars of a resident's places in an edition."""
        if number not in self._known:
            current = number == self._edition.number
            edition = self._edition if current else calendars.numbered(self._s, number)
            found = self._places.calendars(edition, self._today) if edition else {}
            self._known[number] = {who: dict(places) for who, places in found.items()}
        return self._known[number].get(resident, {})

    def _tells(self, it: Told, who: int, place: int, change: Change) -> bool:
        """Return whether a notice tells a change of a resident, as it is in this edition."""
        if not it.tells(change, self._of(self._edition.number, who)[place]):
            return False
        if it.edition >= self._edition.number:
            return True
        then = self._of(it.edition, who).get(place)
        told = changes.statuses(then.collections) if then else {}
        return told.get((change.stream, change.nominal), changes.OFF).says(change.new)

    def _changes(self, known: Heard, old: ByPlace, new: ByPlace) -> dict[int, Changes]:
        """Return what is new to a resident by place."""
        said = {at.place: changes.told(at.facts) for at in known.said}
        found = {}
        for place, calendar in new.items():
            if place in old or place in said:
                before = changes.statuses(old[place].collections) if place in old else {}
                after = changes.statuses(calendar.collections)
                mine = changes.between(
                    {**before, **said.get(place, {})}, after, self._known_days(calendar, old.get(place))
                )
                # What has no answer is not said to be off. The reminder that is written anew says what there is to say
                # about its day.
                unsure = {*calendar.unsure, *(old[place].unsure if place in old else ())}
                again = known.again and due.on(self._days[0], calendar.collections)
                found[place] = tuple(
                    one for one in mine if one.stream not in unsure and not (again and self._days[0] in one.days)
                )
        return {place: mine for place, mine in found.items() if mine}

    def _known_days(self, *of: Calendar | None) -> list[date]:
        """Return the days that are known in all these calendars: what one of them does not list is not off."""
        ends = [one.edition.until for one in of if one and one.edition.until]
        return [day for day in self._days if all(day <= end for end in ends)]

    def _reminder(
        self, row: Any, known: Heard, since: int, new: ByPlace, found: Mapping[int, Changes]
    ) -> Reminder | None:
        """Return a correction if it concerns the day of which they were told, or a change; of that only those read who
        asked for reminders. What a notice tells needs no message: of a correction only the row is kept, because they
        know it now. For one that comes yet the message is held."""
        day = self._days[0]
        corrects = known.row is not None and any(day in one.days for mine in found.values() for one in mine)
        who = row.subscriber_id
        theirs = [one for one in self._notices if row.has_topic and one.reaches(row.channel, row.lowest_severity)]
        out = [one for one in theirs if one.is_read(who, row.channel)]
        to_tell = {
            place: left
            for place, mine in found.items()
            if (left := tuple(one for one in mine if not any(self._tells(it, who, place, one) for it in out)))
        }
        if not corrects and not (to_tell and row.asked):
            return None
        number, letter = self._edition.number, CHANNELS[row.channel].letter
        first = min((one.first_day for mine in to_tell.values() for one in mine), default=day)
        said = [AtPlace(at.place, due.on(day, new[at.place].collections)) for at in known.said if at.place in new]
        return Reminder(
            row.subscriber_id, row.contact_id, row.channel, "correction" if corrects else "change",
            day if corrects else self._today, number, tuple(said), list(to_tell)[: len(PLACES)],
            change_words.change(number, to_tell, row.language, letter, asked=row.asked) if to_tell else None,
            evening.until(max(first, self._today) + timedelta(days=1)),
            any_hour=corrects and day > self._today, since=since,
            notice=self._to_come(
                who, to_tell, [one for one in theirs if one.may_come(who, row.channel, launched=corrects)]
            ),
        )  # fmt: skip

    def _to_come(self, who: int, to_tell: Mapping[int, Changes], notices: Sequence[Told]) -> int | None:
        """Return the alert of the newest of these notices that will tell all of this."""
        each = [(place, one) for place, mine in to_tell.items() for one in mine]
        return next((it.alert for it in notices if each and all(self._tells(it, who, *one) for one in each)), None)


_BEHIND = """
    w.seen_edition < (SELECT max(number) FROM collection_editions)
    AND (w.until_day IS NULL OR w.until_day >= CAST(:today AS date))
"""
_WAITING = f"""
    SELECT w.subscriber_id FROM reminder_wishes w
     WHERE {_BEHIND} AND w.subscriber_id <> ALL(CAST(:without AS bigint[])) LIMIT :most
"""  # noqa: S608  names of ours
# The resident is locked as well, against an erasure, which begins with them.
_LOCKED = f"""
    SELECT w.subscriber_id, w.channel, w.seen_edition, w.until_day IS NULL AS asked, r.language, c.id AS contact_id,
           c.lowest_severity, coalesce({MUTED}, false) AS muted,
           EXISTS (SELECT FROM preferences p WHERE p.subscriber_id = w.subscriber_id AND p.topic = 'collection'
                      AND coalesce(p.muted_until, :now) <= :now) AS has_topic
      FROM reminder_wishes w JOIN subscribers r ON r.id = w.subscriber_id
      LEFT JOIN LATERAL (SELECT c.id, c.subscriber_id, c.lowest_severity FROM contacts c
                          WHERE c.subscriber_id = w.subscriber_id AND c.channel = w.channel AND {REMINDED_AT}
                          ORDER BY c.id LIMIT 1) c ON true
     WHERE w.subscriber_id = ANY(CAST(:ids AS bigint[])) AND r.erased_at IS NULL AND {_BEHIND}
     ORDER BY w.subscriber_id FOR UPDATE OF w SKIP LOCKED FOR KEY SHARE OF r SKIP LOCKED
"""  # noqa: S608  names of ours
