"""Notices that a newer edition of the calendars overtakes: nothing goes out of them that is not true any more.

One that waits is cancelled: staff tell it again. Of one that is out, what is still to go out is stopped where the days
are others now, and goes on elsewhere, also to those who have places in both: their one message tells of both, and
nothing else would of the second. Where nothing of it is true, and nobody has it, it is cancelled. All whose days differ
from what it said get its correction, once staff publish that; who moves there meanwhile is not sent the notice.

Until it was held against the newest edition, it is not launched (`alerts.outdated`), and nothing that quiet hours hold
of it is released (`delivery.held`). One that cannot be judged is set aside for a minute, with an alarm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from notify.alerts import lifecycle, standing
from notify.core import alarms, audit
from notify.core.db import transaction
from notify.core.states import BEFORE_LAUNCH
from notify.delivery import taken_back
from notify.models import Alert, CollectionEdition, CollectionNotice, Zone
from notify.models.states import AlertState
from notify.service311 import calendars, zone_order
from notify.service311.edition_schedules import House
from notify.service311.notices import due, kept, parts, publishing
from notify.service311.notices.due import Due
from zones.geometry import from_wkb, to_wkb
from zones.overlaps import minus, without_slivers

Whose: TypeAlias = int | House
R = TypeVar("R")
REASON = "days-changed"
DAY = timedelta(days=1)
AGAIN, PAUSED = timedelta(seconds=2), timedelta(seconds=30)  # until one of which not all is stopped is looked at again

_BEHIND = "coalesce(checked_edition, edition) < (SELECT max(number) FROM collection_editions)"
_NOTICES = "SELECT FROM collection_notices JOIN alerts ON alerts.id = collection_notices.alert_id WHERE"
_IS_WAITING = f"alerts.state IN ('draft', 'approved', 'scheduled') AND {_BEHIND}"
# One whose days are over concerns nobody.
_IS_OUT = f"""(alerts.state IN ('sending', 'paused', 'sent') AND last_day >= :yesterday
               AND (look_at <= :now OR look_at IS NULL AND {_BEHIND}))"""
# Whether there is any: asked often, so it must be cheap.
WAITING, OUT = f"{_NOTICES} {_IS_WAITING}", f"{_NOTICES} {_IS_OUT}"


def asked(now: datetime) -> dict[str, Any]:
    """Return the values of OUT. Days are the city's."""
    return {"now": now, "yesterday": calendars.today(now) - DAY}


def settle_waiting(now: datetime) -> list[int]:
    """Cancel the notices before their launch that are not true any more, and return their alerts."""
    tried = [_apart(alert, now, _settle_waiting) for alert in _found(_IS_WAITING, now)]
    return [alert for alert in tried if alert is not None]


def settle_out(now: datetime) -> None:
    """Stop what is not true any more of the notices that are out. A city of a million has a minute of work with it: it
    is done in many transactions, and what was killed goes on at the next call."""
    for alert in _found(_IS_OUT, now):
        stopping = _apart(alert, now, _judge)
        if stopping is not None:
            _apart(alert, now, stopping.stop)


def end_alarms(s: Session, now: datetime) -> None:
    """Resolve the alarms of notices whose residents were told since."""
    s.execute(text(_RESOLVE), {"now": now})


# What was cancelled is told anew by another notice of the same day, or of its incident.
TOLD_SINCE = f"""
    SELECT m.id FROM alarms m JOIN collection_notices n USING (alert_id) JOIN alerts a ON a.id = n.alert_id
     WHERE m.kind = '{alarms.NOTICE_OUTDATED}' AND m.resolved_at IS NULL AND CASE WHEN a.state = 'cancelled'
           THEN EXISTS (SELECT FROM collection_notices o JOIN alerts later ON later.id = o.alert_id
                         WHERE o.id > n.id AND later.launched_at IS NOT NULL AND later.state <> 'cancelled'
                           AND (o.incident_id = n.incident_id OR (o.subject, o.day) = (n.subject, n.day)))
           ELSE a.withdrawn IS NULL
             OR EXISTS (SELECT FROM standings t WHERE t.alert_id = a.id AND NOT t.unsaid) END
"""  # noqa: S608  names of ours
_RESOLVE = f"UPDATE alarms SET resolved_at = greatest(:now, since) WHERE id IN ({TOLD_SINCE})"  # noqa: S608


def _found(which: str, now: datetime) -> Sequence[int]:
    """Return the alerts of notices, the later ones of an incident first: none is counted on that is about to go."""
    with transaction() as s:
        return s.scalars(
            select(Alert.id)
            .join(CollectionNotice, CollectionNotice.alert_id == Alert.id)
            .where(text(which).bindparams(**(asked(now) if which == _IS_OUT else {})))
            .where(~alarms.set_aside(alarms.NOTICE_UNCHECKED, now))
            .order_by(Alert.incident_id, Alert.id.desc())
        ).all()


def _apart(alert: int, now: datetime, step: Callable[[Session, int, datetime], R | None]) -> R | None:
    with transaction() as s:
        return alarms.apart(s, alert, alarms.NOTICE_UNCHECKED, now, step)


def _settle_waiting(s: Session, alert: int, now: datetime) -> int | None:
    held = _locked(s, alert, now)
    if held is None or held.alert.state not in BEFORE_LAUNCH:
        return None
    if not held.changed and not held.untrue:
        held.notice.edition = held.newest
        return None
    lifecycle.cancel(s, alert, None, now)
    held.ring("was cancelled", held.whose)
    return alert


def _judge(s: Session, alert: int, now: datetime) -> "_Stopping | None":
    """Cancel a notice that is out, or withdraw it where it is not true. Return what is left to do, if anything is."""
    held = _locked(s, alert, now)
    if held is None or held.alert.state in BEFORE_LAUNCH:
        return None
    if held.is_to_cancel:
        lifecycle.cancel(s, alert, None, now)
        held.ring("was cancelled", held.whose)
        return None
    area, elsewhere = held.areas
    withdrawn = None if area.is_empty else to_wkb(area)
    if withdrawn != held.alert.withdrawn:
        held.alert.withdrawn = withdrawn
        s.flush()
        standing.renew(s, held.alert.incident_id, held.alert.status, [alert])
    if withdrawn is None:
        held.notice.checked_edition, held.notice.look_at = held.newest, None
        return None
    is_again = held.notice.look_at is not None and held.notice.checked_edition == held.newest
    return _Stopping(area, elsewhere, held.newest, is_again, held.alert.fanout_done_at is not None)


def _locked(s: Session, alert: int, now: datetime) -> "_Against | None":
    """Return a notice, locked; None while another process has it in hand."""
    row = s.execute(
        select(CollectionNotice, Alert)
        .join(Alert, Alert.id == CollectionNotice.alert_id)
        .where(Alert.id == alert)
        .with_for_update(of=CollectionNotice, skip_locked=True, key_share=True)
    ).one_or_none()
    newest = s.scalar(select(func.max(CollectionEdition.number))) or 0
    return _Against(s, *row, newest, now) if row else None


@dataclass(frozen=True, slots=True)
class _Stopping:
    """What of a notice is to be stopped. `area`: where it is not true; `elsewhere`: where it is. `is_again`: only what
    was on its way is looked at. `is_resolved`: its audience was known when it was judged."""

    area: BaseGeometry
    elsewhere: BaseGeometry
    newest: int
    is_again: bool
    is_resolved: bool

    def stop(self, s: Session, alert: int, now: datetime) -> None:
        """Stop what waits for those for whom it is not true; what may still come back is looked at again."""
        s.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # it waits for the transactions of this:
        taken = taken_back.take_back(alert, self.area, self.elsewhere, REASON, now, again=self.is_again)
        held = _locked(s, alert, now)
        if held is None or (held.notice.look_at is None and held.notice.checked_edition == self.newest):
            return  # another process has done it meanwhile
        is_done = taken.whole and self.is_resolved
        if self.is_resolved:
            held.notice.checked_edition = self.newest
        held.notice.look_at = None if is_done else now + (PAUSED if held.alert.state is AlertState.PAUSED else AGAIN)
        unrecorded = int(s.execute(text(_UNRECORDED), {"alert": alert, "notice": held.notice.id}).scalar_one())
        if unrecorded > 0:
            audit.note(
                s, now=now, by=None, action="stop", subject="collection notice", subject_id=held.notice.id,
                edition=self.newest, messages=unrecorded,
            )  # fmt: skip
        if unrecorded > 0 or (taken.left and is_done):
            held.ring("was stopped before everybody had it", held.untrue)


# Also what was stopped by a process that was killed before it said so.
_UNRECORDED = f"""
    SELECT (SELECT count(*) FROM deliveries WHERE alert_id = :alert AND state = 'cancelled' AND reason = '{REASON}')
         - (SELECT coalesce(sum(CAST(detail->>'messages' AS bigint)), 0) FROM audit
             WHERE subject = 'collection notice' AND subject_id = :notice AND action = 'stop')
"""  # noqa: S608  names of ours


@dataclass(frozen=True)
class _Against:
    """A notice, held against the newest edition."""

    s: Session
    notice: CollectionNotice
    alert: Alert
    newest: int
    now: datetime

    @property
    def whose(self) -> frozenset[Whose]:
        """The zones and houses that it tells of."""
        return frozenset(whose for whose, _day in kept.days_of(self.notice))

    @cached_property
    def changed(self) -> frozenset[tuple[Whose, date]]:
        """Which days of which zones and houses are others now: of a holiday, any near it."""
        notice, (then, after) = self.notice, self._editions
        if notice.kind == "holiday":
            return parts.days_of(parts.of_correction(then.collections, after.collections, notice.day))
        told = kept.days_of(notice)
        first = min(day for _, day in told)
        return told & parts.days_of(parts.of_edit(then.collections, after.collections, first))

    @cached_property
    def untrue(self) -> frozenset[Whose]:
        """Those for whom it is not true any more: they have other days now, or none, as a zone that was given up."""
        then, after = self._editions
        gone = {one for one in self.whose if then.collections.get(one) and not after.collections.get(one)}
        return self.whose & ({whose for whose, _day in self.changed} | gone)

    @property
    def is_to_cancel(self) -> bool:
        """Whether nothing of it is true any more, and nobody has it."""
        return (
            self.untrue == self.whose
            and self.alert.state is not AlertState.SENT
            and not taken_back.is_heard(self.s, self.alert.id)
        )

    @property
    def areas(self) -> tuple[BaseGeometry, BaseGeometry]:
        """The parts of its area where it is not true any more, and where it is."""
        if self.alert.area is None or not self.untrue:
            return Polygon(), Polygon()
        whole = from_wkb(self.alert.area)
        elsewhere = publishing.area_of(self.s, self.whose - self.untrue, self._editions[1].houses)
        return without_slivers(minus(whole, elsewhere), whole), elsewhere

    def ring(self, what: str, lose: frozenset[Whose]) -> None:
        """Ring the alarm, unless later notices go to all who lose something."""
        if not lose <= self._told_later:
            names = self.s.scalars(select(Zone.name).where(Zone.id.in_([one for one in lose if isinstance(one, int)])))
            where = ", ".join(sorted(names, key=zone_order.place)) or "some addresses"
            message = (
                f"The notice of {self.notice.subject} {what}: edition {self.newest} has other days in {where}."
                f" Tell them on /desk/notices/{self.notice.id}."
            )
            alarms.sound(self.s, alarms.NOTICE_OUTDATED, message, self.now, alert_id=self.alert.id)

    @cached_property
    def _editions(self) -> list[Due]:
        of_it = [one for one in self.whose if isinstance(one, int)]
        zones = {one.id: one for one in calendars.zones_with_days(self.s)}
        zones |= {one.id: one for one in self.s.scalars(select(Zone).where(Zone.id.in_(of_it)))}
        return due.of_editions(self.s, list(zones.values()), self.now, self.notice.edition, self.newest)

    @cached_property
    def _told_later(self) -> frozenset[Whose]:
        """The zones and houses of the later notices of its incident that were sent, or will be."""
        later = self.s.scalars(
            select(CollectionNotice)
            .join(Alert, Alert.id == CollectionNotice.alert_id)
            .where(
                CollectionNotice.incident_id == self.notice.incident_id,
                CollectionNotice.id > self.notice.id,
                Alert.state != AlertState.CANCELLED,
            )
        )
        return frozenset[Whose]().union(*({whose for whose, _day in kept.days_of(one)} for one in later))
