"""What alerts of an outage's incident say that were not written at the desk. They are read as steps that nobody has
recorded: the public list and the desk must not contradict what residents were told, whoever wrote it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from notify.alerts.writing import told_before
from notify.content.blanks import read_duration
from notify.core.city_time import on_clock
from notify.core.settings import settings
from notify.models import Alert, OutageStep
from notify.models import Outage as Row
from notify.models.states import AlertState
from notify.service311.outages.steps import Act, State
from notify.service311.outages.words import EVENT
from zones.geometry import readable_areas


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`step`: what the alert says, not stored. `part`: it went to a part of those who were told. `newest`: the desk has
    recorded nothing since."""

    outage_id: int
    step: OutageStep
    alert: Alert
    part: bool
    newest: bool


def said(s: Session, told: Mapping[int, Sequence[Alert]]) -> list[Elsewhere]:
    """Return what was said elsewhere of outages, the oldest first. `told`: by outage, the alerts of its own steps."""
    later = exists().where(and_(OutageStep.outage_id == Row.id, OutageStep.at > Alert.launched_at))
    rows = s.execute(
        select(Row, Alert, ~later)
        .join(Alert, Alert.incident_id == Row.incident_id)
        .where(
            Row.id.in_([*told]),
            Alert.event == EVENT,
            Alert.status == "Actual",
            Alert.launched_at.is_not(None),
            Alert.follows.is_(None),  # one to who came later repeats another's words
            ~exists().where(OutageStep.alert_id == Alert.id),
        )
        .order_by(Alert.launched_at, Alert.id)
    ).all()
    own = [alert for row, _, _ in rows for alert in told[row.id]]
    shapes = [row.area for row, _, _ in rows] + [one.area for one in (*own, *(alert for _, alert, _ in rows))]
    areas = readable_areas(wkb for wkb in shapes if wkb is not None)
    return [
        Elsewhere(row.id, _step(row, alert), alert, not _to_all(row, alert, told[row.id], areas), newest)
        for row, alert, newest in rows
        if alert.area in areas and row.area in areas and alert.blanks.get("utility") == row.utility
    ]


def _to_all(row: Row, alert: Alert, own: Iterable[Alert], areas: Mapping[bytes, BaseGeometry]) -> bool:
    """Whether an alert leaves out nobody. An all-clear ends the outage if it went to all of its area; else those who
    were told count: a part that was added and not told yet needs no correction."""
    heard = [areas[one.area or b""] for one in own if one.area in areas and _is_before(one, alert)]
    everybody = areas[row.area] if alert.phase == "all-clear" or not heard else shapely.union_all(heard)
    return told_before.covers(areas[alert.area or b""], everybody)


def _is_before(one: Alert, alert: Alert) -> bool:
    at, then = one.launched_at, alert.launched_at
    return at is not None and then is not None and at <= then and one.state is not AlertState.CANCELLED


def _step(row: Row, alert: Alert) -> OutageStep:
    begins_at, back_at = _time(alert, "starts"), _time(alert, "restore_by")
    if alert.phase == "all-clear":
        act, state, begins_at, back_at = Act.RESTORE, State.RESTORED, None, None
    elif alert.blanks.get("news") == "postponed":
        act, state, begins_at, back_at = Act.POSTPONE, State.POSTPONED, None, None
    elif begins_at is not None:
        act = Act.REMIND if alert.blanks.get("news") == "reminder" else Act.NOTICE
        state = State.REMINDED if act is Act.REMIND else State.NOTICED
        back_at = back_at or _after(begins_at, alert)
    else:
        act, state, begins_at = Act.ESTIMATE, State.OUT, row.begins_at
    return OutageStep(
        outage_id=row.id, at=alert.launched_at, act=act, state=state, begins_at=begins_at, back_at=back_at,
        alert_id=alert.id,
    )  # fmt: skip


def _time(alert: Alert, blank: str) -> datetime | None:
    """Return the time in a blank; None without one, or for one that cannot be read: it keeps no page from showing."""
    given = alert.blanks.get(blank)
    try:
        return on_clock(datetime.fromisoformat(given), settings().tz) if given else None
    except ValueError:
        return None


def _after(begins_at: datetime, alert: Alert) -> datetime | None:
    given = alert.blanks.get("lasts")
    try:
        return begins_at + read_duration(given) if given else None
    except ValueError:
        return None
