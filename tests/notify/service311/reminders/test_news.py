"""A new edition: who was told something that is not true any more is corrected, once, and a near change is told."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.db import transaction
from notify.delivery.direct_conditions import BY_DAY, NEEDED
from notify.models import CollectionNotice, CollectionSchedule
from notify.service311 import rule_store
from notify.service311.reminders import news, wishes
from notify.service311.reminders.aside import Aside
from notify.service311.rules import DayException, State
from tests.database import sql
from tests.factories import Resident, alert_ready, operator
from tests.notify.service311.days import NORTH, SOUTH, publish, settle
from tests.notify.service311.reminders.evenings import MONDAY, at, remind, wishing
from tests.owner import owning

pytestmark = pytest.mark.usefixtures("database")

TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(n) for n in (1, 2, 3))
EVENING = at(MONDAY)


def move(zone: int, day: date, to: date | None, now: datetime) -> None:
    """Publish that a day is moved, or with None called off."""
    how = {"moved_to": to} if to else {"state": State.SUSPENDED}
    with transaction() as s:
        exception = DayException(day, "A. Perez", "a snow storm", zone=str(zone), **how)  # type: ignore[arg-type]
        rule_store.add_exception(s, exception, now)
        publish(s, "storm", now)


def tell(now: datetime) -> int:
    return news.tell(lambda: now, Aside())


def read() -> None:
    """What waits is sent."""
    sql("UPDATE direct_messages SET state = 'accepted' WHERE state = 'waiting'")


def told(kind: str = "") -> list[str]:
    return [
        row[0]
        for row in sql(
            "SELECT m.text FROM reminders r JOIN direct_messages m ON m.id = r.message_id"
            " WHERE :kind IN ('', r.kind) ORDER BY r.id",
            kind=kind,
        )
    ]


def reminded() -> tuple[dict[str, int], Resident]:
    """Somebody in the south who has read of tomorrow's trash, and one in the north who was told nothing."""
    zones = settle()
    ana = wishing(SOUTH)
    wishing(NORTH)
    assert remind(EVENING) == 1
    read()
    return zones, ana


def test_who_was_told_a_day_that_moves_is_corrected_once_and_nobody_else() -> None:
    zones, ana = reminded()
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    assert tell(at(MONDAY, 20)) == 1
    assert told("correction") == [
        "Tocsin city alerts: CHANGED: trash at {place1}: not Tue, Nov 17 but Wed, Nov 18. Edition 2. Reply REMIND OFF"
        " to end."
    ]
    assert sql("SELECT subscriber_id, day, edition, true_in FROM reminders ORDER BY id") == [
        (ana.id, TUESDAY, 1, 1),
        (ana.id, TUESDAY, 2, 2),
    ]
    assert tell(at(MONDAY, 20)) == 0
    assert sql("SELECT DISTINCT seen_edition FROM reminder_wishes") == [(2,)]
    assert sql("SELECT any_hour FROM direct_messages ORDER BY id DESC LIMIT 1") == [(True,)], "of tomorrow: at any hour"


def test_an_edition_that_changes_nothing_of_it_only_says_that_it_holds() -> None:
    zones, _ana = reminded()
    move(zones["North"], THURSDAY + timedelta(7), None, EVENING)
    assert tell(at(MONDAY, 20)) == 0
    assert sql("SELECT edition, true_in FROM reminders") == [(1, 2)]


def test_back_to_the_first_day_is_said_as_well() -> None:
    zones, _ana = reminded()
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    tell(at(MONDAY, 20))
    read()
    move(zones["South"], TUESDAY, TUESDAY, at(MONDAY, 20))
    assert tell(at(MONDAY, 21)) == 1
    assert "trash at {place1}: not Wed, Nov 18 but Tue, Nov 17. Edition 3." in told("correction")[-1]


def test_back_before_the_correction_was_read_nothing_is_said() -> None:
    zones, _ana = reminded()
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    assert tell(at(MONDAY, 20)) == 1
    move(zones["South"], TUESDAY, TUESDAY, at(MONDAY, 20))
    assert tell(at(MONDAY, 20)) == 0
    assert told("correction") == []
    assert sql("SELECT state, reason FROM direct_messages ORDER BY id DESC LIMIT 1") == [("failed", "replaced")]
    assert sql("SELECT true_in FROM reminders") == [(3,)]


def test_two_editions_at_once_are_one_message() -> None:
    zones, _ana = reminded()
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    move(zones["South"], TUESDAY, THURSDAY, EVENING)
    assert tell(at(MONDAY, 20)) == 1
    assert "not Tue, Nov 17 but Thu, Nov 19. Edition 3." in told("correction")[0]


def test_a_reminder_that_still_waits_is_written_anew() -> None:
    zones = settle()
    wishing(SOUTH)
    assert remind(EVENING) == 1
    waits = f"SELECT count(*) FROM direct_messages m WHERE m.state = 'waiting' AND {BY_DAY} AND {NEEDED}"
    given = {"now": at(MONDAY, 20), "city_quiet": None, "city_begin": None, "city_end": None, "city_zone": "UTC"}
    assert sql(waits, **given) == [(1,)]
    move(zones["South"], TUESDAY, None, EVENING)
    assert sql(waits, **given) == [(0,)], "nothing that may be wrong goes out"
    assert tell(at(MONDAY, 20)) == 0
    assert remind(at(MONDAY, 20)) == 1
    assert ["no trash at {place1}. Edition 2." in one for one in told()] == [True]
    assert sql(waits, **given) == [(1,)]
    assert sql("SELECT state, reason FROM direct_messages ORDER BY id") == [("failed", "replaced"), ("waiting", "")]


def test_a_near_day_is_told_at_once_before_any_reminder_and_by_day() -> None:
    zones = settle()
    wishing(SOUTH)
    wishing(SOUTH, language="es")
    morning = at(MONDAY, 9)
    move(zones["South"], TUESDAY, None, morning)
    assert tell(morning) == 2
    english, spanish = told("change")
    assert "CHANGED: trash at {place1}: not Tue, Nov 17, no collection. Edition 2." in english
    assert "CAMBIO: basura en {place1}: no el mar, 17 de nov, no hay recogida. Edicion 2. Fin: RECORDAR NO." in spanish
    assert sql("SELECT DISTINCT any_hour FROM direct_messages") == [(False,)], "it waits for the end of quiet hours"
    assert sql("SELECT DISTINCT day FROM reminders") == [(MONDAY,)]


def test_a_day_that_is_far_is_told_by_no_message() -> None:
    zones = settle()
    wishing(SOUTH)
    move(zones["South"], TUESDAY + timedelta(7), None, EVENING)
    assert tell(EVENING) == 0
    assert sql("SELECT seen_edition FROM reminder_wishes") == [(2,)]


def test_a_change_that_was_not_read_and_taken_back_is_told_by_no_message() -> None:
    zones = settle()
    wishing(SOUTH)
    night = at(MONDAY, 23)
    move(zones["South"], TUESDAY, WEDNESDAY, night)
    assert tell(night) == 1
    move(zones["South"], TUESDAY, TUESDAY, night)
    assert tell(at(TUESDAY, 1)) == 0
    assert told("change") == []


def test_of_what_a_notice_tells_there_is_no_second_message() -> None:
    zones, _ana = reminded()
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    with transaction() as s:
        notice(s, {"zones": [zones["South"]], "days": [TUESDAY.isoformat()], "streams": ["trash"]})
    assert tell(at(MONDAY, 20)) == 0
    assert sql("SELECT kind, message_id IS NULL FROM reminders ORDER BY id") == [
        ("evening", False),
        ("correction", True),
    ]
    move(zones["South"], TUESDAY, TUESDAY, EVENING)
    assert tell(at(MONDAY, 20)) == 1, "what they know by the notice counts as told"
    assert "not Wed, Nov 18 but Tue, Nov 17" in told("correction")[0]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_house_with_days_of_its_own_is_told_by_a_notice_of_it_and_not_by_one_of_its_zone(is_told: bool) -> None:
    zones = settle()
    with transaction() as s:
        s.add(
            CollectionSchedule(
                address="1 Elm St", lon=SOUTH[0], lat=SOUTH[1], stream="trash", weekdays=[2], every_weeks=1,
                set_out_before=1, set_out_at=time(18), source="own", made_at=EVENING,
            )
        )  # fmt: skip
        publish(s, "a house", EVENING)
    wishing(SOUTH, addresses=["1 Elm St"])
    tell(EVENING)
    move(zones["South"], WEDNESDAY, THURSDAY, EVENING)
    with transaction() as s:
        whose = {"zones": [], "houses": [list(SOUTH)]} if is_told else {"zones": [zones["South"]]}
        notice(s, {**whose, "days": [WEDNESDAY.isoformat()], "streams": ["trash"]}, edition=3)
    assert tell(at(MONDAY, 20)) == (0 if is_told else 1)


def notice(s: Session, part: dict[str, list[Any]], edition: int = 2) -> None:
    """A notice that is out."""
    alert = alert_ready(s, zones=["South"])
    s.execute(text("UPDATE alerts SET state = 'sent', launched_at = now() WHERE id = :id"), {"id": alert.id})
    s.add(
        CollectionNotice(
            kind="storm", subject="storm", day=TUESDAY, last_day=WEDNESDAY, edition=edition, alert_id=alert.id,
            incident_id=alert.incident_id, parts=[part], made_at=EVENING, made_by=operator(s).id,
        )
    )  # fmt: skip


def test_two_places_and_streams_in_one_message() -> None:
    zones = settle()
    wishing(SOUTH, NORTH)
    assert remind(EVENING) == 1
    read()
    move(zones["South"], TUESDAY, WEDNESDAY, EVENING)
    move(zones["North"], THURSDAY, None, EVENING)
    now = at(TUESDAY, 9)
    assert tell(now) == 1
    said = told()[-1]
    assert "trash at {place1}: not Tue, Nov 17 but Wed, Nov 18" in said
    assert "trash at {place2}: not Thu, Nov 19, no collection" in said
    assert sql("SELECT any_hour FROM direct_messages ORDER BY id DESC LIMIT 1") == [(False,)], "the day has begun"


def test_who_has_ended_reminders_gets_no_correction() -> None:
    zones, ana = reminded()
    with transaction() as s:
        wishes.stop(s, ana.id, EVENING)
    move(zones["South"], TUESDAY, None, EVENING)
    assert tell(at(MONDAY, 20)) == 0


def test_a_place_that_was_removed_is_not_corrected() -> None:
    zones, ana = reminded()
    sql("DELETE FROM places WHERE subscriber_id = :id", id=ana.id)
    move(zones["South"], TUESDAY, None, EVENING)
    assert tell(at(MONDAY, 20)) == 0


def test_one_resident_whom_postgresql_refuses_keeps_no_other_waiting() -> None:
    zones = settle()
    people = [wishing(SOUTH) for _ in range(3)]
    with owning() as s:
        s.execute(text(f"ALTER TABLE reminders ADD CONSTRAINT bad CHECK (subscriber_id <> {people[1].id})"))
    try:
        move(zones["South"], TUESDAY, None, at(MONDAY, 9))
        assert tell(at(MONDAY, 9)) == 2
    finally:  # the next test has the same database
        with owning() as s:
            s.execute(text("ALTER TABLE reminders DROP CONSTRAINT bad"))
