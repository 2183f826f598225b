"""How many routine alerts residents get: a ledger of one resident, and of all of them (alert fatigue).

Counted from the delivery rows of routine alerts, exercises left out. An alert counts once for a resident, on however
many contacts it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.audience import loading, rules
from notify.audience.cache import precedence
from notify.audience.live_count import live_count
from notify.audience.unreached import OfUnreached
from notify.core import quiet_time
from notify.core.db import raw
from notify.core.settings import settings
from notify.models import Alert, Lane
from notify.subscribers import record

MANY = 5  # alerts in a week
WEEK = timedelta(days=7)
CAME = ("sending", "unknown", "accepted", "delivered")  # handed over, and not refused since


@dataclass(frozen=True, slots=True)
class Ledger:
    """Routine alerts of one resident: `came`, `waits` (held or queued), and those left out or lost."""

    came: int
    waits: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Load:
    """Routine alerts that residents got since a moment. `residents`: all who can be written to, also without any."""

    since: datetime
    residents: int
    median: int
    p95: int
    most: int


@dataclass(frozen=True, slots=True)
class Got:
    """How many routine `alerts` each resident got since a moment. `residents`: the ids of those with a contact,
    ascending. `writable`: whether one of their contacts can be written to."""

    since: datetime
    residents: NDArray[np.int64]
    alerts: NDArray[np.int32]
    writable: NDArray[np.bool_]

    def load(self) -> Load:
        counted = self.writable | (self.alerts > 0)
        spread = dict(enumerate(np.bincount(self.alerts[counted], minlength=1).tolist()))
        everybody = int(self.writable.sum())
        most = int(self.alerts.max(initial=0))
        return Load(self.since, everybody, _quantile(spread, 0.5), _quantile(spread, 0.95), most)

    def at_least(self, number: int) -> NDArray[np.int64]:
        """Return the residents who got so many."""
        return self.residents[self.alerts >= number]


def month(now: datetime) -> datetime:
    """Return when this month began in the city, in UTC."""
    ours = settings().tz
    return quiet_time.moment(now.astimezone(ours).date().replace(day=1), datetime.min.time(), ours)


def of_resident(s: Session, subscriber_id: int, since: datetime) -> Ledger:
    row = s.execute(text(_OF_RESIDENT), {"id": subscriber_id, "since": since, "came": list(CAME)}).one()
    return Ledger(row.came, row.waits, row.left_out)


def of_all(s: Session, since: datetime) -> Load:
    """Return the load of all residents with a verified contact. This reads all deliveries since then: `got`."""
    return got(s, since).load()


def got(s: Session, since: datetime) -> Got:
    """Return what every resident got since a moment. This reads all routine deliveries since then, which takes seconds
    for a million residents.

    Rows arrive as strings of bytes, one for each alert: counted by PostgreSQL, they would be sorted on disk.
    """
    with raw(s).cursor(binary=True) as cursor:
        row = cursor.execute(_CONTACTS).fetchone()
        contacts = np.frombuffer((row and row[0]) or b"", dtype=_CONTACT)
    contacts = contacts[np.argsort(contacts["id"])]
    ids = contacts["id"].astype(np.int64)
    residents, of_contact = np.unique(contacts["resident"].astype(np.int64), return_inverse=True)
    writable = np.zeros(residents.size, dtype=bool)
    writable[of_contact[contacts["writable"] == 1]] = True
    alerts = np.zeros(residents.size, dtype=np.int32)
    with raw(s).cursor("got", binary=True) as cursor:
        cursor.itersize = 1  # alert
        for (came,) in cursor.execute(_GOT, {"since": since, "came": list(CAME)}):
            at = loading.find(ids, np.frombuffer(came or b"", dtype=_ID).astype(np.int64))
            alerts[np.unique(of_contact[at[at >= 0]])] += 1
    return Got(since, residents, alerts, writable)


def with_one_more(s: Session, alert: Alert, week: Got, now: datetime) -> int:
    """Return how many residents would get their fifth routine alert of seven days, or a later one, if this alert were
    launched now. `week`: what they `got` in these days. Raises Refused without an area.

    The launch would find the same ones, by the live count's memory of the residents.
    """
    had, area = week.at_least(MANY - 1), audience.membership(alert)
    if isinstance(area, OfUnreached):  # the live count does not know these; they are few
        had = np.intersect1d(had, audience.residents_inside(s, area, now))
        values = audience.parameters(s, alert, had.tolist(), now, "")
        found: int = s.execute(text(_REACHED), values).scalar_one()
        return found
    return live_count().reached(
        area, alert.topic.value, alert.channels, now, precedence(alert, audience.emergencies(s, alert)), had
    )


def _quantile(spread: Mapping[int, int], share: float) -> int:
    """Return the least number that this share of the residents does not exceed. `spread`: number -> residents."""
    wanted, passed = share * sum(spread.values()), 0
    for number in sorted(spread):
        passed += spread[number]
        if passed >= wanted:
            return number
    return 0


_ID = np.dtype(">i8")  # as PostgreSQL's send functions write them
_CONTACT = np.dtype([("id", ">i8"), ("resident", ">i8"), ("writable", ">i2")])
_CONTACTS = """
    SELECT string_agg(int8send(id) || int8send(subscriber_id) || int2send(CAST(CAST(
               verified_at IS NOT NULL AND address_sealed IS NOT NULL AS integer) AS smallint)), '')
      FROM contacts WHERE subscriber_id IS NOT NULL
"""
# An alert that ended before cannot have been sent since: an index finds the others.
_GOT = """
    SELECT x.came FROM alerts a CROSS JOIN LATERAL (
        SELECT string_agg(int8send(d.contact_id), '') AS came FROM deliveries d
         WHERE d.alert_id = a.id AND d.state = ANY(CAST(%(came)s AS delivery_state[]))
           AND d.claimed_at >= %(since)s) AS x
     WHERE a.lane = 'routine' AND a.status <> 'Exercise' AND a.launched_at IS NOT NULL AND a.expires_at > %(since)s
"""
_REACHED = f"""
    SELECT count(DISTINCT c.subscriber_id) FROM contacts c {rules.facts("CAST(:topic AS topic)")}
     WHERE c.subscriber_id = ANY(:subscribers) AND c.channel = ANY(:channels)
       AND {rules.reason(":now", Lane.ROUTINE, "CAST(:severity AS integer)", audience.WARNED)} IS NULL
"""  # noqa: S608  the rules are constants of ours
# Of the alerts that were still in force at that time or later; by resident, few rows by an index.
_OF_RESIDENT = f"""
    SELECT count(*) FILTER (WHERE came) AS came, count(*) FILTER (WHERE NOT came AND waits) AS waits,
           count(*) FILTER (WHERE NOT came AND NOT waits) AS left_out
      FROM (SELECT bool_or(d.state = ANY(CAST(:came AS delivery_state[])) AND d.claimed_at >= :since) AS came,
                   bool_or(d.state IN ('queued', 'held')) AS waits
              FROM subscribers r JOIN contacts c ON c.subscriber_id = r.id
              CROSS JOIN (SELECT id, launched_at FROM alerts
                           WHERE lane = 'routine' AND status <> 'Exercise' AND launched_at >= :since) AS a
              JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, c.id)
             WHERE r.id = :id AND {record.IS_THEIRS} GROUP BY a.id) AS of_alerts
"""  # noqa: S608  a constant of ours
