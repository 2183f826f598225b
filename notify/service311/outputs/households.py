"""The calendar of a household under a secret address, which its owner can revoke. The token is stored as a hash, and
what it is of is sealed: whoever reads the database learns of no household."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import crypto, keyring
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import CollectionFeed

PURPOSE = "collections"  # for which the places are sealed
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Household:
    """`place`: None once it was revoked. `whose`: part of the UIDs of its events."""

    whose: str
    language: str
    label: str
    place: tuple[float, float] | None


def begin(s: Session, label: str, lon: float, lat: float, language: str, now: datetime) -> str:
    """Make an address for the calendar of a house, and return its token. It is shown once."""
    keyring.hold(s)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    place = json.dumps({"label": label, "lon": lon, "lat": lat})
    s.add(
        CollectionFeed(
            token_hash=crypto.hash_key(token),
            address_sealed=crypto.seal(place, PURPOSE),
            language=language,
            made_at=now,
        )
    )
    return token


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
        feed.revoked_at, feed.address_sealed = now, crypto.seal("", PURPOSE)


def _feed(s: Session, token: str) -> CollectionFeed:
    found = s.scalar(select(CollectionFeed).where(CollectionFeed.token_hash == crypto.hash_key(token)))
    if found is None:
        raise NotFound(_("There is no such calendar."), hint=_("Write your address again to get a new one."))
    return found
