"""Whatever residents chose, wherever they live and whatever is killed: each routine alert comes once, never in quiet
time, and for a digest at its hour."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from notify.core import quiet_time
from notify.core.db import transaction
from notify.core.quiet_time import QuietHours
from notify.delivery import digests, held, recovery
from tests.database import sql
from tests.factories import resident, sender, zone
from tests.notify.delivery.night import choose, claim_all, launch

pytestmark = pytest.mark.usefixtures("usual_quiet_hours")

# The clocks change in these days: in New York and Troll on the first, in Dublin and Troll on the second.
CHANGES = (
    datetime(2027, 3, 13, 12, tzinfo=UTC),
    datetime(2027, 3, 27, 12, tzinfo=UTC),
    datetime(2027, 11, 6, tzinfo=UTC),
)
ZONES = ("America/New_York", "Europe/Dublin", "Antarctica/Troll", "Australia/Lord_Howe", "Pacific/Kiritimati")
TAKES = timedelta(hours=2)


@dataclass(frozen=True)
class Wish:
    digest: Literal["daily", "weekly"] | None
    timezone: str
    quiet: QuietHours

    def quiet_until(self, at: datetime) -> datetime | None:
        return quiet_time.until(at, self.quiet, ZoneInfo(self.timezone))

    def due(self, launched: datetime, expires: datetime) -> datetime:
        """When an alert is to come."""
        if self.digest:
            at = quiet_time.digest_at(launched, self.digest, ZoneInfo(self.timezone))
            at = self.quiet_until(at) or at
            if at + TAKES <= expires:
                return at
        return self.quiet_until(launched) or launched


@dataclass
class Story:
    """What happened: the wish of each contact, the alerts, and what each message said and when it left."""

    wishes: dict[int, Wish]
    alerts: dict[int, tuple[datetime, datetime]] = field(default_factory=dict)
    sent: list[tuple[datetime, int, set[int]]] = field(default_factory=list)

    def judge(self, *, calm: bool) -> None:
        """`calm`: nothing was refused or killed, so all that is due at once comes in one message."""
        came = Counter((contact, alert) for _, contact, alerts in self.sent for alert in alerts)
        for contact, wish in self.wishes.items():
            for alert, (launched, expires) in self.alerts.items():
                due = wish.due(launched, expires)
                least, most = due < expires - timedelta(minutes=10), due < expires
                assert least <= came[contact, alert] <= most, (wish, launched, due)
        for at, contact, alerts in self.sent:
            wish = self.wishes[contact]
            assert wish.quiet_until(at) is None, "never in quiet time"
            assert all(timedelta(0) <= at - wish.due(*self.alerts[one]) <= timedelta(hours=1) for one in alerts)
        for contact, wish in self.wishes.items():
            mine = [alerts for _, who, alerts in self.sent if who == contact]
            if wish.digest and calm:
                assert len(mine) == len({wish.due(*self.alerts[one]) for alerts in mine for one in alerts})


minutes = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))
wishes = st.builds(
    Wish,
    st.sampled_from(["daily", "daily", "weekly", None]),
    st.sampled_from(ZONES),
    st.one_of(st.just(QuietHours(time(21), time(8))), st.builds(QuietHours, minutes, minutes)),
)
launches = st.tuples(st.integers(0, 72 * 60).map(lambda n: timedelta(minutes=n)), st.sampled_from([3, 20, 30, 60, 240]))
mishaps = st.lists(st.sampled_from(["none", "none", "refused", "worker killed", "scheduler killed"]), max_size=8)


def begin(chosen: list[Wish], now: datetime) -> dict[int, Wish]:
    with transaction() as s:
        s.execute(text("DELETE FROM preferences"))
        zone(s, now=now)
        sender(s, now=now)
        who = [resident(s, topics=("snow",), now=now) for _ in chosen]
    for one, wish in zip(who, chosen, strict=True):
        begins, ends = wish.quiet
        choose(one, quiet_from=begins, quiet_to=ends, timezone=wish.timezone, digest=wish.digest)
    return {one.sms or 0: wish for one, wish in zip(who, chosen, strict=True)}


def step(story: Story, now: datetime, mishap: str) -> None:
    """Release and send what is due, with a mishap."""
    if mishap != "scheduler killed":
        digests.follow(now)
        held.release(now)
    claimed = claim_all(now)
    ids = [one.delivery_id for one in claimed]
    if mishap in ("refused", "worker killed"):  # the provider has nothing of it, which is asked after a kill
        set_state("queued", ids, now, "worker-lost" if mishap == "worker killed" else None)
        return
    rows: Any = sql(
        """SELECT k.contact_id, k.alert_id, (SELECT array_agg(m.alert_id) FROM merged x JOIN deliveries m
                  ON m.id = x.delivery_id WHERE x.carrier_id = k.id) AS others
             FROM deliveries k WHERE k.id = ANY(:ids)""",
        ids=ids,
    )
    story.sent += [(now, row.contact_id, {row.alert_id, *(row.others or ())}) for row in rows]
    set_state("accepted", ids, now)


def set_state(state: str, ids: list[int], now: datetime, reason: str | None = None) -> None:
    with transaction() as s:
        s.execute(
            text("""UPDATE deliveries SET state = CAST(:state AS delivery_state), settled_at = :now, reason = :reason
                     WHERE id = ANY(:ids)"""),
            {"state": state, "ids": ids, "now": now, "reason": reason},
        )
        s.execute(
            text("""UPDATE batches b SET not_before = NULL, state = CAST(:state AS batch_state)
                     WHERE id IN (SELECT batch_id FROM deliveries WHERE id = ANY(:ids))"""),
            {"ids": ids, "state": "waiting" if state == "queued" else "done"},
        )


NEXT = """
    SELECT min(at) FROM (SELECT greatest(held_until, not_before) AS at FROM batches WHERE state = 'held'
                         UNION ALL SELECT x.look_at FROM merged x JOIN deliveries m ON m.id = x.delivery_id
                                    WHERE m.state = 'held'
                         UNION ALL SELECT CAST(:now AS timestamptz) FROM batches WHERE state = 'waiting') AS x
"""


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(wishes, min_size=3, max_size=5),
    st.lists(launches, min_size=2, max_size=4),
    st.sampled_from(CHANGES),
    mishaps,
)
def test_each_alert_comes_once_and_at_its_time(
    chosen: list[Wish], wanted: list[tuple[timedelta, int]], start: datetime, misfortune: list[str]
) -> None:
    with transaction() as s:
        s.execute(text("UPDATE alerts SET state = 'expired' WHERE state = 'sending'"))
        s.execute(text("UPDATE batches SET state = 'done'"))
        s.execute(text("DELETE FROM merged"))
    story, calm = Story(begin(chosen, start)), not set(misfortune) - {"none"}
    todo = sorted(wanted)
    now, end = start, start + timedelta(days=12)
    steps = 0
    while now < end:
        steps += 1
        assert steps < 400, "something is due for ever"
        while todo and start + todo[0][0] <= now:
            offset, hours = todo.pop(0)
            at = start + offset
            story.alerts[launch(at, hours=hours)] = (at, at + timedelta(hours=hours))
        step(story, now, misfortune.pop() if misfortune else "none")
        (found,) = sql(NEXT, now=now)
        later = max(found[0], now + timedelta(seconds=20)) if found[0] else end
        now = min(later, start + todo[0][0]) if todo else later
        with transaction() as s:
            s.execute(
                text("UPDATE alerts SET state = 'expired' WHERE state = 'sending' AND expires_at <= :now"), {"now": now}
            )
        recovery.end_leftovers(now)
    story.judge(calm=calm)
