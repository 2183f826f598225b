"""Read-only reports on alerts, shared by the API, the command line and the console."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.alerts import counts, listing
from notify.alerts.counts import Count, RunningCount
from notify.alerts.listing import AlertSummary, Listed
from notify.core import alarms, db, reasons, states
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Alert, Batch, Prediction, StoredContent
from notify.models.states import BatchState, DeliveryState


@dataclass(frozen=True, slots=True)
class AudienceCounts:
    """Contacts in the area: how many will be written to on each channel, and why the others are left out."""

    total: int
    by_channel: dict[str, int]
    skipped: dict[str, int]


FEW_SECONDS = 60  # for a short alert, a few seconds would be an alarming percentage


@dataclass(frozen=True, slots=True)
class Forecast:
    """When 95 % of a channel's messages were expected to have left, and when they had. None: never, or not yet.

    `error`: the deviation as a fraction of the planned time from the launch; positive when it took longer.
    """

    channel: str
    messages: int
    p95_at: datetime | None
    was_p95_at: datetime | None
    error: float | None

    @property
    def against_plan(self) -> str | None:
        """The deviation in words: `5 s later than planned`, or from a minute on in percent of the planned time."""
        if self.p95_at is None or self.was_p95_at is None or self.error is None:
            return None
        late_s = int(self.was_p95_at.timestamp()) - int(self.p95_at.timestamp())  # as the two are shown
        percent = round(100 * abs(self.error))
        if not late_s or not percent:
            return _("as planned")
        if abs(late_s) < FEW_SECONDS:
            later, earlier = gettext_noop("%(s)s s later than planned"), gettext_noop("%(s)s s earlier than planned")
            return _(later if late_s > 0 else earlier, s=abs(late_s))
        longer, less = (
            gettext_noop("%(percent)s %% longer than planned"),
            gettext_noop("%(percent)s %% less than planned"),
        )
        return _(longer if late_s > 0 else less, percent=percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(AlertSummary):
    """The progress of an alert. Counts are of deliveries; times are aware, in UTC.

    `joined_later`: those of the audience who joined, or added a place, after it was worked out, and were written to.
    `replaces`: the draft in whose place it was made, which was cancelled for it. `replaced_by`: the other way round.
    """

    blanks: dict[str, Any]
    replaces: int | None
    replaced_by: int | None
    channels: tuple[str, ...]
    area_hash: str | None
    approved_at: datetime | None
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    finished_at: datetime | None
    resolved: bool
    audience: AudienceCounts
    joined_later: int
    deliveries: dict[str, int]
    channels_by_state: dict[str, dict[str, int]]
    reasons: dict[str, dict[str, int]]
    reason_words: dict[str, str]  # reason -> what it means
    forecast: tuple[Forecast, ...]  # by channel, once the audience is known
    held_until: datetime | None  # when the first of those that are held may go out

    @property
    def ended(self) -> bool:
        """Whether nothing more goes out: the alert is over, and no delivery of it is queued or held."""
        left = self.deliveries[DeliveryState.QUEUED] + self.deliveries[DeliveryState.HELD]
        return self.state in states.FINISHED and not left

    @property
    def rests(self) -> bool:
        """Whether all that is left is held until a later hour: quiet hours may last the whole night."""
        busy = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
        return self.resolved and self.held_until is not None and not any(self.deliveries[state] for state in busy)

    @property
    def is_counted(self) -> bool:
        """Whether the audience has been counted: not before the launch, nor in the moments after it."""
        return self.resolved or self.audience.total > 0

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON: times in ISO 8601; an audience that is not counted yet is empty."""
        values: dict[str, Any] = as_json(asdict(self))
        return values if self.is_counted else values | {"audience": {"total": None, "by_channel": {}, "skipped": {}}}


def as_json(value: Any) -> Any:
    """The value with all times in it, however deep, in ISO 8601."""
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {key: as_json(one) for key, one in value.items()}
        case list() | tuple():
            return [as_json(one) for one in value]
    return value


def find_alert(s: Session, alert_id: int, *, lock: bool = False) -> Alert:
    """The alert with this id; with `lock`, as it is now, and locked until the transaction ends. Raises NotFound."""
    alert = s.get(Alert, alert_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock)
    if alert is None:
        raise NotFound(
            _("There is no alert %(alert)s.", alert=alert_id), hint="`tocsin alert list` shows the newest alerts."
        )
    return alert


def progress(s: Session, alert_id: int, running: RunningCount | None = None) -> Progress:
    """The numbers of one alert, counted from its deliveries; with `running`, from those that it counts again.

    Raises NotFound.
    """
    alert = find_alert(s, alert_id)
    rows = running.of(s, alert) if running else counts.of(s, alert)
    skipped = [row for row in rows if row.state == DeliveryState.SKIPPED]
    firsts = [row.first_sent for row in rows if row.first_sent]
    lasts = [row.last_sent for row in rows if row.last_sent]
    by_channel = dict.fromkeys(alert.channels, 0) | _sum(rows, "channel", besides=skipped)
    return Progress(
        id=alert.id,
        incident=alert.incident_id,
        event=alert.event,
        phase=alert.phase,
        status=alert.status,
        severity=alert.severity,
        urgency=alert.urgency,
        certainty=alert.certainty,
        lane=alert.lane.value,
        state=alert.state.value,
        blanks=dict(alert.blanks),
        replaces=alert.rewrites,
        replaced_by=s.scalar(select(Alert.id).where(Alert.rewrites == alert.id)),
        channels=tuple(alert.channels),
        area_description=alert.area_description,
        area_names=dict(alert.area_names),
        area_hash=alert.area_hash,
        created_at=alert.created_at,
        approved_at=alert.approved_at,
        launch_at=alert.launch_at,
        launched_at=alert.launched_at,
        first_sent_at=min(firsts, default=None),
        last_sent_at=max(lasts, default=None),
        finished_at=alert.finished_at,
        expires_at=alert.expires_at,
        resolved=alert.fanout_done_at is not None,
        audience=AudienceCounts(alert.audience_total, by_channel, _sum(skipped, "reason")),
        joined_later=alert.joined_later,
        deliveries={state.value: 0 for state in DeliveryState} | _sum(rows, "state"),
        channels_by_state={c: _sum([r for r in rows if r.channel == c], "state") for c in by_channel},
        forecast=_forecast(s, alert),
        held_until=_held_until(s, alert_id) if any(row.state == DeliveryState.HELD for row in rows) else None,
        reasons=_reasons(rows),
        reason_words={row.reason: reasons.sentence(row.reason) for row in rows if row.reason},
    )


def _sum(rows: Sequence[Count], column: str, besides: Sequence[Count] = ()) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        if row not in besides:
            counts[getattr(row, column)] = counts.get(getattr(row, column), 0) + row.number
    return counts


def _reasons(rows: Sequence[Count]) -> dict[str, dict[str, int]]:
    """State -> reason -> count, for deliveries that have a reason."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.reason:
            of_state = found.setdefault(row.state, {})
            of_state[row.reason] = of_state.get(row.reason, 0) + row.number
    return found


def _forecast(s: Session, alert: Alert) -> tuple[Forecast, ...]:
    kept = s.scalars(select(Prediction).where(Prediction.alert_id == alert.id).order_by(Prediction.channel))
    return tuple(
        Forecast(one.channel, one.messages, one.p95_at, one.was_p95_at, _error(alert, one.p95_at, one.was_p95_at))
        for one in kept
    )


def _held_until(s: Session, alert_id: int) -> datetime | None:
    return s.scalar(
        select(func.min(Batch.held_until)).where(Batch.alert_id == alert_id, Batch.state == BatchState.HELD)
    )


def _error(alert: Alert, said: datetime | None, was: datetime | None) -> float | None:
    if alert.launched_at is None or said is None or was is None or said <= alert.launched_at:
        return None
    return (was - said) / (said - alert.launched_at)


def words(s: Session, alert_id: int) -> Sequence[StoredContent]:
    """The words of an alert, by wording, channel and language."""
    return s.scalars(
        select(StoredContent)
        .where(StoredContent.alert_id == alert_id)
        .order_by(StoredContent.wording, StoredContent.channel, StoredContent.language)
    ).all()


def recent_alerts(s: Session, most: int = 50) -> Sequence[Listed]:
    """The newest alerts first. One that cannot be read is left out and rings an alarm, so that it hides no others."""
    opened = db.raw(s)
    try:
        return listing.newest(opened, most)
    except psycopg.DataError:
        ids = s.scalars(select(Alert.id).order_by(Alert.id.desc()).limit(most)).all()
        return [found for alert_id in ids if (found := _readable(s, alert_id))]


def _readable(s: Session, alert_id: int) -> Listed | None:
    try:
        return listing.one(db.raw(s), alert_id)
    except psycopg.DataError:
        alarms.sound(
            s,
            alarms.UNREADABLE_ROW,
            f"Alert {alert_id} cannot be read: a time in its row is out of range. Correct it in the database.",
            datetime.now(UTC),
            alert_id=alert_id,
        )
        return None
