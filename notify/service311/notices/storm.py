"""Call collections off, put off the decision, and say the new days later: a storm, or trucks that cannot run.

What is decided becomes exceptions of the calendars, a new edition, and a notice to those whose days change, in one act.
A later decision about the same days goes on in the same incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, cast, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.audience import written
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import CollectionNotice, Operator, Zone
from notify.service311 import calendars, editions, rule_entry, rule_store
from notify.service311.edition_schedules import House
from notify.service311.notices import due, kept, parts, publishing
from notify.service311.notices.causes import CAUSES
from notify.service311.notices.composing import Notice
from notify.service311.notices.due import Due
from notify.service311.notices.parts import Part
from notify.service311.notices.publishing import Published, Ready, Wanted
from notify.service311.rules import Collection, DayException, State
from notify.service311.streams import STREAMS

Decision = Literal["unknown", "next", "day", "usual"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
STATES: dict[Decision, State] = {"unknown": State.TO_BE_ANNOUNCED, "next": State.SUSPENDED}
LONGEST = 14  # days at once


@dataclass(frozen=True, slots=True)
class Storm:
    """What is decided about the collections of some zones and streams that are due on the dates from `first` to `last`.

    decision: `unknown`: not collected, the new day is told later. `next`: not collected, residents keep it until the
    next regular day. `day`: collected on `to`. `usual`: collected on its day after all.
    incident: that of the first notice about it; None for the first.
    """

    zones: frozenset[int]
    streams: frozenset[str]
    first: date
    last: date
    cause: str
    decision: Decision
    to: date | None = None
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class StormForm:
    """A decision as staff write it for the command line or the REST API: `zones` by name or id. What is left out is as
    in the notices of its incident; of a first one, all streams, and what is due today."""

    zones: Sequence[str] = ()
    streams: Sequence[str] = ()
    first: str = ""
    last: str = ""
    cause: str = ""
    decision: str = "unknown"
    to: str = ""
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """`exceptions`: what the next edition gets; `parts`: whom it concerns; `zones`: all that have days, by name; `due`:
    what would be collected in those of the storm, and at each house with days of its own."""

    storm: Storm
    edition: int
    exceptions: tuple[DayException, ...]
    parts: tuple[Part, ...]
    zones: Sequence[Zone]
    due: Due

    @property
    def notice(self) -> Notice:
        names = {zone.id: zone.name for zone in self.zones}
        return Notice(CAUSES[self.storm.cause], self.parts, names, written(), self.due.houses, self.due.unsure)

    def wanted(self, channels: Sequence[str] | None) -> Wanted:
        storm = self.storm
        return Wanted("storm", storm.cause, storm.first, self.edition, self.notice, channels, incident=storm.incident)


def plan(s: Session, storm: Storm, by: str, now: datetime) -> Planned:
    """Return what a decision would change in the published calendars. Nothing is stored. Raises Invalid, NotFound."""
    _require(storm, calendars.today(now))
    edition = calendars.current(s)
    if edition is None:
        raise NotFound(_("There are no published calendars yet."), hint=_("Publish them first."))
    zones = calendars.zones_with_days(s)
    chosen = [zone for zone in zones if zone.id in storm.zones]
    (before,) = due.of_editions(s, chosen, now, edition.number)
    usual = None
    if storm.decision == "usual":  # what the rules give without anything decided by hand
        usual = due.of_edited(s, chosen, now, edition, calendars.edited(s, edition, (), alone=True))
    made = _exceptions(storm, before, usual, by, now)
    if not made:
        raise Invalid(_("Nothing is due there on these days."), hint=_("Choose other zones, streams or days."))
    after = due.of_edited(s, chosen, now, edition, calendars.edited(s, edition, made))
    found = parts.of_edit(before.collections, after.collections, min(one.day for one in made))
    if not found:
        raise Invalid(_("The calendars say so already: nobody's days would change."))
    return Planned(storm, edition.number, made, tuple(found), zones, after)


def publish(s: Session, planned: Planned, ready: Ready, by: Operator, now: datetime, settings: Settings) -> Published:
    """Publish the decision as the next edition, and its notice. Other changes that wait for an edition still wait.

    Raises NotAllowed; Refused when the calendars have changed since it was planned.
    """
    operators.require(by, "collections")
    take_lock(s, publishing.LOCK)
    publishing.require_current(s, planned.edition)
    rows = rule_store.add_exceptions(s, planned.exceptions, now, by)
    cause = CAUSES[planned.storm.cause]
    edition = editions.publish_rules(s, rows, cause, now, by)
    ready = replace(ready, wanted=replace(ready.wanted, edition=edition.number))
    return publishing.publish(s, ready, by, now, settings)


def begun(s: Session, incident: int, now: datetime) -> Storm:
    """Return what the notices of an incident were about, for the form of what comes next: still undecided, or what is
    called off. Raises NotFound."""
    rows = s.scalars(
        select(CollectionNotice)
        .where(CollectionNotice.incident_id == incident, CollectionNotice.kind == "storm")
        .order_by(CollectionNotice.id)
    ).all()
    if not rows:
        raise NotFound(_("There is no such incident of collections."))
    told = frozenset[tuple[int | House, date]]().union(*(kept.days_of(row) for row in rows))
    days = [day for _whose, day in told]
    streams = frozenset(stream for row in rows for part in row.parts for stream in part["streams"])
    zones = frozenset(whose for whose, _day in told if isinstance(whose, int)) | _of_houses(s, told, streams, now)
    return Storm(zones, streams, min(days), max(days), rows[-1].subject, "unknown", incident=incident)


def entered(s: Session, form: StormForm, now: datetime) -> Storm:
    """Return the decision that a form describes. Raises Invalid, NotFound."""
    first = begun(s, form.incident, now) if form.incident else None
    today = calendars.today(now)
    start = rule_entry.day(form.first) if form.first else first.first if first else today
    end = rule_entry.day(form.last) if form.last else first.last if first and not form.first else start
    chosen = rule_entry.zones(s, form.zones)
    return Storm(
        frozenset(map(int, chosen)) if chosen else first.zones if first else frozenset(),
        frozenset(form.streams) or (first.streams if first else frozenset(STREAMS)),
        start,
        end,
        form.cause or (first.cause if first else ""),
        cast(Decision, form.decision),
        rule_entry.day(form.to) if form.to else None,
        form.incident,
    )


def _of_houses(
    s: Session, told: frozenset[tuple[int | House, date]], streams: frozenset[str], now: datetime
) -> frozenset[int]:
    """Return the zones whose decisions hold for the houses that were told."""
    houses = {whose for whose, _day in told if isinstance(whose, House)}
    edition = calendars.current(s)
    if not houses or edition is None:
        return frozenset()
    (now_due,) = due.of_editions(s, (), now, edition.number)
    return frozenset(
        int(one.zone)
        for house in houses
        for one in now_due.collections.get(house, ())
        if one.stream in streams and (house, one.nominal) in told
    )


def _require(storm: Storm, today: date) -> None:
    wrong = [
        _("Choose at least one zone.") if not storm.zones else "",
        _("Choose what is collected.") if not storm.streams or not storm.streams <= set(STREAMS) else "",
        _("Say why.") if storm.cause not in CAUSES else "",
        _("Say what happens to the collections.") if storm.decision not in DECISIONS else "",
        _("The last day is before the first.") if storm.last < storm.first else "",
        _("Choose at most %(most)s days.", most=LONGEST) if (storm.last - storm.first).days >= LONGEST else "",
        _("The first day is over.") if storm.incident is None and storm.first < today else "",
        _("Only a decision for another day has a new day.") if storm.decision != "day" and storm.to else "",
        _("Give the new day.") if storm.decision == "day" and storm.to is None else "",
        _("The new day is over.") if storm.to is not None and storm.to < today else "",
    ]
    if any(wrong):
        raise Invalid(_("This cannot be published."), details=tuple(filter(None, wrong)))


def _meant(storm: Storm, one: Collection) -> bool:
    """Whether a collection is due on one of the days: by its truck or, where it has none, by its schedule. What is told
    next of an incident is about what was due then, wherever it was moved meanwhile."""
    if one.stream not in storm.streams:
        return False
    days: Sequence[date | None] = (one.effective or one.nominal,)
    if storm.incident is not None:
        days = (one.nominal, one.effective)
    return any(day is not None and storm.first <= day <= storm.last for day in days)


def _exceptions(storm: Storm, before: Due, usual: Due | None, by: str, now: datetime) -> tuple[DayException, ...]:
    """Return an exception for each day and stream of the zones that are meant. It holds for the houses of its zone, so
    there is one, too, for the day that only a house has. Raises Invalid where a usual day is over, or there is none."""
    found: dict[tuple[date, str, str], DayException] = {}
    for whose, collections in before.collections.items():
        of_usual = {(one.nominal, one.stream): one.effective for one in usual.collections[whose]} if usual else {}
        for one in collections:
            key = one.nominal, one.zone, one.stream
            if int(one.zone) in storm.zones and _meant(storm, one) and key not in found:
                to = of_usual.get((one.nominal, one.stream)) if usual else storm.to
                if usual and (to is None or to < calendars.today(now)):
                    raise Invalid(_("The usual day is over, or there is none."), hint=_("Give a new day."))
                found[key] = DayException(
                    one.nominal, by, CAUSES[storm.cause], one.zone, one.stream, to, STATES.get(storm.decision)
                )
    return tuple(found.values())
