"""Residents who want reminders, and the moments at which they come."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import text

from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from notify.service311.reminders import evening, wishes
from notify.service311.reminders.aside import Aside
from notify.subscribers import consent
from tests.factories import Resident, resident
from tests.notify.service311.days import NORTH, NOW

MONDAY = date(2026, 11, 16)  # the day before South's trash


def at(day: date, hour: int = 19, minute: int = 0) -> datetime:
    """A moment on the city's clocks."""
    return datetime.combine(day, time(hour, minute), settings().tz).astimezone(UTC)


def wishing(
    *places: tuple[float, float],
    hour: int = 19,
    channel: str = "sms",
    addresses: Sequence[str] = ("12 Main St", "5 Oak Ave", "9 Elm St"),
    now: datetime = NOW,
    **person: Any,
) -> Resident:
    """A resident who has wished since `now`. Their places have these addresses."""
    with transaction() as s:
        one = resident(s, at=places or (NORTH,), topics=("collection",), now=now, **person)
        ids = s.scalars(text("SELECT id FROM places WHERE subscriber_id = :id ORDER BY id"), {"id": one.id}).all()
        for place, address in zip(ids, addresses, strict=False):
            values = {"id": place, "sealed": crypto.seal(address, "address")}
            s.execute(text("UPDATE places SET address_sealed = :sealed WHERE id = :id"), values)
        wishes.wish(s, one.id, hour, channel, now, how=consent.BY_WEB)
    return one


def remind(now: datetime, aside: Aside | None = None) -> int:
    return evening.remind(lambda: now, aside or Aside())
