"""Notices that a newer edition of the calendars overtakes: nothing goes out of them that is not true any more.

One that waits is cancelled, and so is one that is out and reached nobody yet, because quiet hours hold it: staff tell
it again. Of one that some have read, what is still to go out is stopped where the days are others now, and goes on
elsewhere, also to those who have places in both: their one message tells of both, and nothing else would of the second.
All whose days differ from what it said get its correction, once staff publish that.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TypeAlias

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.core import alarms, audit
from notify.core.states import BEFORE_LAUNCH, IN_FORCE
from notify.delivery import taken_back
from notify.models import Alert, CollectionEdition, CollectionNotice
from notify.models.states import AlertState
from notify.service311 import calendars
from notify.service311.edition_schedules import House
from notify.service311.notices import due, kept, parts, publishing
from notify.service311.notices.due import Due

Whose: TypeAlias = int | House
REASON = "days-changed"

# Whether there is any: asked often, so it must be cheap. One whose days are over concerns nobody. It needs :now.
ANY = """
    SELECT FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE (a.state IN ('draft', 'approved', 'scheduled')
            OR a.state IN ('sending', 'paused', 'sent') AND n.last_day >= CAST(:now AS date) - 1)
       AND coalesce(n.checked_edition, n.edition) < (SELECT max(number) FROM collection_editions)
"""


def settle(s: Session, now: datetime) -> list[int]:
    """Stop what is not true any more, and return the alerts that were cancelled. No alarm rings where later notices of
    the incident go to all who lose something. A notice that another process holds is left to it."""
    newest = s.scalar(select(func.max(CollectionEdition.number))) or 0
    in_force = Alert.state.in_(IN_FORCE) & (CollectionNotice.last_day >= now.date() - timedelta(days=1))
    rows = s.execute(
        select(CollectionNotice, Alert)
        .join(Alert, Alert.id == CollectionNotice.alert_id)
        .where(
            or_(Alert.state.in_(BEFORE_LAUNCH), in_force),
            func.coalesce(CollectionNotice.checked_edition, CollectionNotice.edition) < newest,
        )
        .order_by(Alert.incident_id, Alert.id)
        .with_for_update(of=CollectionNotice, skip_locked=True, key_share=True)
    ).all()
    gone = []
    for notice, alert in rows:
        held = _Against(s, notice, alert, newest, now)
        if held.is_to_cancel:
            lifecycle.cancel(s, alert.id, None, now)
            gone.append(alert.id)
            held.ring(held.whose, "was cancelled")
        elif alert.state in BEFORE_LAUNCH:
            notice.edition = newest
        elif held.is_stopped():
            notice.checked_edition = newest
    return gone


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
        """Those for whom it is not true any more."""
        return self.whose & {whose for whose, _day in self.changed}

    @property
    def is_to_cancel(self) -> bool:
        """Whether it waits and is not true, or is out, has reached nobody, and is better told anew as a whole: nothing
        of it is true any more, or nobody has told what comes next."""
        if self.alert.state in BEFORE_LAUNCH:
            return bool(self.changed)
        if not self.untrue or self.alert.state is AlertState.SENT or taken_back.is_heard(self.s, self.alert.id):
            return False
        return self.untrue == self.whose or not self._told_later

    def is_stopped(self) -> bool:
        """Stop what waits for those for whom it is not true. Returns whether nothing can follow: what is on its way at
        this moment may come back, and so it is looked at again, as is an audience that is being worked out."""
        if not self.untrue:
            return True
        houses = self._editions[1].houses
        area, elsewhere = (publishing.area_of(self.s, one, houses) for one in (self.untrue, self.whose - self.untrue))
        taken = taken_back.take_back(self.s, self.alert.id, area, elsewhere, REASON, self.now)
        if taken.messages:
            audit.note(
                self.s, now=self.now, by=None, action="stop", subject="collection notice", subject_id=self.notice.id,
                edition=self.newest, messages=taken.messages,
            )  # fmt: skip
        done = taken.whole and self.alert.fanout_done_at is not None
        if taken.messages or (taken.left and done):
            self.ring(self.untrue, "was stopped before everybody had it")
        return done

    def ring(self, lose: frozenset[Whose], what: str) -> None:
        """Ring the alarm, unless later notices go to all who lose something."""
        if not lose <= self._told_later:
            message = f"The notice of {self.notice.subject} {what}: edition {self.newest} has other days."
            alarms.sound(self.s, alarms.NOTICE_OUTDATED, message, self.now, alert_id=self.alert.id)

    @cached_property
    def _editions(self) -> list[Due]:
        zones = calendars.zones_with_days(self.s)
        return due.of_editions(self.s, zones, self.now, self.notice.edition, self.newest)

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
