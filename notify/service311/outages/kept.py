"""The outages that are kept: those in force, and what residents were told of each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from notify.audience.wordings import GENERAL
from notify.channels.channel import SMS
from notify.core import states, translation
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import Alert, Operator, OutageStep, StoredContent
from notify.models import Outage as Row
from notify.models.states import AlertState
from notify.service311.outages import elsewhere, words
from notify.service311.outages.steps import AHEAD, Act, Outage, State
from zones.geometry import readable_areas

LISTENS = timedelta(hours=24)  # after it was restored, "still out?" is answered for so long
RECENT = timedelta(days=7)  # the desk shows restored ones for so long


@dataclass(frozen=True, slots=True)
class Told:
    """A step with its alert. `part`: it went to a part of the area only. `elsewhere`: it was written outside of the
    desk, which has recorded nothing since."""

    step: OutageStep
    alert: Alert
    part: bool = False
    elsewhere: bool = False

    @property
    def waits(self) -> bool:
        return self.alert.state in states.BEFORE_LAUNCH

    @property
    def is_out(self) -> bool:
        return self.alert.launched_at is not None

    @property
    def counts(self) -> bool:
        """Whether residents have it or will: one that ended before its launch told nothing, and of one that was stopped
        nobody knows how many have it."""
        return self.waits or (self.is_out and self.alert.state is not AlertState.CANCELLED)


@dataclass(frozen=True, slots=True)
class InForce:
    """An outage. `area`: WGS 84. `told`: its steps that have an alert."""

    id: int
    incident_id: int
    utility: str
    area: BaseGeometry
    told: Sequence[Told]


@dataclass(frozen=True, slots=True)
class Shown:
    """An outage for the desk. `name`: of its area, in the reader's language. `known`: with what residents were told."""

    row: Row
    name: str
    known: Outage
    told: Sequence[Told] = field(default=())

    @property
    def restored_at(self) -> datetime | None:
        """None while it is out, also where the all-clear was taken back."""
        if self.known.state is not State.RESTORED:
            return None
        return self.row.restored_at or max(one.step.at for one in self.told if _is_clear(one))

    @property
    def waiting(self) -> list[Told]:
        """The alerts that are not launched yet."""
        return [one for one in self.told if one.waits]

    @property
    def last_out(self) -> Told | None:
        """The step that residents were told last, a growth among them."""
        out = [one for one in self.told if one.alert.launched_at is not None]
        return max(out, key=lambda one: (one.alert.launched_at, one.alert.id)) if out else None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step with who recorded it, and the state of its alert."""

    step: OutageStep
    by: str
    alert: Alert | None


def in_force(s: Session, now: datetime) -> Sequence[InForce]:
    """Return the outages in which service is out, and those that were restored within LISTENS: who is still without
    service may say so. Announced work is on at its time, also where nobody has said that it began. The newest first.
    Left out is one whose area cannot be read, and one whose alerts were all cancelled before anybody had them."""
    alive = [one for one in recent(s, now) if any(each.waits or each.is_out for each in one.told)]
    found = [one for one in alive if _is_out(one.known, now) or one.known.state is State.RESTORED]
    areas = readable_areas(one.row.area for one in found)
    return [
        InForce(row.id, row.incident_id, row.utility, areas[row.area], one.told)
        for one in found
        if (row := one.row).area in areas
        and (_is_out(one.known, now) or ((at := one.restored_at) and at > now - LISTENS))
    ]


def _is_out(known: Outage, now: datetime) -> bool:
    if known.state not in AHEAD:
        return known.state is State.OUT
    over = words.work_is_over_at(known.begins_at, known.back_at)
    return known.begins_at is not None and over is not None and known.begins_at <= now < over


def recent(s: Session, now: datetime) -> list[Shown]:
    """Return the outages that are not restored, and those that were within RECENT, the newest first."""
    rows = s.scalars(
        select(Row).where(or_(Row.state != State.RESTORED, Row.restored_at > now - RECENT)).order_by(Row.id.desc())
    ).all()
    return [one for one in _shown(s, rows) if (at := one.restored_at) is None or at > now - RECENT]


def shown(s: Session, outage_id: int) -> Shown:
    """Return an outage. Raises NotFound."""
    return _shown(s, [find(s, outage_id)])[0]


def find(s: Session, outage_id: int, *, lock: bool = False) -> Row:
    """Return the row of an outage. Raises NotFound."""
    row = s.get(Row, outage_id, with_for_update=lock)
    if row is None:
        raise NotFound(_("There is no outage %(outage)s.", outage=outage_id), hint=_("Choose one from the list."))
    return row


def told_of(s: Session, outages: Iterable[int]) -> Mapping[int, list[Told]]:
    """Return the steps of outages that have an alert, by outage, the oldest first; also what alerts say that were
    written outside of the desk."""
    found: dict[int, list[Told]] = defaultdict(list)
    rows = s.execute(
        select(OutageStep, Alert)
        .join(Alert, Alert.id == OutageStep.alert_id)
        .where(OutageStep.outage_id.in_(list(outages)))
        .order_by(OutageStep.id)
    ).all()
    for step, alert in rows:
        found[step.outage_id].append(Told(step, alert))
    said = elsewhere.said(s, {outage: [one.alert for one in told] for outage, told in found.items()})
    for one in said:
        found[one.outage_id].append(Told(one.step, one.alert, one.part, one.newest))
        found[one.outage_id].sort(key=lambda each: each.alert.launched_at or each.step.at)
    return found


def _is_clear(one: Told) -> bool:
    return one.step.act == Act.RESTORE and not one.part


def as_known(row: Row, told: Sequence[Told]) -> Outage:
    """Return an outage with what residents were told of it, or are about to be. Once the reminder of the evening before
    is out, they are reminded. An all-clear that was not sent leaves it out: nobody heard that it is over; one that was
    sent ends it, whoever wrote it. What was written outside of the desk since the desk recorded something is known."""
    state, begins_at, back_at = State(row.state), row.begins_at, row.back_at
    clear = [one for one in told if _is_clear(one)]
    if state is State.RESTORED and clear and not any(one.counts for one in clear):
        state = State.OUT
    if any(one.counts and one.is_out for one in clear):
        state = State.RESTORED
    by_alert = [one for one in told if one.counts and not one.part and one.step.act != Act.GROW]
    last = by_alert[-1] if by_alert else None
    if last is not None and last.elsewhere and not _is_clear(last):
        state, begins_at, back_at = State(last.step.state), last.step.begins_at, last.step.back_at
    elif state is State.NOTICED and last is not None and last.step.act == Act.REMIND and last.is_out:
        state = State.REMINDED
    return Outage(state, begins_at, back_at, last.step.back_at if last else None)


def heard_in(told: Iterable[Told]) -> BaseGeometry:
    """Return the area whose residents were told of an outage, or are about to be; empty for none."""
    areas = readable_areas(one.alert.area for one in told if one.counts and one.alert.area is not None)
    return shapely.union_all(list(areas.values())) if areas else Polygon()


def steps_of(s: Session, outage_id: int) -> list[Recorded]:
    """Return what was recorded of an outage, the newest first."""
    rows = s.execute(
        select(OutageStep, Operator.email, Alert)
        .outerjoin(Operator, Operator.id == OutageStep.by)
        .outerjoin(Alert, Alert.id == OutageStep.alert_id)
        .where(OutageStep.outage_id == outage_id)
        .order_by(OutageStep.id.desc())
    ).all()
    return [Recorded(step, email or "", alert) for step, email, alert in rows]


def text_of(s: Session, alert_id: int) -> str:
    """Return the text message of an alert, in the reader's language or in another that it has; "" without one."""
    said = {
        one.language: one.text
        for one in s.scalars(
            select(StoredContent).where(
                StoredContent.alert_id == alert_id, StoredContent.channel == SMS.name, StoredContent.wording == GENERAL
            )
        )
    }
    return said.get(translation.language()) or next(iter(said.values()), "")


def _shown(s: Session, rows: Sequence[Row]) -> list[Shown]:
    told = told_of(s, [row.id for row in rows])
    return [
        Shown(
            row, row.names.get(translation.language()) or next(iter(row.names.values()), ""),
            as_known(row, told.get(row.id, [])), told.get(row.id, []),
        )
        for row in rows
    ]  # fmt: skip
