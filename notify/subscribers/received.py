"""Why a resident got an alert, and why not: answered from the deliveries, and where there is none, from their places.

Everything that a delivery says is shown as it stands there; nothing is guessed from what the resident chose since.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session, load_only

from notify.core import points
from notify.core.errors import NotFound, Unavailable
from notify.core.translation import gettext as _
from notify.models import Alert, Place, Subscriber
from notify.subscribers import received_words, record
from notify.subscribers.received_words import Cause, Reader
from zones.geometry import readable_areas
from zones.membership import Membership

MOST = 30  # messages shown, the newest first
NEAR_WITHIN = timedelta(days=30)  # in which alerts near the places are searched for
NEAR_MOST = 20  # of them are shown
AT_ONCE = 50  # areas read in one query: one may have many thousand corners

Located = tuple[Place, tuple[float, float]]  # a place, and its longitude and latitude


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message of an alert to one of the resident's contacts, or one that was left out.

    `contact`: masked. `subject`, `words`: exactly as sent, but for what came together with others; "" if it was not
    written for them. `became`, `why`: sentences. `change`: the part of the resident's page where they change it; "" if
    they cannot. `place`: the label of a place of theirs in the area now, "" for none. `everywhere`: they have none at
    all, and it went to the whole city. `held_until`: when it goes out, if it is held.
    """

    alert_id: int
    topic: str
    status: str
    launched_at: datetime
    channel: str
    contact: str
    subject: str
    words: str
    state: str
    became: str
    why: str
    change: str
    at: datetime | None
    place: str
    everywhere: bool
    held_until: datetime | None

    @property
    def reached(self) -> bool:
        return self.state not in {"skipped", "cancelled", "expired", "failed", "undelivered"}


@dataclass(frozen=True, slots=True)
class Missed:
    """An alert for an area with one of the resident's places or, if they have none, to the whole city, of which nothing
    was sent to any contact of theirs."""

    alert_id: int
    topic: str
    launched_at: datetime
    place: str
    why: str
    change: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`more`: there are more alerts near the places than `missed`."""

    received: Sequence[Received]
    missed: Sequence[Missed]
    more: bool


def read(
    s: Session,
    subscriber_id: int,
    now: datetime,
    within: timedelta = NEAR_WITHIN,
    *,
    where: bool = True,
    theirs: Sequence[Place] | None = None,
    reader: Reader = "resident",
) -> Answer:
    """Return the last messages to a resident, and the alerts near their places that they did not get, `within` which
    time. `where`: with `Received.place` and `everywhere`. `theirs`: all of their places, if the caller has read them.
    `reader`: to whom the sentences speak. Raises NotFound once they are erased."""
    resident = s.get(Subscriber, subscriber_id)
    if resident is None or resident.erased_at is not None:
        raise NotFound(_("You are not signed up any more."), hint=_("Join again to get messages."))
    given = {"id": subscriber_id, "since": resident.created_at, "most": MOST}
    rows = s.execute(text(_MESSAGES), given).all()
    theirs = theirs if theirs is not None else _places(s, resident.id)
    places = [(one, point) for one in theirs if (point := _point(one)) is not None]
    shown = {row.id for row in rows} if where else set()
    inside = {alert.id: near for alert, near in _near(s, shown, places)}
    everywhere = {alert.id for alert in _to_whole_city(s, shown)} if not theirs else set()
    missed = list(islice(_missed(s, resident, places, now - within, reader, placeless=not theirs), NEAR_MOST + 1))
    return Answer(
        [_received(row, inside.get(row.id, ()), everywhere, reader) for row in rows],
        missed[:NEAR_MOST],
        len(missed) > NEAR_MOST,
    )


def _received(row: Any, near: Sequence[Place], everywhere: Collection[int], reader: Reader) -> Received:
    reason = "merged" if row.carries else row.reason
    why, change = received_words.why(reason, reader) if reason else ("", "")
    return Received(
        alert_id=row.id,
        topic=row.topic,
        status=row.status,
        launched_at=row.launched_at,
        channel=row.channel,
        contact=record.shown(row.channel, row.address_sealed),
        subject=row.subject or "",
        words=row.words or "",
        state=row.state,
        became=received_words.became(row.state, row.reason, reader),
        why=why,
        change=change,
        at=row.settled_at or row.sent_at,
        place=near[0].label if near else "",
        everywhere=row.id in everywhere,
        held_until=row.held_until if row.state == "held" else None,
    )


def _missed(
    s: Session, resident: Subscriber, places: Sequence[Located], after: datetime, reader: Reader, *, placeless: bool
) -> Iterator[Missed]:
    """Find alerts for areas with one of the resident's places, of which none of their contacts has a delivery, the
    newest first."""
    if not places and not placeless:
        return
    alerts = s.execute(text(_OTHERS), {"id": resident.id, "after": after}).all()
    channels = {channel for row in alerts[:1] for channel in row.channels}
    ids = [row.id for row in alerts]
    for some in (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)):
        there: Iterable[tuple[Alert, Sequence[Place]]] = _near(s, some, places)
        if placeless:
            there = ((alert, ()) for alert in _to_whole_city(s, some))
        for alert, near in there:
            cause, change = _why_none(alert, resident, channels, near)
            why = received_words.why_none(cause, reader)
            label = near[0].label if near else _("the whole city")
            assert alert.launched_at is not None  # noqa: S101  it was asked for
            yield Missed(alert.id, alert.topic.value, alert.launched_at, label, why, change)


def _to_whole_city(s: Session, alerts: Collection[int]) -> Sequence[Alert]:
    """Return those of these alerts that went to the whole city, the newest first."""
    if not alerts:
        return []
    asked = select(Alert).options(_USED).where(Alert.id.in_(alerts), Alert.whole_city)
    return s.scalars(asked.order_by(Alert.launched_at.desc(), Alert.id.desc())).all()


def _near(s: Session, alerts: Collection[int], places: Sequence[Located]) -> Iterator[tuple[Alert, Sequence[Place]]]:
    """Return those of these alerts in whose area some of the places lie, the newest first, with these places."""
    if not places or not alerts:
        return
    asked = select(Alert).options(_USED).where(Alert.id.in_(alerts))
    found = s.scalars(asked.order_by(Alert.launched_at.desc(), Alert.id.desc())).all()
    areas = readable_areas({one.area for one in found if one.area is not None})
    lon, lat = np.array([point for _one, point in places]).T
    radius_m = np.array([one.radius_m for one, _point in places], dtype=np.float64)
    # Several alerts may have one area, such as those of one incident.
    inside = {kept: Membership(area).inside(lon, lat, radius_m) for kept, area in areas.items()}
    for alert in found:
        if alert.area is not None and alert.area in areas:
            near = [one for (one, _point), there in zip(places, inside[alert.area], strict=True) if there]
            if near:
                yield alert, near


def _why_none(
    alert: Alert, resident: Subscriber, channels: Collection[str], near: Sequence[Place]
) -> tuple[Cause, str]:
    assert alert.launched_at is not None  # noqa: S101
    if resident.created_at > alert.launched_at:
        return "joined later", ""
    if near and all(one.created_at > alert.launched_at for one in near):
        return "place later", ""
    if not set(channels) & set(alert.channels):
        return "other ways", "how"
    if alert.follows is not None:
        return "follow-up", ""
    return ("unresolved" if alert.fanout_done_at is None else "unknown"), ""


def _places(s: Session, subscriber_id: int) -> Sequence[Place]:
    return s.scalars(select(Place).where(Place.subscriber_id == subscriber_id).order_by(Place.id)).all()


def _point(place: Place) -> tuple[float, float] | None:
    try:
        return points.open_one(place.subscriber_id, place.point_sealed)
    except Unavailable:
        return None  # a damaged one is nowhere


# Of an alert what is used here: its words are large.
_USED = load_only(
    Alert.topic, Alert.launched_at, Alert.area, Alert.channels, Alert.follows, Alert.fanout_done_at, raiseload=True
)
_OTHERS = """
    SELECT a.id, ARRAY(SELECT DISTINCT channel FROM contacts WHERE subscriber_id = :id) AS channels FROM alerts a
     WHERE a.launched_at > :after AND a.status = 'Actual' AND a.area IS NOT NULL
       AND NOT EXISTS (SELECT FROM contacts c JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, c.id)
                        WHERE c.subscriber_id = :id)
     ORDER BY a.launched_at DESC, a.id DESC
"""
_MESSAGES = f"""
    SELECT a.id, a.topic::text, a.status, a.launched_at, c.channel, c.address_sealed, d.state::text AS state, d.reason,
           d.sent_at, d.settled_at, b.held_until, x.subject, x.text AS words,
           d.reason IS NULL AND EXISTS (SELECT FROM merged m WHERE m.carrier_id = d.id) AS carries
      FROM alerts a CROSS JOIN contacts c JOIN deliveries d ON (d.alert_id, d.contact_id) = (a.id, c.id)
      JOIN subscribers r ON r.id = c.subscriber_id LEFT JOIN batches b ON b.id = d.batch_id
      LEFT JOIN contents x
        ON (x.alert_id, x.channel, x.language, x.wording) = (b.alert_id, b.channel, b.language, b.wording)
     WHERE r.id = :id AND a.launched_at IS NOT NULL AND a.expires_at > :since AND {record.IS_THEIRS}
     ORDER BY a.launched_at DESC, a.id DESC, c.id LIMIT :most
"""  # noqa: S608  a constant of ours
