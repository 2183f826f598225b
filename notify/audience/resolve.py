"""Resolve an audience: the places in an area, their residents' contacts, and the reason for each one left out.

Nothing here writes, except alarms. `preview` counts what `fanout` would deliver, by the same SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import everywhere, rules, told, unreached
from notify.audience.everywhere import LAST_ID, InCity
from notify.audience.places import Places, places_inside
from notify.audience.told import OrTold, Recipients
from notify.audience.unreached import OfUnreached
from notify.channels.channel import timelines
from notify.content.catalogue import catalogue
from notify.core.errors import Refused
from notify.core.settings import settings
from notify.models import Alert, Lane
from zones.geometry import from_wkb
from zones.membership import Membership
from zones.overlaps import minus

WARNED = rules.warned("CAST(:emergencies AS bigint[])")


def _contacts(lane: Lane, join: str = "JOIN", more: str = "", choices: str = "") -> str:
    """Return SQL for the contacts of some residents on an alert's channels, with their language and the reason if they
    are left out. `more`: columns."""
    return f"""
    SELECT c.id AS contact_id, c.channel, coalesce(w.language, :fallback) AS language,
           coalesce(people.wording, 0::smallint) AS wording, NULL::bigint AS sender_id,
           {rules.reason(":now", lane, "CAST(:severity AS integer)", WARNED)} AS reason{more}
      FROM unnest(CAST(:subscribers AS bigint[]), CAST(:wordings AS smallint[])) AS people (subscriber_id, wording)
      JOIN subscribers r ON r.id = people.subscriber_id
      {join} contacts c ON c.subscriber_id = r.id AND c.channel = ANY(:channels)
      LEFT JOIN contents w ON (w.alert_id, w.channel, w.language, w.wording) = (:alert, c.channel, r.language, 0)
      {rules.facts("CAST(:topic AS topic)")} {choices}
    """


_AT_ONCE = "NULL::timestamptz AS held_until, NULL::text AS held_for, false AS digests"
_DIGEST = rules.digest_until(":{}", "CAST(:expires AS timestamptz)", WARNED)

REACHED = {lane: _contacts(lane, more=f", {_AT_ONCE}") for lane in Lane}
# Of a routine alert, with the time until which quiet hours or a digest hold each message back.
REACHED_IN_TIME = _contacts(
    Lane.ROUTINE,
    more=f""", coalesce({_DIGEST}, {rules.held_until(":{}", WARNED)}) AS held_until,
            CASE WHEN ({_DIGEST}) IS NOT NULL THEN '{rules.DIGEST}' ELSE 'quiet-hours' END AS held_for,
            own.digest IS NOT NULL AS digests""",
    choices=rules.choices(),
)
# And a row without a channel for each resident without one.
_COUNTED = {lane: _contacts(lane, join="LEFT JOIN") for lane in Lane}

# Residents of whom no contact is reached, by the first reason of any of theirs.
_NOTHING = {
    lane: f"""
    SELECT reason, count(*) FROM (
        SELECT DISTINCT ON (subscriber_id) reason FROM (
            {_contacts(lane, more=", r.id AS subscriber_id")}) AS reached
         ORDER BY subscriber_id, reason IS NOT NULL, array_position(CAST(:reasons AS text[]), reason)) AS best
     WHERE reason IS NOT NULL GROUP BY reason
"""
    for lane in Lane
}

# The city's own timelines: one for each open social account and language of the alert.
TIMELINES = """
    SELECT c.id AS contact_id, c.channel, c.language, 0::smallint AS wording, c.timeline_of AS sender_id,
           NULL::text AS reason,
           NULL::timestamptz AS held_until, NULL::text AS held_for, false AS digests
      FROM contacts c
      JOIN senders s ON s.id = c.timeline_of AND s.status = 'open'
      JOIN contents w ON (w.alert_id, w.channel, w.language, w.wording) = (:alert, c.channel, c.language, 0)
     WHERE c.channel = ANY(:channels)
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """Counts of contacts. `by_channel`: those reached; `skipped`: the others, by reason.

    `languages`: those reached, by channel and language. `no_contact`: residents without a contact on the channels;
    `nothing`: residents all of whose contacts are left out, by the first of their reasons (`rules.REASONS`).
    """

    residents: int
    total: int
    by_channel: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    languages: dict[str, dict[str, int]] = field(default_factory=dict)
    no_contact: int = 0
    nothing: dict[str, int] = field(default_factory=dict)

    @property
    def without(self) -> int:
        """How many residents get nothing."""
        return self.no_contact + sum(self.nothing.values())


def written() -> tuple[str, ...]:
    """Return the city's languages that have message templates; the first is the fallback for all others."""
    return catalogue().written(settings().languages)


def fallback_of(s: Session, alert: Alert) -> str:
    """Return the fallback language of an alert whose texts are written: the first of the city's that it has.

    This reads the alert, not the templates: they may have changed since, and a worker would have to load them before
    the first phone rings.
    """
    language: str = s.execute(
        text("""SELECT language FROM contents WHERE alert_id = :alert
                 ORDER BY array_position(CAST(:languages AS text[]), language), language LIMIT 1"""),
        {"alert": alert.id, "languages": list(settings().languages)},
    ).scalar_one()
    return language


def membership(alert: Alert) -> InCity:
    """Return the alert's area, prepared for queries. That of a follow-up is for the unreached only; to one with earlier
    alerts belong those to whom they were sent, but not the recipients of those that it spares; to the whole city those
    without a place, too. Where it was withdrawn, it has none. Raises Refused without one: nothing is sent then (law 2).
    """
    if alert.area is None:
        raise Refused(f"Alert {alert.id} has no area.", hint="Create the alert again, with an area.")
    area = from_wkb(alert.area)
    if alert.withdrawn is not None:
        area = minus(area, from_wkb(alert.withdrawn))
    if alert.follows is not None:
        return OfUnreached(area, alert.follows, whole=alert.whole_city)
    return OrTold(area, alert.answered, whole=alert.whole_city, spares=alert.spares)


def residents_inside(
    s: Session, area: Membership, now: datetime, after: int = 0, through: int = LAST_ID
) -> NDArray[np.int64]:
    """Return the ids of residents with a place in an area, or who belong to it otherwise (`membership`), ascending,
    each once. Boundary points are inside.

    Only ids above `after` and up to `through` are returned.
    """
    return residents_of(s, area, places_inside(s, area, now, after, through), now, after, through)


def residents_of(
    s: Session, area: Membership, inside: Places, now: datetime, after: int = 0, through: int = LAST_ID
) -> NDArray[np.int64]:
    """Return what `residents_inside` does, where the places inside are known."""
    found = np.unique(inside.residents)
    if isinstance(area, InCity) and area.whole:
        found = np.union1d(found, placeless_in(s, area, now, after, through))
    if isinstance(area, OrTold):
        found = np.unique(np.concatenate([found, *(_told(s, one, now, after, through) for one in area.told)]))
        return _unspared(s, found, area.spares, now, after, through) if area.spares else found
    return found


def _unspared(
    s: Session, found: NDArray[np.int64], spares: Sequence[int], now: datetime, after: int, through: int
) -> NDArray[np.int64]:
    """Return who is left without the recipients of some alerts, and without who is about to be sent one of them."""
    if found.size:
        found = np.setdiff1d(found, told.recipients(s, spares, after, through), assume_unique=True)
    for area in told.to_come(s, spares) if found.size else ():
        found = np.setdiff1d(found, residents_inside(s, area, now, after, through), assume_unique=True)
    return found


def placeless_in(
    s: Session, area: Membership, now: datetime, after: int = 0, through: int = LAST_ID
) -> NDArray[np.int64]:
    """Return the residents without a place who belong to an area: none, unless it is the whole city."""
    if not (isinstance(area, InCity) and area.whole):
        return np.empty(0, np.int64)
    found = everywhere.placeless(s, after, through)
    return np.intersect1d(found, unreached.residents(s, area.first, now)) if isinstance(area, OfUnreached) else found


def _told(s: Session, of: Recipients, now: datetime, after: int, through: int) -> NDArray[np.int64]:
    """Those recipients, without who is about to be told by one of the others."""
    found = of.read(s, after, through)
    for area in told.to_come(s, of.others) if found.size else ():
        found = np.setdiff1d(found, residents_inside(s, area, now, after, through))
    return found


def preview(s: Session, alert: Alert, now: datetime) -> Audience:
    """Return what a launch at this moment would resolve to. Raises Refused without an area."""
    return count(s, alert, residents_inside(s, membership(alert), now), now)


def count(s: Session, alert: Alert, residents: NDArray[np.int64], now: datetime) -> Audience:
    """Return the counts of an audience whose residents are found already."""
    values = parameters(s, alert, residents.tolist(), now, written()[0])
    rows = s.execute(
        text(f"""SELECT channel, language, reason, count(*) FROM (
                    {_COUNTED[alert.lane]}
                    UNION ALL
                    {TIMELINES_TO_COME}) AS reached
                  GROUP BY channel, language, reason ORDER BY channel, language, reason"""),
        values | {"languages": list(written())},
    ).all()
    nothing = s.execute(text(_NOTHING[alert.lane]), values | {"reasons": list(rules.REASONS)}).all()
    by_channel: dict[str, int] = {}
    skipped: dict[str, int] = {}
    languages: dict[str, dict[str, int]] = {}
    no_contact = 0
    for channel, language, reason, number in rows:
        if channel is None:
            no_contact += number
            continue
        counts, key = (by_channel, channel) if reason is None else (skipped, reason)
        counts[key] = counts.get(key, 0) + number
        if reason is None:
            languages.setdefault(channel, {})[language] = number
    total = sum(number for *_, number in rows) - no_contact
    return Audience(len(residents), total, by_channel, skipped, languages, no_contact, dict(map(tuple, nothing)))


# For a preview, which may come before the texts and the timelines are written.
TIMELINES_TO_COME = """
    SELECT NULL::bigint, s.channel, l.language, 0::smallint, s.id, NULL::text
      FROM senders s CROSS JOIN unnest(CAST(:languages AS text[])) AS l (language)
     WHERE s.channel = ANY(:timelines) AND s.status = 'open'
"""


def timelines_to_come(s: Session, channels: Sequence[str]) -> list[tuple[str, str]]:
    """Return channel and language of the timelines that an alert would be posted to, before its texts are written."""
    rows = s.execute(text(TIMELINES_TO_COME), {"timelines": timelines(channels), "languages": list(written())})
    return [(row.channel, row.language) for row in rows]


def parameters(s: Session, alert: Alert, subscribers: Sequence[int], now: datetime, fallback: str) -> dict[str, Any]:
    """Return the parameters of `REACHED` and `TIMELINES`. `fallback`: the language if a resident's has no text."""
    return {
        "alert": alert.id,
        "topic": alert.topic.value,
        "severity": rules.rank(alert.severity),
        "emergencies": emergencies(s, alert),
        "expires": alert.expires_at,
        "channels": list(alert.channels),
        "timelines": timelines(alert.channels),
        "subscribers": list(subscribers),
        "wordings": [],  # of each of them, in their order; those that are missing read the general words
        "fallback": fallback,
        "now": now,
    }


def emergencies(s: Session, alert: Alert) -> list[int] | None:
    """Return the emergencies that an alert ends or corrects; None if it does neither."""
    return told.emergencies(
        s, alert.incident_id, alert.phase, alert.status, corrects=alert.corrects, this=alert.id or 0
    )
