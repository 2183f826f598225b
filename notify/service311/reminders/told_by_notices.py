"""What notices of an edition tell: who gets one needs no message of ours about the same days."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session


def days(s: Session, edition: int) -> frozenset[tuple[int, date]]:
    """Return the zones and the nominal days that the notices of an edition tell which are going out or out."""
    parts = [part for found in s.scalars(text(_PARTS), {"edition": edition}) for part in found]
    return frozenset(
        (int(zone), date.fromisoformat(day)) for part in parts for zone in part["zones"] for day in part["days"]
    )


_PARTS = """
    SELECT n.parts FROM collection_notices n JOIN alerts a ON a.id = n.alert_id
     WHERE n.edition = :edition AND a.state IN ('sending', 'paused', 'sent')
"""
