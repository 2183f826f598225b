"""An evening and the night after it, for the tests of what waits: residents, launches and claims at set times."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import text

from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.core.db import transaction
from notify.delivery import claims, leases
from notify.delivery.claims import Claimed
from notify.models import Choices
from tests.database import sql
from tests.factories import Person, Resident, alert_ready, operator, residents, resolve, sender, zone

EVENING = datetime(2027, 1, 12, 20, 59, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
NIGHT = EVENING + timedelta(minutes=1)
MORNING = datetime(2027, 1, 13, 8, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
NOON = datetime(2027, 1, 12, 17, tzinfo=UTC)
FIVE = datetime(2027, 1, 12, 17, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
MONDAY = datetime(2027, 1, 18, 17, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
LATER = FIVE + timedelta(minutes=1)

OF = "SELECT contact_id, state, reason FROM deliveries WHERE alert_id = :alert"


def people(count: int = 3) -> list[Resident]:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        return residents(s, [Person(topics=("snow", "storm"))] * count, now=EVENING)


def choose(who: Resident, **chosen: object) -> None:
    with transaction() as s:
        s.add(Choices(subscriber_id=who.id, **chosen))


def launch(now: datetime, event: str = "snow", hours: int = 24, **draft: Any) -> int:
    with transaction() as s:
        alert = alert_ready(s, event=event, now=now, expires_at=now + timedelta(hours=hours), **draft)
        lifecycle.launch(s, alert.id, operator(s), now)
    resolve(alert.id, now)
    return alert.id


def follow(alert: int, now: datetime, phase: str = "update", **draft: Any) -> int:
    with transaction() as s:
        incident = reports.find_alert(s, alert).incident_id
        later = alert_ready(s, event="snow", phase=phase, incident=incident, now=now,
                            expires_at=now + timedelta(hours=20), **draft)  # fmt: skip
        lifecycle.launch(s, later.id, operator(s), now)
        return later.id


def states() -> Counter[tuple[str, str | None]]:
    return Counter((row.state, row.reason) for row in sql("SELECT state, reason FROM deliveries"))


def ends(alert: int) -> Counter[tuple[str, str | None]]:
    return Counter((row.state, row.reason) for row in sql(OF, alert=alert))


def claim_all(now: datetime) -> list[Claimed]:
    """Lease all waiting batches, and claim what may go out now."""
    with transaction() as s:
        by = sender(s).id
    found = []
    for batch in sql("SELECT id FROM batches WHERE state = 'waiting' ORDER BY id"):
        lease = leases.lease(batch.id, 60)
        if lease is not None:
            # PostgreSQL's clock shows today: an alert of another day must not have expired by it.
            found += claims.claim(lease, by, 100, now) or []
            leases.finish(lease)
    return found


def reader(digest: Literal["daily", "weekly"] = "daily", **chosen: Any) -> Resident:
    (who,) = people(1)
    choose(who, digest=digest, **chosen)
    return who


def settle(state: str, alert: int | None = None, at: datetime = LATER) -> None:
    """Report what became of all that was being sent."""
    with transaction() as s:
        s.execute(
            text("""UPDATE deliveries SET state = CAST(:state AS delivery_state), sent_at = :at, settled_at = :at,
                           reason = CASE WHEN :state IN ('accepted', 'delivered') THEN NULL ELSE 'x' END
                     WHERE state IN ('sending', 'accepted') AND (alert_id = :alert OR :alert IS NULL)"""),
            {"state": state, "at": at, "alert": alert},
        )


def words(claimed: Sequence[Claimed]) -> list[str]:
    return [one.words.text if one.words else "" for one in claimed]
