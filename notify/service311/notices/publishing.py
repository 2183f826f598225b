"""Publish a notice in one act: one alert, whose wordings are those of its groups of zones.

Text messages, emails, posts, the public page and the agents' script all have their words from that alert. The calendars
have the new days already: a notice is made of a published edition.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.approving.two_people import NeedsAnother
from notify.alerts.writing import drafting, times, wordings
from notify.alerts.writing.drafting import Draft
from notify.alerts.writing.wordings import Part as Apart
from notify.alerts.writing.wordings import Wording
from notify.city import zones as city_zones
from notify.city.parts import Kept
from notify.core import audit
from notify.core.db import take_lock
from notify.core.errors import Invalid, Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Alert, CollectionNotice, Operator
from notify.models.states import AlertState
from notify.service311 import calendars
from notify.service311.edition_schedules import SAME_HOUSE, House
from notify.service311.notices import kept, parts
from notify.service311.notices.causes import is_ours
from notify.service311.notices.composing import Notice
from notify.service311.notices.parts import Part
from notify.service311.outputs.words import day as day_beside
from zones.geometry import from_wkb, to_wkb

EVENT = "collection-notice"
EARLIEST = timedelta(days=60)  # before the first day that changes
LOCK = 7_461_023  # of all notices: two at once would tell the same twice


@dataclass(frozen=True, slots=True)
class Wanted:
    """A notice to publish. `subject`, `day`: as in `CollectionNotice`. `channels` None: those that the city uses.
    `launch_at` None: at once. `incident`: whose next notice it is; None for a first one. `replaces`: an alert that
    waits and is cancelled for this one. `remind`: its readers the evening before."""

    kind: Literal["holiday", "storm"]
    subject: str
    day: date
    edition: int
    notice: Notice
    channels: Sequence[str] | None = None
    launch_at: datetime | None = None
    incident: int | None = None
    replaces: int | None = None
    remind: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A notice whose area is computed and whose readers are known: `publish` stores and sends it."""

    wanted: Wanted
    draft: Draft


@dataclass(frozen=True, slots=True)
class Published:
    """`waiting`: why it was not launched yet, and what to do: somebody else must approve it. "" otherwise."""

    notice_id: int
    alert: Alert
    waiting: str = ""

    def as_json(self) -> dict[str, Any]:
        alert = self.alert
        return {
            "notice": self.notice_id, "alert": alert.id, "incident": alert.incident_id, "state": alert.state,
            "launch_at": alert.launch_at, "waiting": self.waiting,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shapes:
    """The areas of a notice: of each zone by its id, without the houses that have days of their own; of the houses of
    each part, empty without any; and of those with such days who need not be told."""

    zones: Mapping[int, BaseGeometry]
    entire: BaseGeometry  # the zones with all their houses
    houses: tuple[BaseGeometry, ...]
    without: BaseGeometry

    @property
    def beside(self) -> BaseGeometry:
        """The houses that are told, of all parts."""
        return shapely.union_all(self.houses)

    @property
    def whole(self) -> BaseGeometry:
        found = shapely.union(self.entire, self.beside)
        return found if self.without.is_empty else shapely.difference(found, self.without)

    def part(self, number: int, part: Part) -> BaseGeometry:
        """Return the area of a part, numbered from 1."""
        return shapely.union_all([*(self.zones[zone] for zone in part.zones), self.houses[number - 1]])

    @property
    def counted(self) -> dict[int, BaseGeometry]:
        """What is counted apart: each zone by its id, and the houses of a part by its number, negative."""
        return {**self.zones, **{-n: area for n, area in enumerate(self.houses, start=1) if not area.is_empty}}


def shapes(s: Session, notice: Notice) -> Shapes:
    """Return the areas of a notice."""
    concerned = {zone for part in notice.parts for zone in part.zones}
    rows = city_zones.all_zones(s, calendars.KIND)
    zones = {one.zone.id: from_wkb(one.version.geometry) for one in rows if one.zone.id in concerned}
    entire = shapely.union_all(list(zones.values()))
    if notice.houses:
        apart = _around(notice.houses)
        zones = {zone: shapely.difference(area, apart) for zone, area in zones.items()}
    told = {house for part in notice.parts for house in part.houses}
    silent = [house for house in notice.houses - notice.unsure - told if shapely.intersects_xy(entire, *house)]
    return Shapes(zones, entire, tuple(_around(part.houses) for part in notice.parts), _around(silent))


def area_of(s: Session, whose: Collection[int | House], houses: Collection[House]) -> BaseGeometry:
    """Return the area of zones, by id, and of houses with days of their own. `houses`: all that have such days, which
    are no part of their zone."""
    rows = city_zones.all_zones(s, calendars.KIND)
    zones = shapely.union_all([from_wkb(one.version.geometry) for one in rows if one.zone.id in whose])
    told = {one for one in whose if isinstance(one, House)}
    apart = _around(set(houses) - told)
    return shapely.union(zones if apart.is_empty else shapely.difference(zones, apart), _around(told))


def _around(houses: Collection[House]) -> BaseGeometry:
    """Return the area in which a resident's place is one of these houses, however it was rounded."""
    lon, lat = np.array(sorted(houses)).reshape(-1, 2).T
    return shapely.union_all(shapely.box(lon - SAME_HOUSE, lat - SAME_HOUSE, lon + SAME_HOUSE, lat + SAME_HOUSE))


def prepare(wanted: Wanted, areas: Shapes, by: Operator, now: datetime, settings: Settings) -> Ready:
    """Return the notice with its words for whoever lives in it now. Opens transactions of its own: call it outside.

    Raises Invalid and NotAllowed as `drafting.draft` does, and Invalid months before a day changes.
    """
    notice = wanted.notice
    _require_near(notice.first_day, wanted.launch_at or now, settings.tz)
    apart = [
        Apart(number, areas.part(number, part), notice.called(part))
        for number, part in enumerate(notice.parts, start=1)
    ]
    each = [frozenset({one.number}) for one in apart]
    found = wordings.occurring(areas.whole, apart, "collection")
    several = sorted((one for one in found if len(one) > 1), key=lambda one: (-found[one], sorted(one)))
    written = [
        Wording(numbers, notice.of(numbers), notice.area(numbers))
        for numbers in [*each, *several][: wordings.MOST]
    ]  # fmt: skip
    last = max(part.last_day for part in notice.parts)
    zones = tuple(f"{calendars.KIND}:{notice.names[zone]}" for part in notice.parts for zone in part.zones)
    draft = Draft(
        event=EVENT,
        phase="update" if wanted.incident else "issue",
        zones=zones,
        parts=_kept(areas.beside),
        without=_kept(areas.without),
        area_description="" if zones else notice.area(range(1, len(notice.parts) + 1)),
        blanks=notice.general(),
        channels=wanted.channels,
        expires_at=ends(last, wanted.launch_at or now, settings.tz),
        launch_at=wanted.launch_at,
        incident=wanted.incident,
        composed=True,
        typed=not is_ours(notice.because),
        wording_parts=apart,
        wordings=written,
    )
    return Ready(wanted, drafting.located(draft, by))


def _kept(area: BaseGeometry) -> Sequence[Kept]:
    return () if area.is_empty else (Kept(to_wkb(area), ()),)


def publish(s: Session, ready: Ready, by: Operator, now: datetime, settings: Settings) -> Published:
    """Store the notice with its alert, approve it and launch it, or schedule it.

    Where the audience is more than one person may write to alone, the alert waits for somebody else's approval. The
    caller rings the workers after the commit if it is sending. Raises Refused when the calendars have changed since, or
    somebody else has told it meanwhile.
    """
    wanted = ready.wanted
    operators.require(by, "publish collection")
    take_lock(s, LOCK)
    require_current(s, wanted.edition)
    _require_untold(s, wanted)
    if wanted.replaces is not None:
        lifecycle.cancel(s, wanted.replaces, None, now)
    alert = drafting.draft(s, ready.draft, by, now, settings)
    row = CollectionNotice(
        kind=wanted.kind,
        subject=wanted.subject,
        day=wanted.day,
        last_day=max(part.last_day for part in wanted.notice.parts),
        edition=wanted.edition,
        alert_id=alert.id,
        incident_id=alert.incident_id,
        parts=kept.stored(wanted.notice),
        made_at=now,
        made_by=by.id,
        remind_days=list(wanted.notice.remind_days) if wanted.remind else [],
    )
    s.add(row)
    s.flush()
    audit.note(s, now=now, by=by, action="publish", subject="collection notice", subject_id=row.id, alert=alert.id)
    if alert.two_people:
        return Published(row.id, alert, _("Somebody else must approve it."))
    try:
        with s.begin_nested():
            lifecycle.approve(s, alert.id, by, now, settings)
            alert = lifecycle.launch(s, alert.id, by, now)
    except NeedsAnother as error:
        s.refresh(alert)
        return Published(row.id, alert, f"{error.message} {error.hint}".strip())
    return Published(row.id, alert)


def ends(last: date, begins_at: datetime, tz: ZoneInfo) -> datetime:
    """Return when a notice is over: with its last day in the city, so that it holds until everything was collected."""
    over = datetime.combine(last, time(23, 59), tz)  # midnight would be read as the day before, or the day after
    return min(max(over, begins_at + timedelta(hours=1)), begins_at + times.LONGEST_PUBLISHED)


def best_launch(first: date, now: datetime, tz: ZoneInfo) -> datetime | None:
    """Return when to tell a change: a week before it, at ten in the morning; None: now, because it is nearer."""
    at = datetime.combine(first - timedelta(days=7), time(10), tz)
    return at if at > now else None


def _require_near(first: date, begins_at: datetime, tz: ZoneInfo) -> None:
    """Raise Invalid long before the first change: its words have no year, and would be read as of another one."""
    if first - begins_at.astimezone(tz).date() > EARLIEST:
        raise Invalid(
            _(
                "It is too early to tell: the first day that changes is %(day)s.",
                day=day_beside(first, begins_at.date()),
            ),
            hint=_("Choose a time at most %(count)s days before; a week before is usual.", count=EARLIEST.days),
        )


def require_current(s: Session, edition: int) -> None:
    """Raise Refused unless this is the edition that is public now."""
    current = calendars.current(s)
    if current is None or current.number != edition:
        raise Refused(
            _("The calendars have changed since this notice was shown."), hint=_("Look at it again, then publish it.")
        )


def _require_untold(s: Session, wanted: Wanted) -> None:
    """Raise Refused where this holiday is told already, of this edition: by a second click, by somebody else, or by the
    notice of another holiday with the same days."""
    standing = (
        select(CollectionNotice)
        .join(Alert, Alert.id == CollectionNotice.alert_id)
        .where(
            CollectionNotice.kind == "holiday",
            CollectionNotice.edition == wanted.edition,
            Alert.state != AlertState.CANCELLED,
        )
    )
    if wanted.kind != "holiday":
        return
    days = parts.days_of(wanted.notice.parts)
    same = (wanted.subject, wanted.day)
    if any((one.subject, one.day) == same or (days and days <= kept.days_of(one)) for one in s.scalars(standing)):
        raise Refused(
            _("This holiday was told already."), hint=_("Look at its notice. If days change, it can be told again.")
        )
