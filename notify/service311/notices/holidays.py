"""The holidays and the days changed by hand that a notice can be about, and what a chosen one changes in the published
calendars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.audience import written
from notify.core.errors import Invalid, NotFound
from notify.core.translation import gettext as _
from notify.models import Alert, CollectionNotice, Zone
from notify.models.states import AlertState
from notify.service311 import calendars
from notify.service311.desk import departures
from notify.service311.desk.departures import Held
from notify.service311.edition_schedules import House
from notify.service311.notices import due, kept, parts
from notify.service311.notices.causes import CAUSES
from notify.service311.notices.composing import Notice
from notify.service311.notices.due import Due
from notify.service311.notices.parts import Part
from notify.service311.rules import Cause, Collection, State
from notify.service311.schedules import monday

AHEAD = timedelta(days=366)
OVER = timedelta(days=6)  # a holiday is listed until the last day that it moves is over


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, with the state of its alert. `edition`: whose days it told."""

    notice_id: int
    alert_id: int
    incident_id: int
    state: AlertState
    edition: int

    is_out: bool = False  # residents have it
    held: Held | None = None  # what of it quiet hours or digests hold back
    days: frozenset[tuple[int | House, date]] = frozenset()  # of which zones and houses it told the changes of which

    @property
    def stands(self) -> bool:
        """Whether it was sent, or will be."""
        return self.is_out or self.waits

    @property
    def waits(self) -> bool:
        """Whether it is still to be approved, or to go out."""
        return self.state in (AlertState.DRAFT, AlertState.APPROVED, AlertState.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A holiday that a rule names, or a day that was changed by hand, whose `name` is the reason. `told`: its newest
    notice, if there is one. `changes`: whether it moves a collection."""

    name: str
    day: date
    told: Told | None = None
    changes: bool = True
    by_hand: bool = False

    @property
    def stands(self) -> Told | None:
        """Its notice, if it was sent or will be."""
        return self.told if self.told is not None and self.told.stands else None

    @property
    def key(self) -> str:
        return f"{self.day.isoformat()} {self.name}"


@dataclass(frozen=True, slots=True)
class Changed:
    """What a holiday changes. `zones`: all that have days, by name; those in no part are not concerned. `due`: what is
    collected there, and at each house with days of its own."""

    holiday: Upcoming
    edition: int
    zones: Sequence[Zone]
    parts: tuple[Part, ...]
    due: Due

    @property
    def notice(self) -> Notice:
        names = {zone.id: zone.name for zone in self.zones}
        return Notice(self.because, self.parts, names, written(), self.due.houses, self.due.unsure)

    @property
    def because(self) -> str:
        """The reason that residents read: the holiday, unless all of what is told was changed by hand for one of the
        built-in reasons, such as snow in the week of the holiday."""
        told = parts.days_of(self.parts)
        reasons = {
            one.why.reason.rstrip(".") if one.why.cause is Cause.BY_HAND else ""
            for whose, collections in self.due.collections.items()
            for one in collections
            if (whose, one.nominal) in told and one.state is not State.ON_SCHEDULE
        }
        return reasons.pop() if len(reasons) == 1 and reasons <= set(CAUSES.values()) else self.holiday.name


def upcoming(s: Session, now: datetime) -> list[Upcoming]:
    """Return the holidays to come that a rule names, of the next year, the next one first; then the days that were
    changed by hand. What the notice of a storm told is left out: there its residents are told what comes next."""
    edition = calendars.current(s)
    if edition is None:
        return []
    rules, today = calendars.rules_of(s, edition), calendars.today(now)
    named = frozenset[str]().union(*(rule.holidays for rule in rules.rules))
    days = sorted(
        {(one.day, one.name) for one in rules.holidays if one.name in named and -OVER <= one.day - today <= AHEAD}
    )
    by_hand = sorted({(one.day, one.reason) for one in rules.exceptions if -OVER <= one.day - today <= AHEAD})
    told = _told(s, [name for _day, name in (*days, *by_hand)], now)
    found = [Upcoming(name, day, told.get((name, day))) for day, name in days]
    found += [
        Upcoming(name, day, told.get((name, day)), by_hand=True) for day, name in by_hand if (day, name) not in days
    ]
    return _with_changes(s, found, edition.number, now)


def named(s: Session, given: str, now: datetime) -> Upcoming:
    """Return the holiday with this key or date, or the next one of this name, in any case. Raises NotFound, and Invalid
    where a date has two."""
    coming = upcoming(s, now)
    found = [one for one in coming if given == one.key] or [one for one in coming if given == one.day.isoformat()]
    if len(found) > 1:
        raise Invalid(_("%(given)s has several holidays.", given=given), hint=" · ".join(one.key for one in found))
    found = found or [one for one in coming if given.strip().casefold() == one.name.casefold()]
    if not found:
        raise NotFound(_("There is no such holiday to come."), hint=_("Choose one from the list."))
    return found[0]


def changed_by(s: Session, key: str, now: datetime) -> Changed:
    """Return what an upcoming holiday changes (`Upcoming.key`). Raises NotFound."""
    holiday = next((one for one in upcoming(s, now) if one.key == key), None)
    edition = calendars.current(s)
    if holiday is None or edition is None:
        raise NotFound(_("There is no such holiday to come."), hint=_("Choose one from the list."))
    zones = calendars.zones_with_days(s)
    if holiday.told is not None and holiday.told.is_out:  # then a correction, to those whose days are others than told
        then, now_due = due.of_editions(s, zones, now, holiday.told.edition, edition.number)
        found = parts.of_correction(then.collections, now_due.collections, holiday.day)
    else:
        (now_due,) = due.of_editions(s, zones, now, edition.number)
        found = _parts(now_due.collections, holiday)
    return Changed(holiday, edition.number, zones, tuple(found), now_due)


def _with_changes(s: Session, found: Sequence[Upcoming], edition: int, now: datetime) -> list[Upcoming]:
    """Return the holidays that are not over, with whether they change a day. One whose changes were told by the notice
    of another holiday of its week was told, too."""
    (entire,), today = due.of_editions(s, calendars.zones_with_days(s), now, edition), calendars.today(now)
    # Few of them, asked often.
    changed = {whose: tuple(parts.changed_of(collections)) for whose, collections in entire.collections.items()}
    of_storms = _days_of_storms(s, today)
    whole = []
    for one in found:
        moved = _parts(changed, one)
        if one.day < today and not any(part.last_day >= today for part in moved):
            continue
        days = parts.days_of(moved)
        if one.by_hand and days and days <= of_storms:
            continue
        told = one.told
        if told is None and days:
            near = (other.told for other in found if monday(other.day) == monday(one.day))
            told = next((other for other in near if other and other.stands and days <= other.days), None)
        whole.append(replace(one, told=told, changes=bool(moved)))
    return whole


def _parts(of: Mapping[int | House, tuple[Collection, ...]], one: Upcoming) -> list[Part]:
    return parts.by_hand(of, one.name, one.day) if one.by_hand else parts.of_holiday(of, one.name, one.day)


def _days_of_storms(s: Session, today: date) -> frozenset[tuple[int | House, date]]:
    rows = s.scalars(
        select(CollectionNotice)
        .join(Alert, Alert.id == CollectionNotice.alert_id)
        .where(
            CollectionNotice.kind == "storm",
            CollectionNotice.last_day >= today - OVER,
            Alert.state != AlertState.CANCELLED,
        )
    )
    return frozenset[tuple[int | House, date]]().union(*(kept.days_of(one) for one in rows))


def _told(s: Session, names: Sequence[str], now: datetime) -> dict[tuple[str, date], Told]:
    rows = s.execute(
        select(CollectionNotice, Alert)
        .join(Alert, Alert.id == CollectionNotice.alert_id)
        .where(CollectionNotice.kind == "holiday", CollectionNotice.subject.in_(names))
        .order_by(CollectionNotice.id)
    ).all()
    held = departures.held(s, [alert for _one, alert in rows], now)
    return {
        (one.subject, one.day): Told(
            one.id,
            one.alert_id,
            one.incident_id,
            alert.state,
            one.edition,
            kept.is_out(alert),
            held.get(alert.id),
            kept.days_of(one),
        )
        for one, alert in rows
        if alert.state is not AlertState.CANCELLED or alert.launched_at is not None
    }
