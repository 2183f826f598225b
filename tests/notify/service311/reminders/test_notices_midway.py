"""A notice that says a near change is stopped, replaced or sent to some only: each resident is told once, by one of
both."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from notify.core.db import transaction
from notify.service311.reminders.heard import REPLACED
from tests.database import sql
from tests.factories import Resident
from tests.notify.service311.days import SOUTH, publish, settle, take
from tests.notify.service311.reminders.evenings import MONDAY, at, remind, wishing
from tests.notify.service311.reminders.test_doubts import MORNING, becomes, goes_out, notice
from tests.notify.service311.reminders.test_news import EVENING, THURSDAY, TUESDAY, WEDNESDAY, move, read, tell, told

pytestmark = pytest.mark.usefixtures("database")

LATER = MORNING + timedelta(minutes=30)


def delivered(alert: int, who: Resident, state: str = "accepted") -> None:
    sql(
        """INSERT INTO deliveries (alert_id, contact_id, batch_id, reason, state)
           VALUES (:alert, :contact, 1, 'a test', CAST(:state AS delivery_state))
               ON CONFLICT (alert_id, contact_id) DO UPDATE SET state = excluded.state""",
        alert=alert, contact=who.sms, state=state,
    )  # fmt: skip


def recipients(now: datetime) -> int:
    return len(goes_out(now))


def two() -> tuple[dict[str, int], Resident, Resident]:
    """Two residents in the south, where tomorrow's trash moves."""
    zones = settle()
    people = wishing(SOUTH), wishing(SOUTH)
    move(zones["South"], TUESDAY, WEDNESDAY, MORNING)
    return zones, *people


@pytest.mark.parametrize("ends", ["cancelled", "expired"])
@pytest.mark.parametrize("compared", ["before its launch", "while it is sent"])
def test_who_did_not_get_a_notice_that_was_stopped_midway_is_told_and_nobody_twice(ends: str, compared: str) -> None:
    zones, ana, ben = two()
    alert = notice(zones["South"], "draft")
    if compared == "before its launch":
        assert tell(MORNING) == 2
    becomes(alert, "sending")
    delivered(alert, ana)
    delivered(alert, ben, "queued")
    if compared != "before its launch":
        assert tell(MORNING) == 1, "Ana knows"
    assert recipients(LATER) == 0, "Ben's is on its way"
    becomes(alert, "paused")
    assert recipients(LATER) == 0
    becomes(alert, ends)
    assert recipients(LATER) == 1
    delivered(alert, ben, "cancelled")
    assert recipients(LATER) == 1
    assert _to(ben) == ["waiting"]


def _to(who: Resident) -> list[str]:
    states = "SELECT state FROM direct_messages WHERE contact_id = :contact AND kind = 'reminder' ORDER BY id"
    return [state for (state,) in sql(states, contact=who.sms)]


def test_who_gets_the_notice_as_it_goes_on_is_told_by_it_alone() -> None:
    zones, ana, ben = two()
    alert = notice(zones["South"], "sending")
    assert tell(MORNING) == 2
    for who in (ana, ben):
        assert recipients(at(MONDAY, 18)) == (2 if who is ana else 1), "and not later than the evening before"
        delivered(alert, who)
    assert recipients(at(MONDAY, 18)) == 0


def test_who_cannot_get_the_notice_is_told_by_us() -> None:
    zones, ana, ben = two()
    alert = notice(zones["South"], "draft")
    tell(MORNING)
    becomes(alert, "sending")
    delivered(alert, ana)
    delivered(alert, ben, "failed")
    assert recipients(LATER) == 1
    becomes(alert, "sent")
    assert recipients(LATER) == 1


@pytest.mark.parametrize(
    ("changed", "day"),
    [(("South", TUESDAY, THURSDAY), "Thu, Nov 19"), (("North", THURSDAY + timedelta(7), None), "Wed, Nov 18")],
    ids=["of another day", "of the same day"],
)
def test_what_is_held_for_a_notice_stays_held_for_the_one_that_replaces_it(changed: Any, day: str) -> None:
    zones, _ana, _ben = two()
    first = notice(zones["South"], "draft")
    assert tell(MORNING) == 2
    zone, *moved = changed
    move(zones[zone], *moved, MORNING)
    ((incident,),) = sql("SELECT incident_id FROM collection_notices")
    second = notice(zones["South"], "draft", edition=3, incident=incident)
    assert tell(MORNING) == 2
    becomes(first, "cancelled")
    assert recipients(LATER) == 0, "it is the newer one's"
    becomes(second, "cancelled")
    assert recipients(LATER) == 2
    assert f"not Tue, Nov 17 but {day}. Edition 3." in told("change")[0]


def test_what_a_notice_tells_otherwise_than_the_edition_is_not_held_for_it() -> None:
    zones, ana, ben = two()
    old = notice(zones["South"], "sending")  # and its words are those of edition 2
    delivered(old, ana, "held")
    delivered(old, ben, "held")
    assert tell(MORNING) == 2
    move(zones["South"], TUESDAY, THURSDAY, MORNING)
    assert recipients(LATER) == 0
    assert tell(MORNING) == 2
    assert recipients(LATER) == 2


def test_a_notice_that_an_edition_leaves_true_still_tells_its_days() -> None:
    zones, ana, ben = two()
    alert = notice(zones["South"], "sending")
    delivered(alert, ana)
    assert tell(MORNING) == 1
    move(zones["North"], THURSDAY + timedelta(7), None, MORNING)
    assert tell(MORNING) == 1
    assert sql("SELECT reason FROM direct_messages WHERE state = 'failed'") == [(REPLACED,)]
    assert recipients(LATER) == 0
    delivered(alert, ben)
    move(zones["North"], THURSDAY + timedelta(14), None, MORNING)
    assert tell(MORNING) == 0, "Ben has read it there"
    assert recipients(at(MONDAY, 18)) == 0


def reminded() -> tuple[dict[str, int], Resident]:
    zones = settle()
    ana = wishing(SOUTH)
    remind(EVENING)
    read()
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    return zones, ana


def test_a_correction_waits_for_a_notice_that_is_being_sent_but_not_long() -> None:
    zones, ana = reminded()
    alert = notice(zones["South"], "sending")
    delivered(alert, ana, "queued")
    evening = at(MONDAY, 20)
    assert tell(evening) == 1
    assert recipients(at(MONDAY, 20, 59)) == 0
    assert recipients(at(MONDAY, 21)) == 1
    delivered(alert, ana, "held")
    assert recipients(at(MONDAY, 20, 1)) == 1, "quiet hours hold the notice"
    delivered(alert, ana, "queued")
    becomes(alert, "cancelled")
    assert recipients(at(MONDAY, 20, 1)) == 1


def test_a_correction_that_a_notice_said_counts_as_read() -> None:
    zones, ana = reminded()
    alert = notice(zones["South"], "sending")
    evening = at(MONDAY, 20)
    assert tell(evening) == 1
    delivered(alert, ana)
    becomes(alert, "cancelled")
    assert recipients(evening) == 0
    move(zones["South"], TUESDAY, TUESDAY, evening)
    assert tell(evening) == 1
    assert "not Wed, Nov 18 but Tue, Nov 17. Edition 3." in told("correction")[-1]


def test_who_did_not_get_a_stopped_notice_is_not_taken_for_told() -> None:
    zones, ana = reminded()
    ben = wishing(SOUTH, now=EVENING)
    sql("UPDATE reminder_wishes SET seen_edition = 1")
    alert = notice(zones["South"], "sending")
    delivered(alert, ana)
    becomes(alert, "cancelled")
    assert tell(at(MONDAY, 20)) == 1, "Ben"
    assert _to(ben) == ["waiting"]
    assert sql("SELECT message_id FROM reminders WHERE subscriber_id = :id AND kind = 'correction'", id=ana.id) == [
        (None,)
    ]


@pytest.mark.parametrize("sunday", [date(2027, 3, 14), date(2026, 11, 1)])
def test_six_in_the_evening_is_six_when_the_clocks_have_changed(sunday: date) -> None:
    """They change between that evening and the end of the Sunday that changes."""
    eve = sunday - timedelta(1)
    morning = at(eve, 9)
    zones = settle(now=morning - timedelta(days=30))
    with transaction() as s:
        take(s, {"zone": "South", "stream": "trash", "weekdays": "Sun"}, now=morning - timedelta(days=29))
        publish(s, "", morning - timedelta(days=29))
    wishing(SOUTH, now=morning - timedelta(days=28))
    move(zones["South"], sunday, None, morning)
    notice(zones["South"], "draft", edition=3, day=sunday)
    assert tell(morning) == 1
    assert recipients(at(eve, 17, 59)) == 0
    assert recipients(at(eve, 18)) == 1
