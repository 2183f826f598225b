"""Forecast how long an alert will take, before its launch."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.audience import Audience, Places
from notify.channels.channel import timelines
from notify.core import quiet_time
from notify.core.city_time import shown
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import usage
from notify.delivery.send_simulation import SendCurve, SimulatedSender, messages_per_s, simulate
from notify.delivery.usage import CAP_DAY
from notify.models import Alert, Lane
from zones.geometry import from_wkb
from zones.membership import Membership

Costs = Mapping[str, Mapping[str, int]]  # tokens of a message, by channel and language
MOST = 0.95  # the share of messages that forecasts are about: the last few may be retried


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one sender in a channel's messages."""

    sender_id: int
    address: str
    messages: int
    per_s: float


@dataclass(frozen=True, slots=True)
class ZoneTime:
    """When the share `MOST` of the messages to a zone's residents will have left. None: never."""

    zone: str
    messages: int
    p95_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """One channel. `ahead`: messages of other alerts that go before our last; `in_time`: those of ours that leave
    before the alert expires; `capped`: a sender has a daily cap. Times aware, UTC; None: never."""

    channel: str
    messages: int
    ahead: int
    half_at: datetime | None
    p95_at: datetime | None
    done_at: datetime | None
    in_time: int
    capped: bool
    senders: tuple[Share, ...]
    zones: tuple[ZoneTime, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The forecast of a launch at `at`. `warnings`: sentences to read before launching."""

    alert: int
    at: datetime
    audience: Audience
    channels: tuple[ChannelPlan, ...]
    warnings: tuple[str, ...]


def plan(s: Session, alert: Alert, now: datetime, without: Collection[int] = ()) -> Plan:
    """Forecast an alert launched at its scheduled time, or else now. Raises Refused without an area.

    `without`: senders that fail now (`sender_status.failing`). What only they could send is not promised.
    """
    at = max(now, alert.launch_at) if alert.launch_at else now
    area = audience.membership(alert)
    places = audience.places_inside(s, area, now)
    residents = audience.residents_of(s, area, places, now)
    reached = audience.count(s, alert, residents, now)
    begins = _begins(s, alert, at)
    zones = [(name, _residents(places, shape)) for name, shape in _zones(s, alert)]
    channels = tuple(
        channel_plan(s, alert, name, reached.languages.get(name, {}), begins[name], residents, zones, without=without)
        for name in alert.channels
    )
    return Plan(alert.id, at, reached, channels, tuple(_warnings(channels, alert, begins, at)))


def plan_for(s: Session, alert: Alert, reached: Audience, now: datetime, without: Collection[int] = ()) -> Plan:
    """Do the same for an audience that is counted already, without the times of zones."""
    found = channels(s, alert, reached, now, without=without)
    at = max(now, alert.launch_at) if alert.launch_at else now
    return Plan(alert.id, at, reached, found, tuple(_warnings(found, alert, _begins(s, alert, at), at)))


def channels(
    s: Session,
    alert: Alert,
    reached: Audience,
    now: datetime,
    costs: Costs | None = None,
    without: Collection[int] = (),
) -> tuple[ChannelPlan, ...]:
    """Forecast the channels for an audience that is known already, without zones.

    `costs`: those of an alert whose words are not stored, such as one that is being written. `without`: as in `plan`.
    """
    at = max(now, alert.launch_at) if alert.launch_at else now
    begins = _begins(s, alert, at)
    return tuple(
        channel_plan(s, alert, name, reached.languages.get(name, {}), begins[name], costs=costs, without=without)
        for name in alert.channels
    )


def quiet_until(s: Session, alert: Alert, at: datetime) -> datetime | None:
    """Return until when a routine alert to residents waits in the city's quiet time; None if it does not, as one that
    ends or corrects an emergency. Those who chose other hours, or were not told of the emergency, are planned like all
    others."""
    if alert.lane is not Lane.ROUTINE or all(timelines([name]) for name in alert.channels):
        return None
    return None if audience.emergencies(s, alert) else quiet_time.until(at, settings().quiet, settings().tz)


def _begins(s: Session, alert: Alert, at: datetime) -> dict[str, datetime]:
    """Return when messages may leave, by channel."""
    end = quiet_until(s, alert, at)
    return {name: at if timelines([name]) else end or at for name in alert.channels}


def quiet_words(until: datetime, expires_at: datetime) -> str:
    """Return the sentence that says until when messages to residents wait."""
    told = shown(until, settings().tz)
    if until >= expires_at:
        return _("Residents have quiet hours until %(until)s, and the alert expires before that.", until=told)
    return _("Residents have quiet hours until %(until)s: messages to them wait until then.", until=told)


def channel_plan(
    s: Session,
    alert: Alert,
    channel: str,
    languages: dict[str, int],
    at: datetime,
    residents: NDArray[np.int64] | None = None,
    zones: Sequence[tuple[str, NDArray[np.int64]]] = (),
    costs: Costs | None = None,
    without: Collection[int] = (),
) -> ChannelPlan:
    """Forecast one channel for `languages`: how many messages in each."""
    cost_of = _stored_costs(s, alert.id, channel) if costs is None else costs.get(channel, {})
    by_cost = _by_cost(cost_of, languages)
    messages = sum(languages.values())
    mean_cost = sum(cost * n for cost, n in by_cost.items()) / messages if messages else 1.0
    senders = _open_senders(s, channel, by_cost, mean_cost, at, without)
    ahead = _ahead(s, alert, channel, messages * mean_cost) / mean_cost
    curve = simulate(senders, ahead, messages, at)
    return ChannelPlan(
        channel=channel,
        messages=messages,
        ahead=round(ahead),
        half_at=curve.moment(messages / 2),
        p95_at=curve.moment(messages * MOST),
        done_at=curve.moment(messages),
        in_time=min(messages, math.floor(curve.left_by(alert.expires_at) + 1e-6)),
        capped=any(sender.a_day is not None for sender in senders),
        senders=tuple(Share(x.sender_id, x.address, round(curve.by_sender[x.sender_id]), x.per_s) for x in senders),
        zones=tuple(_zone(name, ids, residents, messages, curve) for name, ids in zones)
        if residents is not None
        else (),
    )


def _zone(
    name: str, ids: NDArray[np.int64], all_ids: NDArray[np.int64] | None, messages: int, curve: SendCurve
) -> ZoneTime:
    """Residents get their messages in the order of their ids, so a zone is done when its higher ids are."""
    assert all_ids is not None  # noqa: S101
    ids = ids[np.isin(ids, all_ids)]  # part of a zone may be left out of the area
    if not len(ids):
        return ZoneTime(name, 0, curve.began)
    places = (np.searchsorted(all_ids, ids) + 1) / len(all_ids)
    late = float(np.quantile(places, MOST))
    return ZoneTime(name, round(messages * len(ids) / len(all_ids)), curve.moment(messages * late))


def _residents(places: Places, zone: bytes) -> NDArray[np.int64]:
    """Return the residents with one of these places in a zone. Places are read once for all zones of an alert."""
    return np.unique(places.inside(Membership(from_wkb(zone))).residents)


def _zones(s: Session, alert: Alert) -> list[tuple[str, bytes]]:
    rows = s.execute(
        text("""SELECT z.name, v.geometry FROM alert_zones az JOIN zone_versions v ON v.id = az.zone_version_id
                  JOIN zones z ON z.id = v.zone_id WHERE az.alert_id = :alert ORDER BY z.name"""),
        {"alert": alert.id},
    ).all()
    return [(row.name, row.geometry) for row in rows]


def _stored_costs(s: Session, alert_id: int, channel: str) -> Mapping[str, int]:
    """Return the tokens of a message by language: of the longest wording, so that no forecast promises too much."""
    rows = s.execute(
        text("SELECT language, max(cost) AS cost FROM contents WHERE alert_id = :a AND channel = :c GROUP BY language"),
        {"a": alert_id, "c": channel},
    ).all()
    return {row.language: row.cost for row in rows}


def _by_cost(cost_of: Mapping[str, int], languages: dict[str, int]) -> dict[int, int]:
    """Return the number of messages by their cost in tokens."""
    costs: dict[int, int] = {}
    for language, number in languages.items():
        cost = cost_of.get(language, 1)
        costs[cost] = costs.get(cost, 0) + number
    return costs


def _open_senders(
    s: Session, channel: str, costs: dict[int, int], mean_cost: float, at: datetime, without: Collection[int]
) -> list[SimulatedSender]:
    rows = s.execute(
        text("""SELECT id, address, rate_per_s, daily_cap FROM senders
                 WHERE status = 'open' AND channel = :channel AND id <> ALL(:without) ORDER BY rate_per_s DESC, id"""),
        {"channel": channel, "without": list(without)},
    ).all()
    senders = []
    for row in rows:
        today = a_day = None
        if row.daily_cap:
            a_day = row.daily_cap / mean_cost
            today = a_day - usage.used_on(row.id, at.astimezone(CAP_DAY).date()) / mean_cost
        senders.append(SimulatedSender(row.id, row.address, messages_per_s(row.rate_per_s, costs), today, a_day))
    return senders


def _ahead(s: Session, alert: Alert, channel: str, own: float) -> float:
    """Return the tokens of other alerts that go out before our last ones do. `own`: our tokens.

    Everything in a more urgent lane goes first. Alerts of one lane take turns (`leases.lease_next`): by the time ours
    is done, each of the others has sent as much as ours, or all it had.
    """
    rows = s.execute(
        text("""
            SELECT b.lane::text AS lane, sum(b.size * w.cost)::float8 AS tokens
              FROM batches b JOIN alerts a ON a.id = b.alert_id
              JOIN contents w
                ON (w.alert_id, w.channel, w.language, w.wording) = (b.alert_id, b.channel, b.language, b.wording)
             WHERE b.state IN ('waiting', 'leased') AND a.state IN ('sending', 'sent') AND b.alert_id <> :alert
               AND b.channel = :channel GROUP BY a.id, b.lane"""),
        {"alert": alert.id, "channel": channel},
    ).all()
    same = sum(min(own, row.tokens) for row in rows if row.lane == alert.lane.value)
    urgent = sum(row.tokens for row in rows if row.lane == Lane.EMERGENCY.value != alert.lane.value)
    return float(same + urgent)


def _warnings(
    channels: Sequence[ChannelPlan], alert: Alert, begins_at: Mapping[str, datetime], at: datetime
) -> list[str]:
    said = []
    begins = max((begins_at[one.channel] for one in channels if one.messages), default=at)
    if begins > at:
        said.append(quiet_words(begins, alert.expires_at))
    for one in channels:
        if one.messages and not one.senders:
            said.append(
                _(
                    "No sender for %(channel)s works: its messages would wait until one does, and do not count.",
                    channel=one.channel,
                )
            )
        elif one.messages and (one.done_at is None or one.done_at > alert.expires_at):
            said.append(_("Not all messages on %(channel)s would leave before the alert expires.", channel=one.channel))
    if not any(one.messages for one in channels):
        said.append(_("The alert would reach nobody."))
    return said
