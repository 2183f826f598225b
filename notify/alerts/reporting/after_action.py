"""The after-action report of an alert: the request to warn, when each step happened, who was reached by channel,
language and zone, what was promised, and what everybody did. The page, the PDF, the CSV and the JSON all show this one
value.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import warn_requests
from notify.alerts.listing import LATER
from notify.alerts.reporting import history, reports, zone_reach
from notify.alerts.reporting.history import Step
from notify.alerts.reporting.reports import Progress
from notify.alerts.reporting.zone_reach import ZoneReach
from notify.alerts.warn_requests import Record
from notify.alerts.writing import wordings
from notify.city.outline import Outline, in_city
from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.models import Alert, Operator

POINTS = 60  # of the curve
REACHED = ("delivered", "accepted")  # a provider that sends no receipts leaves its messages accepted


@dataclass(frozen=True, slots=True)
class Milestone:
    """`after_s`: seconds since the launch; None before it, or if it did not happen."""

    name: str
    at: datetime | None
    after_s: float | None


@dataclass(frozen=True, slots=True)
class Reach:
    """Contacts in an audience, or a part of it: reached, failed and left out add up to `total` with those to come."""

    total: int
    reached: int
    failed: int
    left_out: int

    @property
    def to_come(self) -> int:
        return self.total - self.reached - self.failed - self.left_out


@dataclass(frozen=True, slots=True)
class Curve:
    """How many messages of each channel had left after `step_s`, 2 x `step_s`, and so on since the launch."""

    step_s: float
    left: dict[str, tuple[int, ...]]

    @property
    def top(self) -> int:
        """The upper end of its scale, the next of 1, 2, 4, 10, 20, 40, 100 and so on: half of it is a whole number."""
        most, scale = max((left[-1] for left in self.left.values()), default=0), 1
        while most > 4 * scale:
            scale *= 10
        return next(scale * step for step in (1, 2, 4) if most <= scale * step)

    @property
    def ticks(self) -> tuple[int, ...]:
        """The numbers of messages on its scale."""
        return (0, self.top // 2, self.top) if self.top > 1 else (0, 1)


@dataclass(frozen=True, slots=True)
class Kin:
    """The alerts of the incident just before and after one, as in `listing.InIncident`. `supersedes`: what was in force
    until then; `before_as`: what the alert is to it: "corrects", "updates" or "ends"."""

    before_as: str
    supersedes: int | None
    follows: int | None
    superseded_by: int | None
    ended_by: int | None
    left_in: list[str] | None
    unsaid: bool


@dataclass(frozen=True, slots=True)
class AfterAction:
    """`requests`: the requests to warn that the alert answered. `drawing`: of its area, which is in no table."""

    progress: Progress
    kin: Kin
    requests: tuple[Record, ...]
    milestones: tuple[Milestone, ...]
    whole: Reach
    channels: dict[str, Reach]
    languages: dict[str, Reach]
    zones: tuple[ZoneReach, ...]
    curve: Curve
    steps: tuple[Step, ...]
    words: tuple[dict[str, str], ...]
    drawing: Outline | None

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON; the numbers of `progress` as REST gives them."""
        values: dict[str, Any] = reports.as_json(asdict(self))
        del values["drawing"]
        return values | {"progress": self.progress.as_json()}


def read(s: Session, alert_id: int, by: Operator | None, now: datetime) -> AfterAction:
    """Read the report of an alert that was launched. `by`: None on the command line of a training stack.

    Raises NotAllowed for an operator who may not know exactly who was reached; NotFound; Refused before the launch.
    """
    if by is not None:
        operators.require(by, "count")
    alert = reports.find_alert(s, alert_id)
    if alert.launched_at is None:
        raise Refused(
            _("Alert %(alert)s has not been launched.", alert=alert_id),
            hint=_("It has a report from its launch on."),
        )
    return of(s, alert, now)


def of(s: Session, alert: Alert, now: datetime) -> AfterAction:
    """Build the report of an alert that was launched, for itself or as a part of its incident's."""
    progress = reports.progress(s, alert.id)
    named = wordings.labels(s, alert.id)
    requests = warn_requests.records(s, [alert.id])
    return AfterAction(
        progress,
        kin(s, alert),
        requests,
        _milestones(s, alert, progress, requests),
        _sum(progress.deliveries),
        {channel: _sum(states) for channel, states in progress.channels_by_state.items()},
        _languages(s, alert.id),
        zone_reach.reach(s, alert, zone_reach.residents(s, alert, now)),
        _curve(s, alert, progress),
        tuple(sorted([*history.steps(s, alert.id), *_zones_taken(s, alert)], key=lambda one: one.at)),
        tuple(
            {
                "channel": one.channel,
                "language": one.language,
                "parts": named.get(one.wording, ""),
                "subject": one.subject,
                "text": one.text,
            }
            for one in reports.words(s, alert.id)
        ),
        None if alert.area is None else in_city(s, alert.area),
    )


def kin(s: Session, alert: Alert) -> Kin:
    """Find what an alert is to those of its incident."""
    before_as = "corrects" if alert.corrects else "ends" if alert.phase == "all-clear" else "updates"
    found = s.execute(text(_KIN), {"alert": alert.id}).one()
    return Kin(before_as, **found._mapping)


_KIN = f"""
    SELECT CASE WHEN a.follows IS NULL THEN earlier.id END AS supersedes, a.follows,
           later.superseded_by, later.ended_by, later.left_in,
           coalesce(later.unsaid, false) AS unsaid
      FROM alerts a {LATER} LEFT JOIN LATERAL (
           SELECT l.id FROM alerts l
            WHERE l.incident_id = a.incident_id AND l.status = a.status AND l.follows IS NULL
              AND (l.launched_at, l.id) < (a.launched_at, a.id)
              AND (l.phase <> 'all-clear' OR a.phase = 'all-clear' AND a.corrects)
              AND (a.phase <> 'all-clear' OR a.corrects OR l.id = ANY (a.told_before)
                   OR EXISTS (SELECT FROM standings t WHERE t.alert_id = l.id AND t.ended_by = a.id))
            ORDER BY l.launched_at DESC, l.id DESC LIMIT 1) AS earlier ON true
     WHERE a.id = :alert
"""  # noqa: S608  names of ours


def _zones_taken(s: Session, alert: Alert) -> list[Step]:
    """Who took or released a zone of the incident, from the writing of the alert until a later one was launched."""
    rows = s.execute(
        text("""SELECT u.at, u.action, o.email AS who, z.name AS zone FROM audit u
                  LEFT JOIN operators o ON o.id = u.operator_id JOIN zones z ON z.id = CAST(u.detail->>'zone' AS bigint)
                 WHERE u.subject = 'incident' AND u.subject_id = :incident AND u.action IN ('claim', 'release')
                   AND u.at >= :written AND u.at < coalesce(
                       (SELECT min(launched_at) FROM alerts WHERE incident_id = :incident AND launched_at > :launched),
                       'infinity')
                 ORDER BY u.id"""),
        {"incident": alert.incident_id, "written": alert.created_at, "launched": alert.launched_at},
    )
    return [Step(**row._mapping) for row in rows]


def _sum(states: dict[str, int]) -> Reach:
    left_out = sum(states.get(state, 0) for state in ("skipped", "cancelled", "expired"))
    failed = sum(states.get(state, 0) for state in ("failed", "undelivered"))
    return Reach(sum(states.values()), sum(states.get(state, 0) for state in REACHED), failed, left_out)


def _milestones(s: Session, alert: Alert, progress: Progress, requests: tuple[Record, ...]) -> tuple[Milestone, ...]:
    half, most, asked = s.execute(
        text("""SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY sent_at),
                       percentile_disc(0.95) WITHIN GROUP (ORDER BY sent_at),
                       (SELECT min(made_at) FROM direct_messages WHERE alert_id = :alert AND kind = 'ask')
                  FROM deliveries WHERE alert_id = :alert AND sent_at IS NOT NULL"""),
        {"alert": alert.id},
    ).one()
    at = {
        "requested": min((one.received_at for one in requests), default=None),
        "read back": min((one.read_back_at for one in requests if one.read_back_at), default=None),
        "written": alert.created_at,
        "approval asked for": asked,
        "approved": alert.approved_at,
        "launched": alert.launched_at,
        "first message": progress.first_sent_at,
        "50 % sent": half,
        "95 % sent": most,
        "last message": progress.last_sent_at,
        "finished": alert.finished_at,
    }
    return tuple(Milestone(name, moment, _after_s(alert, moment)) for name, moment in at.items())


def _after_s(alert: Alert, moment: datetime | None) -> float | None:
    if moment is None or alert.launched_at is None or moment < alert.launched_at:
        return None
    return (moment - alert.launched_at).total_seconds()


# As in `reports`, batches give the language, and only deliveries without one need their residents.
_LANGUAGES = """
    WITH counted AS (
        SELECT b.language, d.state, count(*) AS n
          FROM deliveries d JOIN batches b ON b.id = d.batch_id WHERE d.alert_id = :alert GROUP BY b.id, d.state
         UNION ALL
        SELECT coalesce(r.language, ''), d.state, 1
          FROM deliveries d JOIN contacts c ON c.id = d.contact_id LEFT JOIN subscribers r ON r.id = c.subscriber_id
         WHERE d.alert_id = :alert AND d.batch_id IS NULL
    )
    SELECT language, counted.state::text AS state, CAST(sum(n) AS bigint) AS n FROM counted GROUP BY 1, 2 ORDER BY 1, 2
"""


def _languages(s: Session, alert_id: int) -> dict[str, Reach]:
    """The reach by language; "" for the city's own timelines that got nothing."""
    counts: dict[str, dict[str, int]] = {}
    for row in s.execute(text(_LANGUAGES), {"alert": alert_id}):
        counts.setdefault(row.language, {})[row.state] = row.n
    return {language: _sum(states) for language, states in counts.items()}


def _curve(s: Session, alert: Alert, progress: Progress) -> Curve:
    """The messages that had left at up to POINTS moments between the launch and the last message."""
    assert alert.launched_at is not None  # noqa: S101  only launched alerts have a report
    last = progress.last_sent_at or alert.launched_at + timedelta(seconds=1)
    step_s = max((last - alert.launched_at).total_seconds() / (POINTS - 1), 0.1)
    left = {channel: [0] * POINTS for channel in alert.channels}
    rows = s.execute(
        text("""SELECT b.channel, floor(extract(epoch FROM d.sent_at - :launched) / :step)::int AS slot, count(*) AS n
                  FROM deliveries d JOIN batches b ON b.id = d.batch_id
                 WHERE d.alert_id = :alert AND d.sent_at IS NOT NULL GROUP BY 1, 2"""),
        {"alert": alert.id, "launched": alert.launched_at, "step": step_s},
    )
    for row in rows:
        left.setdefault(row.channel, [0] * POINTS)[min(max(row.slot, 0), POINTS - 1)] += row.n
    return Curve(step_s, {channel: tuple(np.cumsum(counts).tolist()) for channel, counts in left.items()})
