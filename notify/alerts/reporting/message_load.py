"""How many routine alerts residents get: a ledger of one resident, and of all of them (alert fatigue).

Counted from the delivery rows of routine alerts, exercises left out. An alert counts once for a resident, on however
many contacts it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.audience import rules
from notify.core import quiet_time
from notify.core.settings import settings
from notify.models import Alert, Lane

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


def month(now: datetime) -> datetime:
    """Return when this month began in the city, in UTC."""
    ours = settings().tz
    return quiet_time.moment(now.astimezone(ours).date().replace(day=1), datetime.min.time(), ours)


def of_resident(s: Session, subscriber_id: int, since: datetime) -> Ledger:
    row = s.execute(text(_OF_RESIDENT), {"id": subscriber_id, "since": since, "came": list(CAME)}).one()
    return Ledger(row.came, row.waits, row.left_out)


def of_all(s: Session, since: datetime) -> Load:
    """Return the load of all residents with a verified contact. This reads all deliveries since then, which takes some
    seconds for a million residents."""
    counts = {row.n: row.residents for row in s.execute(text(_COUNTS), {"since": since, "came": list(CAME)})}
    everybody: int = s.execute(text(_EVERYBODY)).scalar_one()
    with_none = max(0, everybody - sum(counts.values()))
    spread = {0: with_none} | counts
    return Load(since, everybody, _quantile(spread, 0.5), _quantile(spread, 0.95), max(spread))


def with_one_more(s: Session, alert: Alert, now: datetime) -> int:
    """Return how many residents would get their fifth routine alert of seven days, or a later one, if this alert were
    launched now. It finds them as the launch would. Raises Refused without an area."""
    residents = audience.residents_inside(s, audience.membership(alert), now)
    values = audience.parameters(s, alert, residents.tolist(), now, "")
    counted = {"since": now - WEEK, "came": list(CAME), "had": MANY - 1}
    found: int = s.execute(text(_WITH_ONE_MORE), values | counted).scalar_one()
    return found


def _quantile(spread: Mapping[int, int], share: float) -> int:
    """Return the least number that this share of the residents does not exceed. `spread`: number -> residents."""
    wanted, passed = share * sum(spread.values()), 0
    for number in sorted(spread):
        passed += spread[number]
        if passed >= wanted:
            return number
    return 0


# An alert that ended before cannot have been sent since: an index finds the others.
_ROUTINE = """
      FROM alerts a JOIN deliveries d ON d.alert_id = a.id JOIN contacts c ON c.id = d.contact_id
     WHERE a.lane = 'routine' AND a.status <> 'Exercise' AND a.launched_at IS NOT NULL AND a.expires_at > :since
       AND c.subscriber_id IS NOT NULL
"""
_OUT = "d.state = ANY(CAST(:came AS delivery_state[])) AND d.claimed_at >= :since"

_COUNTS = f"""
    SELECT n, count(*) AS residents FROM (
        SELECT count(DISTINCT d.alert_id) AS n {_ROUTINE} AND {_OUT} GROUP BY c.subscriber_id) AS got GROUP BY n
"""  # noqa: S608  the parts are constants of ours
_EVERYBODY = """
    SELECT count(DISTINCT subscriber_id) FROM contacts
     WHERE subscriber_id IS NOT NULL AND verified_at IS NOT NULL AND address_sealed IS NOT NULL
"""
_WITH_ONE_MORE = f"""
    SELECT count(DISTINCT c.subscriber_id) FROM (
        SELECT c.subscriber_id {_ROUTINE} AND {_OUT} AND c.subscriber_id = ANY(:subscribers)
         GROUP BY c.subscriber_id HAVING count(DISTINCT d.alert_id) >= :had) AS had
      JOIN contacts c ON c.subscriber_id = had.subscriber_id AND c.channel = ANY(:channels)
      {rules.facts("CAST(:topic AS topic)")}
     WHERE {rules.reason(":now", Lane.ROUTINE, "CAST(:severity AS integer)", audience.WARNED)} IS NULL
"""  # noqa: S608  the parts are constants of ours
# Of the alerts that were still in force at that time or later; by resident, few rows by an index.
_OF_RESIDENT = """
    SELECT count(*) FILTER (WHERE came) AS came, count(*) FILTER (WHERE NOT came AND waits) AS waits,
           count(*) FILTER (WHERE NOT came AND NOT waits) AS left_out
      FROM (SELECT bool_or(d.state = ANY(CAST(:came AS delivery_state[])) AND d.claimed_at >= :since) AS came,
                   bool_or(d.state IN ('queued', 'held')) AS waits
              FROM subscribers r JOIN contacts c ON c.subscriber_id = r.id
              CROSS JOIN (SELECT id, launched_at FROM alerts
                           WHERE lane = 'routine' AND status <> 'Exercise' AND launched_at >= :since) AS a
              JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, c.id)
             WHERE r.id = :id AND a.launched_at >= r.created_at GROUP BY a.id) AS of_alerts
"""
