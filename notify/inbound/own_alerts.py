"""STATUS, AM I ON, WHERE and BIN: what a resident is told of their own alerts and places.

Only who has proved the number, and has had it since, hears of places (docs/adr, 39).
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import func, select

from notify.alerts import instead
from notify.alerts.listing import InIncident
from notify.audience import wordings
from notify.channels.channel import CHANNELS
from notify.content.compose import catalogue
from notify.core import keyring, points
from notify.core.errors import Unavailable
from notify.core.settings import settings
from notify.core.states import IN_FORCE
from notify.inbound import bin_days
from notify.inbound.bin_days import At
from notify.inbound.heard import Heard, Outcome
from notify.models import Alert, Place, Standing, StoredContent, Topic
from notify.subscribers import consent, own, record
from zones.geometry import readable_areas
from zones.membership import Membership

SHOWN = 2  # places or alerts by name; more would not fit into a message


def status(heard: Heard) -> Outcome:
    """Tell the alerts in force at their places; to others, where all of the city's are."""
    return _told(heard, _active(heard), "status")


def bin_day(heard: Heard) -> Outcome:
    """Tell the next collection days of their places, changes included, and of an alert about them. Where the city has
    published no calendar: the alerts alone."""
    active = [one for one in _active(heard) if _topic(one) == Topic.COLLECTION]
    days = collection_days(heard)
    if not days:
        return _told(heard, active, "bin")
    link = f"{settings().public_url}/{f'alerts/{active[0].id}' if active else 'collections'}"
    return Outcome("bin_days_alert" if active else "bin_days", heard.talk, {"days": days, "link": link})


def collection_days(heard: Heard) -> str:
    """Return the next collection days of their places in words; "" where no calendar has any."""
    return bin_days.said(heard.s, places_of(heard), heard.now, heard.language)


def am_i_on(heard: Heard) -> Outcome:
    """Answer yes or no, and for which places."""
    if heard.contact is None:
        return Outcome("on_no", heard.talk)
    gap = record.gap(heard.s, heard.channel, heard.index, heard.now)
    if heard.resident is None:
        return Outcome("on_unproved" if gap and gap != "some-left" else "on_hidden", heard.talk)
    if "opt-out" in consent.reasons_against(heard.s, heard.channel, heard.index):
        return Outcome("on_stopped", heard.talk)
    if until := heard.muted_until():
        return Outcome("on_muted", heard.talk, {"date": until})
    if gap and gap != "some-left":
        return Outcome(f"start_{gap.replace('-', '_')}", heard.talk)
    return Outcome("on_yes", heard.talk, {"places": _places(heard)})


def where(heard: Heard) -> Outcome:
    if heard.contact is None:
        return Outcome("on_no", heard.talk)
    if heard.resident is None:
        return Outcome("on_unproved", heard.talk)
    places = _places(heard)
    return Outcome("where_is" if places else "start_no_place", heard.talk, {"places": places})


def _told(heard: Heard, active: Sequence[InIncident], key: str) -> Outcome:
    if heard.resident is None:
        return Outcome(f"{key}_stranger", heard.talk)
    if not active:
        return Outcome(f"{key}_none", heard.talk)
    named = [_heading(heard, one) for one in active[:SHOWN]]
    if len(active) == 1:
        return Outcome(
            f"{key}_one", heard.talk, {"alert": named[0], "link": f"{settings().public_url}/alerts/{active[0].id}"}
        )
    return Outcome(f"{key}_some", heard.talk, {"alerts": "; ".join(named), "n": len(active)})


def _active(heard: Heard) -> list[InIncident]:
    """Return the alerts that have the last word at one of the resident's places, or, to who gave none, those to the
    whole city: emergencies, then the newest."""
    if heard.resident is None:
        return []
    lon, lat, radius_m, placeless = _points(heard)
    in_force = [
        one
        for said in instead.incidents_in_force(heard.s, heard.now)
        for one in said
        if one.state in IN_FORCE and one.expires_at > heard.now and not one.is_replaced and one.phase != "all-clear"
    ]
    if not (len(lon) or placeless) or not in_force:
        return []
    stored = heard.s.execute(
        select(Alert.id, func.coalesce(Standing.left_area, Alert.area).label("area"), Alert.whole_city)
        .outerjoin(Standing, Standing.alert_id == Alert.id)
        .where(Alert.id.in_([one.id for one in in_force]), Alert.area.is_not(None))
    ).all()
    areas = readable_areas(bytes(row.area) for row in stored)
    touched = {
        row.id
        for row in stored
        if (placeless and row.whole_city)
        or ((area := areas.get(bytes(row.area))) is not None and Membership(area).inside(lon, lat, radius_m).any())
    }
    there = [one for one in in_force if one.id in touched]
    return sorted(there, key=lambda one: (one.lane != "emergency", -one.id))


def places_of(heard: Heard) -> list[At]:
    """Return the resident's places that can be read."""
    if heard.resident is None:
        return []
    keyring.hold(heard.s)
    there = heard.s.scalars(select(Place).where(Place.subscriber_id == heard.resident))
    sealed = {place.id: place.point_sealed for place in there}
    found: list[At] = []
    for place in own.read(heard.s, heard.resident).places:
        try:
            lon, lat = points.open_one(heard.resident, sealed[place.id])
        except Unavailable:
            continue  # as in `_points`
        found.append(At(place.label or place.address, place.address, lon, lat, place.radius_m))
    return found


def _points(heard: Heard) -> tuple["np.ndarray", "np.ndarray", "np.ndarray", bool]:
    """Return lon, lat and radius in metres of the places that can be read, and whether there is no place at all."""
    keyring.hold(heard.s)
    there = heard.s.scalars(select(Place).where(Place.subscriber_id == heard.resident)).all()
    found: list[tuple[float, float, float]] = []
    for place in there:
        try:
            found.append((*points.open_one(place.subscriber_id, place.point_sealed), place.radius_m))
        except Unavailable:
            continue  # a damaged one is reported by the job `check_places`
    each = np.array(found, dtype=np.float64).reshape(-1, 3)
    return each[:, 0], each[:, 1], each[:, 2], not there


def _topic(alert: InIncident) -> str:
    return catalogue().event(alert.event).topic


def _heading(heard: Heard, alert: InIncident) -> str:
    """Return what the alert is called in the most detailed of its messages, in the resident's language if there are."""
    preferred = [heard.language, *settings().languages]
    wording = wordings.sent_to(heard.s, alert.id, heard.resident) if heard.resident else wordings.GENERAL
    found = heard.s.scalars(
        select(StoredContent).where(
            StoredContent.alert_id == alert.id,
            StoredContent.wording == wording,
            StoredContent.language.in_(preferred),
        )
    )
    best = min(found, key=lambda one: (preferred.index(one.language), -CHANNELS[one.channel].detail), default=None)
    return (best.subject if best else "") or catalogue().event(alert.event).label


def _places(heard: Heard) -> str:
    """Return the places in words: two of them, and how many more."""
    assert heard.resident is not None  # noqa: S101  what calls this
    named = [one.address or one.label for one in own.read(heard.s, heard.resident).places]
    more = f" +{len(named) - SHOWN}" if len(named) > SHOWN else ""
    return ", ".join(named[:SHOWN]) + more
