"""The archive: launched alerts that do not hold any more, and what ended each. Exercises and tests are left out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts.listing import IN_INCIDENT, LATER, InIncident
from notify.core import alarms, db, states
from notify.models import Topic

PAGE = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of the archive. `month`: its first day; `page` counts from 1."""

    month: date | None = None
    topic: str | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the archive, the newest first. `ended_at`: when an alert was stopped or its time was over, by its id;
    `months`: those with an alert, as their first days, the newest first."""

    alerts: Sequence[InIncident]
    ended_at: Mapping[int, datetime]
    total: int
    months: Sequence[date]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


def find(s: Session, wanted: Wanted, now: datetime, zone: tzinfo) -> Found:
    """Return a page of the archive. `zone`: that of the city, in which months begin."""
    topic = wanted.topic if wanted.topic in set(Topic) else None
    given = {"now": now, "states": list(states.IN_FORCE), "zone": str(zone), "topic": topic, "month": wanted.month}
    total = s.execute(text(f"SELECT count(*) {_PAST}"), given).scalar_one()
    skip = (wanted.page - 1) * PAGE
    ids = s.scalars(
        text(f"SELECT a.id {_PAST} {_NEWEST} LIMIT :most OFFSET :skip"), given | {"most": PAGE, "skip": skip}
    )
    alerts, ended_at = _read(s, ids.all(), now)
    months = s.scalars(text(f"SELECT DISTINCT {_MONTH} AS month {_PAST} ORDER BY 1 DESC"), given | {"month": None})
    return Found(alerts, ended_at, total, months.all())


def _read(s: Session, ids: Sequence[int], now: datetime) -> tuple[list[InIncident], dict[int, datetime]]:
    """Return these alerts, and when each ended. One that cannot be read is left out, and an alarm rings (law 15)."""
    found: list[InIncident] = []
    ended_at: dict[int, datetime] = {}

    def read(some: Sequence[int]) -> None:
        rows = s.execute(
            text(f"SELECT {IN_INCIDENT}, a.finished_at {_FROM} AND a.id = ANY (:ids)"), {"ids": list(some)}
        )
        for row in rows.all():
            fields = dict(row._mapping)
            finished_at = fields.pop("finished_at")
            found.append(InIncident(**fields))
            ended_at[row.id] = (row.state == "cancelled" and finished_at) or row.expires_at

    def refused(alert_id: int, error: Exception) -> None:
        told = f"Alert {alert_id} is missing from the archive, because its row cannot be used: {db.reason(error)}."
        alarms.sound(s, alarms.UNREADABLE_ROW, told, now, alert_id=alert_id)

    db.in_halves(list(ids), read, refused, s.begin_nested)
    return sorted(found, key=lambda one: ids.index(one.id)), ended_at


def recent(s: Session, most: int, now: datetime) -> Sequence[InIncident]:
    """Return the newest launched alerts, whether they hold or not."""
    ids = s.scalars(text(f"SELECT a.id {_FROM} {_NEWEST} LIMIT :most"), {"most": most})
    return _read(s, ids.all(), now)[0]


def by_id(s: Session, alerts: Collection[int], now: datetime) -> Mapping[int, InIncident]:
    return {one.id: one for one in _read(s, sorted(alerts), now)[0]}


_NEWEST = "ORDER BY a.launched_at DESC, a.id DESC"
_MONTH = "CAST(date_trunc('month', a.launched_at AT TIME ZONE :zone) AS date)"
_FROM = f"FROM alerts a {LATER} WHERE a.launched_at IS NOT NULL AND a.status = 'Actual'"
_PAST = f"""{_FROM}
    AND (a.expires_at <= :now OR a.state <> ALL (CAST(:states AS alert_state[]))
         OR later.superseded_by IS NOT NULL OR later.ended_by IS NOT NULL)
    AND (CAST(:topic AS text) IS NULL OR CAST(a.topic AS text) = :topic)
    AND (CAST(:month AS date) IS NULL OR {_MONTH} = :month)
"""
