"""What could go wrong between a reminder and a new edition: it is told once, to whom it concerns, and is true."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.core import points
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery.direct_conditions import BY_DAY, NEEDED
from notify.models import CollectionNotice, Place
from notify.service311 import rule_store
from notify.service311.reminders import change_words
from notify.service311.reminders.changes import Change, Status
from notify.service311.rules import SetOut
from tests import factories
from tests.database import sql
from tests.factories import alert_ready, operator
from tests.notify.service311.days import NORTH, NOW, SOUTH, THANKSGIVINGS, publish, settle, take
from tests.notify.service311.reminders.evenings import MONDAY, at, remind, wishing
from tests.notify.service311.reminders.test_news import EVENING, THURSDAY, TUESDAY, WEDNESDAY, move, read, tell, told
from tests.owner import owning

pytestmark = pytest.mark.usefixtures("database")

MORNING = at(MONDAY, 9)


def goes_out(now: datetime) -> list[str]:
    """What may be sent at a moment by day."""
    zone = settings().timezone
    given = {"now": now, "city_quiet": None, "city_begin": None, "city_end": None, "city_zone": zone}
    rows = sql(f"SELECT m.text FROM direct_messages m WHERE m.state = 'waiting' AND {BY_DAY} AND {NEEDED}", **given)
    return [said for (said,) in rows]


def notice(
    zone: int,
    state: str,
    *,
    edition: int = 2,
    stream: str = "trash",
    channels: Sequence[str] = ("sms",),
    day: date = TUESDAY,
    incident: int | None = None,
) -> int:
    """A notice about Tuesday; the id of its alert."""
    with transaction() as s:
        alert = alert_ready(s, zones=["South"], channels=channels)
        parts = [{"zones": [zone], "days": [day.isoformat()], "streams": [stream]}]
        s.add(
            CollectionNotice(
                kind="storm", subject="storm", day=day, last_day=day + timedelta(1), edition=edition, alert_id=alert.id,
                incident_id=incident or alert.incident_id, parts=parts, made_at=EVENING, made_by=operator(s).id,
            )
        )  # fmt: skip
        alert_id = alert.id
    becomes(alert_id, state)
    return alert_id


def becomes(alert: int, state: str) -> None:
    values = {"state": state, "out": state in ("sending", "paused", "sent"), "id": alert}
    out = "launched_at = coalesce(launched_at, CASE WHEN :out THEN now() END)"
    sql(f"UPDATE alerts SET state = CAST(:state AS alert_state), {out} WHERE id = :id", **values)


@pytest.mark.parametrize("state", ["draft", "approved", "scheduled"])
def test_a_near_change_waits_for_the_approval_of_its_notice_and_is_not_told_twice(state: str) -> None:
    zones = settle()
    wishing(SOUTH)
    move(zones["South"], TUESDAY, WEDNESDAY, MORNING)
    alert = notice(zones["South"], state)
    assert tell(MORNING) == 1
    assert goes_out(MORNING) == []
    becomes(alert, "sending")
    assert goes_out(MORNING) == []
    becomes(alert, "sent")
    assert goes_out(at(MONDAY, 19)) == [], "the notice says it"


def test_a_near_change_goes_out_when_its_notice_is_cancelled_or_late() -> None:
    zones = settle()
    wishing(SOUTH)
    move(zones["South"], TUESDAY, WEDNESDAY, MORNING)
    alert = notice(zones["South"], "draft")
    tell(MORNING)
    assert goes_out(at(MONDAY, 17, 59)) == []
    assert len(goes_out(at(MONDAY, 18))) == 1, "the evening before"
    _launch_at(alert, at(MONDAY, 20))
    assert len(goes_out(MORNING)) == 1, "the notice comes later than that"
    _launch_at(alert, None)
    becomes(alert, "cancelled")
    assert len(goes_out(MORNING)) == 1


def _launch_at(alert: int, when: datetime | None) -> None:
    with owning() as s:
        s.execute(text("UPDATE alerts SET launch_at = :at WHERE id = :id"), {"at": when, "id": alert})


def test_a_notice_that_waits_holds_no_correction_and_no_other_change() -> None:
    zones = settle()
    wishing(SOUTH)
    remind(EVENING)
    read()
    wishing(NORTH)
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    notice(zones["South"], "draft")
    assert tell(at(MONDAY, 20)) == 1
    assert len(goes_out(at(MONDAY, 20))) == 1
    move(zones["North"], WEDNESDAY + timedelta(1), None, at(TUESDAY, 9))
    read()
    assert tell(at(TUESDAY, 9)) == 1
    assert "no collection. Edition 3" in goes_out(at(TUESDAY, 9))[0]


def test_a_message_that_is_held_is_compared_anew_with_the_next_edition() -> None:
    zones = settle()
    wishing(SOUTH)
    move(zones["South"], TUESDAY, WEDNESDAY, MORNING)
    notice(zones["South"], "draft")
    tell(MORNING)
    move(zones["South"], TUESDAY, TUESDAY, MORNING)
    assert tell(MORNING) == 0
    assert told() == []


@pytest.mark.parametrize(
    ("how", "lowest"), [({"channels": ["email"]}, None), ({"stream": "recycling"}, None), ({}, 4)],
    ids=["another channel", "another stream", "below their severity"],
)  # fmt: skip
def test_who_does_not_get_a_notice_is_told_by_us(how: dict[str, object], lowest: int | None) -> None:
    zones = settle()
    one = wishing(SOUTH)
    sql("UPDATE contacts SET lowest_severity = :lowest WHERE subscriber_id = :id", lowest=lowest, id=one.id)
    move(zones["South"], TUESDAY, WEDNESDAY, MORNING)
    notice(zones["South"], "sent", **how)  # type: ignore[arg-type]
    assert tell(MORNING) == 1


def test_who_left_the_topic_gets_no_notice_and_is_told_by_us() -> None:
    zones = settle()
    one = wishing(SOUTH)
    sql("DELETE FROM preferences WHERE subscriber_id = :id", id=one.id)
    move(zones["South"], TUESDAY, WEDNESDAY, MORNING)
    notice(zones["South"], "sent")
    assert tell(MORNING) == 1


def test_days_that_contradict_each_other_are_not_said_to_be_off() -> None:
    """A second zone over the place has another weekday for trash in the new edition: nothing is said."""
    settle()
    with transaction() as s:
        factories.zone(s, "Overlap", box(1, 0, 2, 1), "collection", now=NOW)
    wishing(SOUTH)
    assert remind(EVENING) == 1
    read()
    with transaction() as s:
        take(s, {"zone": "Overlap", "stream": "trash", "weekdays": "Fri"}, now=EVENING)
        publish(s, "", EVENING)
    assert tell(at(MONDAY, 20)) == 0, told()


NEW_YEAR = date(2026, 12, 31)  # a Thursday


@pytest.fixture
def one_year() -> dict[str, int]:
    """Holidays are listed to the end of 2026, and then those of 2027."""
    return settle(holidays=THANKSGIVINGS[:1])


def test_the_holidays_of_a_new_year_are_no_change_of_its_first_days(one_year: dict[str, int]) -> None:
    with transaction() as s:
        take(s, {"zone": "South", "stream": "recycling", "weekdays": "Fri"})
        publish(s)
    wishing(SOUTH)
    evening = at(NEW_YEAR - timedelta(1), 20)
    with transaction() as s:
        rule_store.add_holiday(s, "Thanksgiving Day", THANKSGIVINGS[1:3], "city code 12", evening)
        publish(s, "the year 2027", evening)
    assert tell(evening) == 0, told()


def test_a_change_that_waits_longer_than_a_day_is_not_lost_with_the_next_edition() -> None:
    """Told on Sunday of Tuesday, while no sender was open until Monday afternoon."""
    zones = settle()
    wishing(SOUTH)
    sunday = at(MONDAY - timedelta(1), 20)
    move(zones["South"], TUESDAY, WEDNESDAY, sunday)
    assert tell(sunday) == 1
    move(zones["North"], THURSDAY + timedelta(7), None, at(MONDAY, 13))
    assert tell(at(MONDAY, 13)) == 1
    assert [one for one in goes_out(at(MONDAY, 13)) if "not Tue, Nov 17 but Wed, Nov 18" in one]


def test_a_reminder_that_waited_past_midnight_is_not_expected_to_be_written_anew() -> None:
    zones = settle()
    wishing(SOUTH)
    assert remind(EVENING) == 1
    move(zones["South"], TUESDAY, WEDNESDAY, at(TUESDAY, 0))
    assert tell(at(TUESDAY, 0, 1)) == 1
    assert "not Tue, Nov 17 but Wed, Nov 18" in told("change")[0]
    assert remind(at(TUESDAY, 0, 1)) == 0


def test_a_weekday_that_is_given_up_is_told_whole_to_who_has_not_read_their_reminder() -> None:
    settle()
    wishing(SOUTH)
    assert remind(EVENING) == 1
    with transaction() as s:
        take(s, {"zone": "South", "stream": "trash", "weekdays": "Wed"}, now=EVENING)
        publish(s, "", EVENING)
    assert tell(at(MONDAY, 20)) == 1
    (said,) = told()
    assert "not Tue, Nov 17, no collection" in said
    assert "collected Wed, Nov 18" in said
    assert remind(at(MONDAY, 20)) == 0, "there is nothing to say of Tuesday"


def test_a_change_that_may_have_left_may_be_sent_again_after_an_edition_that_leaves_it_true() -> None:
    zones = settle()
    wishing(SOUTH)
    move(zones["South"], TUESDAY, WEDNESDAY, MORNING)
    assert tell(MORNING) == 1
    sql("UPDATE direct_messages SET state = 'unknown'")
    move(zones["North"], THURSDAY + timedelta(7), None, MORNING)
    assert tell(MORNING) == 0
    sql("UPDATE direct_messages SET state = 'waiting'")  # the provider never took it
    assert len(goes_out(MORNING)) == 1


def test_of_a_reminder_that_may_have_left_a_correction_is_sent_and_it_never_is() -> None:
    zones = settle()
    wishing(SOUTH)
    remind(EVENING)
    sql("UPDATE direct_messages SET state = 'claimed'")
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    assert tell(at(MONDAY, 20)) == 1
    sql("UPDATE direct_messages SET state = 'waiting'")
    assert [one for one in goes_out(at(MONDAY, 20)) if "tomorrow" in one] == []


@pytest.mark.parametrize(
    ("out", "says"),
    [
        (SetOut(TUESDAY, time(6)), "trash at {place1}: Tue, Nov 17, set out by 6:00"),
        (SetOut(MONDAY, time(18)), "Tue, Nov 17, set out on Mon, Nov 16 from 6:00"),
    ],
)
def test_an_hour_of_the_evening_before_is_not_read_as_that_of_the_day(out: SetOut, says: str) -> None:
    one = Change(
        "trash",
        TUESDAY,
        Status("on", TUESDAY, SetOut(TUESDAY, time(7))),
        Status("on", TUESDAY, out),
    )
    assert says in change_words.change(2, {1: (one,)}, "en", letter=False, asked=True).text


def test_a_change_of_today_is_told_until_noon() -> None:
    zones = settle()
    wishing(SOUTH)
    move(zones["South"], TUESDAY, None, at(TUESDAY, 9))
    assert tell(at(TUESDAY, 12)) == 0, "it was collected"
    sql("UPDATE reminder_wishes SET seen_edition = 1")
    assert tell(at(TUESDAY, 11, 59)) == 1


@pytest.mark.parametrize("far", [0, 1])
def test_near_is_today_tomorrow_and_the_day_after(far: int) -> None:
    zones = settle()
    wishing(SOUTH)
    now = at(TUESDAY - timedelta(2 + far), 23, 59)
    move(zones["South"], TUESDAY, None, now)
    assert tell(now) == 1 - far


def test_who_is_muted_is_told_nothing_neither_now_nor_later() -> None:
    zones = settle()
    one = wishing(SOUTH)
    sql("UPDATE preferences SET muted_until = :until WHERE subscriber_id = :id", until=at(MONDAY, 22), id=one.id)
    move(zones["South"], TUESDAY, None, EVENING)
    assert tell(at(MONDAY, 20)) == 0
    assert tell(at(MONDAY, 23)) == 0


def test_a_place_that_was_added_after_the_reminder_is_told_of_its_change() -> None:
    zones = settle()
    one = wishing(NORTH)
    move(zones["South"], TUESDAY, None, EVENING)
    with transaction() as s:
        (seal,) = points.seal_all([one.id], [SOUTH[0]], [SOUTH[1]])
        s.add(Place(subscriber_id=one.id, label="work", radius_m=0, created_at=EVENING, **seal._asdict()))
    assert tell(at(MONDAY, 20)) == 1


@pytest.mark.parametrize("spring", [date(2027, 3, 13), date(2027, 3, 14), date(2026, 10, 31), date(2026, 11, 1)])
def test_the_days_on_which_clocks_change_have_their_evening(spring: date) -> None:
    settle(now=NOW - timedelta(30))
    one = wishing(SOUTH, now=NOW - timedelta(30))
    day = spring + timedelta(1)
    with transaction() as s:
        take(s, {"zone": "South", "stream": "trash", "weekdays": f"{day:%a}"}, now=NOW - timedelta(30))
        publish(s, "", NOW - timedelta(29))
    sql("UPDATE reminder_wishes SET seen_edition = 2, seen_day = :day WHERE subscriber_id = :id", day=spring, id=one.id)
    assert remind(at(spring, 18, 59)) == 0
    assert remind(at(spring, 19)) == 1
    assert sql("SELECT until FROM reminders") == [(at(day, 0),)]


def test_of_two_houses_at_one_point_nobody_is_told_the_days_of_their_zone() -> None:
    settle()
    for address, day in (("120 Main St", 0), ("122 Main St", 4)):
        sql(f"""INSERT INTO collection_schedules (address, lon, lat, stream, weekdays, every_weeks, set_out_before,
                    set_out_at, source, from_edition, made_at)
                VALUES ('{address}', 0.5, 0.5, 'trash', '{{{day}}}', 1, 1, '18:00', 'own', 1, now())""")
    wishing(NORTH, addresses=())
    assert remind(at(WEDNESDAY)) == 0, told()
    wishing(NORTH, addresses=("122 Main St",))
    assert remind(at(THURSDAY)) == 1


def test_a_change_that_was_read_this_morning_is_no_reminder() -> None:
    zones = settle()
    wishing(SOUTH, NORTH)
    move(zones["North"], THURSDAY, None, at(TUESDAY, 8))
    assert tell(at(TUESDAY, 8)) == 1
    read()
    move(zones["South"], TUESDAY, None, at(TUESDAY, 9))
    assert tell(at(TUESDAY, 9)) == 1
    assert (len(told("change")), told("correction")) == (2, [])
