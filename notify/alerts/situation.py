"""What the city says now: the alerts in force, being sent, scheduled and drafted, for the console's first page.

Nothing here reads residents or deliveries, whose tables are large: progress is read from the batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.approving import break_glass
from notify.alerts.approving.break_glass import OpenReview
from notify.alerts.listing import IN_INCIDENT, LATER, InIncident
from notify.city import coverage
from notify.city.coverage import Coverage, InForce
from notify.core import states
from notify.core.city_time import moment
from notify.core.settings import settings
from notify.models import Operator

# Before the end of an alert, or before the time that it promised, somebody has to extend, update or close it: this long
# before, or the last quarter of a short one.
SOON = timedelta(hours=1)
PROMISES = ("news_by", "restore_by")  # the blanks with a time by which residents expect something
MOST = 400  # alerts on the page; drafts are left out first
OPT_OUT_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(InIncident):
    """An alert that has not expired.

    `alone`: its author may approve it, if its audience is small. `promise`: a local time that its words promise.
    """

    created_by: int
    alone: bool
    resolved: bool
    area_hash: str | None
    promise: str | None

    @property
    def is_in_force(self) -> bool:
        return self.launched_at is not None and self.state in states.IN_FORCE

    @property
    def is_danger(self) -> bool:
        return self.is_in_force and self.lane == "emergency" and self.status == "Actual" and not self.is_over

    @property
    def asks_from(self) -> datetime | None:
        """From when on its owner is asked what comes next; None: never, because something came or nothing need come."""
        if self.launched_at is None or not self.is_in_force or self.is_replaced or self.is_over:
            return None
        if self.status != "Actual" or self.follows is not None:
            return None
        ends = min(self.expires_at, self.promised_at or self.expires_at)
        return ends - min(SOON, max(ends - self.launched_at, timedelta()) / 4)

    @property
    def promised_at(self) -> datetime | None:
        """The time that its words promise. None without one, and for one that cannot be read."""
        try:
            return moment(self.promise, settings().tz) if self.promise else None
        except ValueError:
            return None

    def asks(self, now: datetime) -> bool:
        return self.asks_from is not None and now >= self.asks_from


@dataclass(frozen=True, slots=True)
class Sent:
    """The messages of an alert that is being sent, on one channel. `done`: those in finished batches.

    `p95_at`: when 95 % are expected to have left; None: never, or not known yet. `quiet`: those that quiet hours hold,
    of which the first go on at `quiet_until`; `in_digests`: those that wait for a digest.
    """

    channel: str
    messages: int
    done: int
    p95_at: datetime | None
    quiet: int = 0
    quiet_until: datetime | None = None
    in_digests: int = 0


@dataclass(frozen=True, slots=True)
class OptOuts:
    """Opt-outs of one day of the last `OPT_OUT_DAYS`; days are counted back from now. 0: the last 24 hours."""

    days_ago: int
    count: int


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request to warn that nobody has answered yet."""

    id: int
    asked_by: str
    source: str
    danger: str
    place: str
    incident_id: int | None
    received_at: datetime
    decide_by: datetime | None
    read_back: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """All of it at one moment. Emergencies come first, then the newest."""

    items: tuple[Item, ...]
    sending: dict[int, tuple[Sent, ...]]
    coverage: Coverage
    opt_outs: tuple[OptOuts, ...]
    requests: tuple[OpenRequest, ...]
    reviews: tuple[OpenReview, ...]
    left_out: bool  # there are more than MOST alerts

    @property
    def in_force(self) -> list[Item]:
        """Launched and not over. An alert that a later one of its incident replaces comes after all others."""
        standing = [one for one in self.items if one.is_in_force]
        return sorted(standing, key=lambda one: (one.status != "Actual", one.is_replaced, one.lane != "emergency"))

    @property
    def going_out(self) -> list[Item]:
        return [one for one in self.items if one.state in ("sending", "paused")]

    @property
    def planned(self) -> list[Item]:
        """Approved or scheduled, the next one first."""
        ready = [one for one in self.items if one.state in ("approved", "scheduled")]
        return sorted(ready, key=lambda one: one.launch_at or one.created_at)

    def to_launch(self, by: Operator | None) -> list[Item]:
        """What is approved and does not go out until somebody launches or schedules it, as this operator may."""
        if by is None or not operators.may(by, "launch"):
            return []
        return [one for one in self.planned if one.state == "approved"]

    def ending(self, now: datetime) -> list[Item]:
        """The alerts whose owners have to extend, update or close them."""
        return sorted((one for one in self.items if one.asks(now)), key=lambda one: one.expires_at)

    def for_approval(self, by: Operator | None) -> list[Item]:
        """The drafts that this operator may approve."""
        if by is None:
            return []
        own = operators.may(by, "approve alone")
        others = operators.may(by, "approve")
        return [one for one in self.drafts if (own and one.alone if one.created_by == by.id else others)]

    @property
    def drafts(self) -> list[Item]:
        return [one for one in self.items if one.state == "draft"]


def read(s: Session, now: datetime) -> Situation:
    """Read the situation, in a few statements whose cost does not depend on the number of residents."""
    rows = _rows(s, now)
    items = tuple(Item(**row._mapping) for row in rows[:MOST])
    out = [one.id for one in items if one.state in ("sending", "paused")]
    covered = tuple(
        InForce(
            one.id,
            one.incident,
            one.area_hash or "",
            one.lane == "emergency",
            one.is_danger,
            one.launched_at,
            one.follows is not None,
        )
        for one in items
        if one.is_in_force and one.status == "Actual" and one.area_hash and one.launched_at
    )
    return Situation(
        items,
        _sending(s, out) if out else {},
        coverage.of(s, covered),
        _opt_outs(s, now),
        tuple(OpenRequest(**row._mapping) for row in s.execute(text(_REQUESTS))),
        tuple(break_glass.open_reviews(s)),
        len(rows) > MOST,
    )


def asking(s: Session, now: datetime) -> list[Item]:
    """Return the alerts whose owners have to extend, update or close them."""
    found = [Item(**row._mapping) for row in _rows(s, now)]
    return [one for one in found if one.asks(now)]


def _rows(s: Session, now: datetime) -> Sequence[Any]:
    return s.execute(text(_ITEMS), {"now": now, "most": MOST + 1}).all()


def anything_written(s: Session) -> bool:
    """Whether any alert was ever written."""
    return bool(s.execute(text("SELECT EXISTS (SELECT FROM alerts)")).scalar_one())


@dataclass(frozen=True, slots=True)
class Begun:
    """What a city needs before its first alert, and whether it is there."""

    zones: bool
    residents: bool
    senders: bool
    second_person: bool


def begun(s: Session) -> Begun:
    """Return what is there. Each is the first row of an index."""
    row = s.execute(text(_BEGUN)).one()
    return Begun(*row)


_BEGUN = """
    SELECT EXISTS (SELECT FROM zones WHERE retired_at IS NULL), EXISTS (SELECT FROM subscribers LIMIT 1),
           EXISTS (SELECT FROM senders WHERE status = 'open'),
           (SELECT count(*) > 1 FROM operators WHERE disabled_at IS NULL AND role IN ('author', 'approver', 'admin'))
"""
_REQUESTS = """
    SELECT id, asked_by, source, danger, place, incident_id, received_at, decide_by,
           read_back_at IS NOT NULL AS read_back
      FROM warn_requests WHERE closed_at IS NULL ORDER BY received_at, id LIMIT 100
"""
_PROMISE = f"""coalesce({", ".join(f"a.blanks->>'{name}'" for name in PROMISES)})"""
# The condition on expires_at is that of an index: alerts that are over, most of them, are not read.
_ITEMS = f"""
    WITH open AS (
        SELECT a.* FROM alerts a WHERE a.expires_at > :now AND a.state NOT IN ('cancelled', 'expired')
         ORDER BY a.state = 'draft', a.id DESC LIMIT :most
    )
    SELECT {IN_INCIDENT}, a.created_by, cardinality(a.two_people) = 0 AS alone, a.area_hash,
           a.fanout_done_at IS NOT NULL AS resolved, {_PROMISE} AS promise
      FROM open a {LATER}
     ORDER BY a.lane = 'routine', a.launched_at DESC NULLS LAST, a.id DESC
"""  # noqa: S608  names of ours


def _sending(s: Session, alerts: Sequence[int]) -> dict[int, tuple[Sent, ...]]:
    rows = s.execute(
        text("""
            SELECT b.alert_id, b.channel, sum(b.size)::bigint AS messages,
                   coalesce(sum(b.size) FILTER (WHERE b.state = 'done'), 0)::bigint AS done, p.p95_at,
                   coalesce(sum(b.size) FILTER (WHERE b.state = 'held' AND NOT b.digest), 0)::bigint AS quiet,
                   min(b.held_until) FILTER (WHERE b.state = 'held' AND NOT b.digest) AS quiet_until,
                   coalesce(sum(b.size) FILTER (WHERE b.state = 'held' AND b.digest), 0)::bigint AS in_digests
              FROM batches b LEFT JOIN predictions p USING (alert_id, channel)
             WHERE b.alert_id = ANY(:alerts) GROUP BY 1, 2, p.p95_at ORDER BY 1, 2"""),
        {"alerts": list(alerts)},
    ).all()
    found: dict[int, list[Any]] = {alert: [] for alert in alerts}
    for alert_id, *of_channel in rows:
        found[alert_id].append(Sent(*of_channel))
    return {alert: tuple(sent) for alert, sent in found.items()}


def _opt_outs(s: Session, now: datetime) -> tuple[OptOuts, ...]:
    """Count the opt-outs of the last days, by an index of their own."""
    rows = s.execute(
        text("""SELECT floor(extract(epoch FROM CAST(:now AS timestamptz) - at) / 86400)::int AS days_ago, count(*)
                  FROM consents WHERE kind = 'opt-out' AND at > :since AND at <= :now GROUP BY 1"""),
        {"now": now, "since": now - timedelta(days=OPT_OUT_DAYS)},
    ).all()
    counted = {row[0]: row[1] for row in rows}
    return tuple(OptOuts(day, counted.get(day, 0)) for day in range(OPT_OUT_DAYS))
