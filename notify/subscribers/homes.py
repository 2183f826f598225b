"""Whether a line of a file has one of a known resident's places."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import crypto, keyring, points
from notify.core.errors import Unavailable
from notify.subscribers.rows import Row

SEALED_ADDRESS = "address"  # the purpose with which street addresses are encrypted


def are_theirs(s: Session, asked: Sequence[tuple[int, Row]]) -> list[bool]:
    """Return whether each resident has the row's place: the same point, to 1e-7 degrees, or the same street address."""
    if not asked:
        return []
    keyring.hold(s)
    places = s.execute(
        text("SELECT subscriber_id, point_sealed, address_sealed FROM places WHERE subscriber_id = ANY(:residents)"),
        {"residents": list({resident for resident, _ in asked})},
    ).all()
    sealed = points.seal_all(
        [resident for resident, _ in asked],
        [row.lon if row.has_place else 0.0 for _, row in asked],
        [row.lat if row.has_place else 0.0 for _, row in asked],
    )
    theirs = {(place.subscriber_id, bytes(place.point_sealed)) for place in places}
    streets = {(place.subscriber_id, street(place.address_sealed)) for place in places if place.address_sealed}
    return [
        (row.has_place and (resident, point.point_sealed) in theirs)
        or (row.address != "" and (resident, row.address.casefold()) in streets)
        for (resident, row), point in zip(asked, sealed, strict=True)
    ]


def street(sealed: bytes | None) -> str:
    """Return a stored street address, case-folded; "" without one, and if it is damaged."""
    try:
        return crypto.unseal(bytes(sealed), SEALED_ADDRESS).casefold() if sealed else ""
    except Unavailable:
        return ""
