"""The calendar of a household under a secret address, which its owner can revoke. The token is stored as a hash, and
what it is of is sealed: whoever reads the database learns of no household."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.core import crypto, keyring
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import CollectionFeed, Zone
from notify.service311 import calendars
from notify.subscribers import pressed_twice

PURPOSE = "collections"  # for which the places are sealed
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Household:
    """`place`: None once it was revoked. `whose`: part of the UIDs of its events."""

    whose: str
    language: str
    label: str
    place: tuple[float, float] | None


def begin(
    s: Session, label: str, lon: float, lat: float, language: str, now: datetime, network: str = "", once: str = ""
) -> str:
    """Make an address for the calendar of a house, and return its token. It is shown once. `network`: of who asks;
    `once`: what the form came with (`pressed_twice`): sent twice, it has one calendar, until that is ended.

    Raises TooManyTries.
    """
    keyring.hold(s)
    zones = calendars.zones_at(s, lon, lat)
    place = json.dumps({"label": label, "lon": lon, "lat": lat})
    token = pressed_twice.token_of(once, place)
    values = {
        "address_sealed": crypto.seal(place, PURPOSE),
        "language": language,
        "made_at": now,
        "zone_id": zones[0][0] if zones else None,
    }
    if not _is_made(s, token, values):
        if _feed(s, token).revoked_at is None:
            return token
        token = secrets.token_urlsafe(TOKEN_BYTES)
        _is_made(s, token, values)
    if network:
        tries.count(s, tries.of_calendar(network), now)
    return token


def _is_made(s: Session, token: str, values: Mapping[str, Any]) -> bool:
    """Store a calendar. Return False if the token has one: a press that is answered at the same time is waited for."""
    row = insert(CollectionFeed).values(token_hash=crypto.hash_key(token), **values).on_conflict_do_nothing()
    return s.scalar(row.returning(CollectionFeed.id)) is not None


def find(s: Session, token: str) -> Household:
    """Return whose calendar it is. Raises NotFound; Unavailable when the place is damaged."""
    feed = _feed(s, token)
    whose = f"household {feed.id}"
    if feed.revoked_at is not None:
        return Household(whose, feed.language, "", None)
    keyring.hold(s)
    place = json.loads(crypto.unseal(feed.address_sealed, PURPOSE))
    return Household(whose, feed.language, place["label"], (place["lon"], place["lat"]))


def revoke(s: Session, token: str, now: datetime) -> None:
    """End a household's calendar, and forget what it was of. Doing it twice does no harm. Raises NotFound."""
    feed = _feed(s, token)
    if feed.revoked_at is None:
        keyring.hold(s)
        feed.revoked_at, feed.address_sealed, feed.zone_id = now, crypto.seal("", PURPOSE), None


def note_fetched(s: Session, token: str, edition: int) -> None:
    """Keep which edition a household has: written once an edition, however often its calendar is fetched."""
    s.execute(
        update(CollectionFeed)
        .where(
            CollectionFeed.token_hash == crypto.hash_key(token),
            func.coalesce(CollectionFeed.fetched_edition, 0) < edition,
            CollectionFeed.revoked_at.is_(None),
        )
        .values(fetched_edition=edition)
    )


def behind(s: Session, edition: int) -> list[tuple[str, int]]:
    """Return how many households have fetched an edition before this one and not yet this one, by the name of their
    zone ("" for a place outside all), the most first."""
    rows = s.execute(
        select(func.coalesce(Zone.name, ""), func.count())
        .select_from(CollectionFeed)
        .outerjoin(Zone, Zone.id == CollectionFeed.zone_id)
        .where(CollectionFeed.fetched_edition < edition, CollectionFeed.revoked_at.is_(None))
        .group_by(Zone.name)
        .order_by(func.count().desc(), Zone.name)
    ).all()
    return [(str(name), int(count)) for name, count in rows]


def _feed(s: Session, token: str) -> CollectionFeed:
    found = s.scalar(select(CollectionFeed).where(CollectionFeed.token_hash == crypto.hash_key(token)))
    if found is None:
        raise NotFound(_("There is no such calendar."), hint=_("Write your address again to get a new one."))
    return found
