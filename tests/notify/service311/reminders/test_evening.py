"""The evening before: who is reminded of what, in which words, and once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from notify.channels import sms_segments
from notify.core.db import transaction
from notify.models import Topic
from notify.service311.reminders import evening, wishes
from notify.service311.reminders.aside import Aside
from notify.subscribers import consent, serving
from tests.database import sql
from tests.factories import resident
from tests.notify.service311.days import NORTH, NOW, SOUTH, publish, settle, suspend, take
from tests.notify.service311.reminders.evenings import MONDAY, at, remind, wishing
from tests.owner import owning

pytestmark = pytest.mark.usefixtures("database")

WEDNESDAY = date(2026, 11, 18)
THANKSGIVING_EVE = date(2026, 11, 25)


def words() -> list[str]:
    return [row[0] for row in sql("SELECT text FROM direct_messages WHERE kind = 'reminder' ORDER BY id")]


def seen() -> list[date]:
    return [row[0] for row in sql("SELECT seen_day FROM reminder_wishes ORDER BY subscriber_id")]


def test_all_streams_and_places_are_one_message() -> None:
    settle()
    with transaction() as s:
        take(s, {"zone": "South", "stream": "yard", "weekdays": "Thu", "set_out": "7:00"})
        publish(s, "yard waste", NOW)
    ana = wishing(NORTH, (0.2, 0.2), SOUTH)
    thursday = date(2026, 11, 26) - timedelta(7)
    assert remind(at(WEDNESDAY)) == 1
    assert words() == [
        "Tocsin city alerts: tomorrow, Thu, Nov 19: trash (set out today from 6:00 PM) at {place1} and {place2}; yard"
        " waste (set out by 7:00 AM) at {place3}. Edition 2. Reply REMIND OFF to end."
    ]
    assert sql("SELECT kind, day, edition, true_in, array_length(places, 1) FROM reminders") == [
        ("evening", thursday, 2, 2, 3)
    ]
    assert seen() == [thursday]
    assert sql("SELECT contact_id, channel, state, any_hour FROM direct_messages") == [
        (ana.sms, "sms", "waiting", True)
    ]
    assert remind(at(WEDNESDAY, 20)) == 0
    assert len(words()) == 1


@pytest.mark.parametrize(
    ("weeks", "streams"),
    [(2, "trash at"), (3, "recycling (set out by 6:00 AM), trash (set out today from")],
)
def test_alternating_weeks(weeks: int, streams: str) -> None:
    settle()
    wishing(NORTH)
    remind(at(WEDNESDAY + timedelta(weeks=weeks)))
    assert f": {streams}" in words()[0]


def test_a_usual_reminder_is_one_segment() -> None:
    settle()
    wishing(SOUTH)
    wishing(SOUTH, language="es")
    assert remind(at(MONDAY)) == 2
    english, spanish = words()
    assert english == (
        "Tocsin city alerts: tomorrow, Tue, Nov 17: trash at {place1}. Set out today from 6:00 PM. Edition 1. Reply"
        " REMIND OFF to end."
    )
    assert spanish == (
        "Tocsin city alerts: mañana, mar, 17 de nov: basura en {place1}. Saquelo hoy desde las 6:00 pm. Edicion 1. Fin:"
        " RECORDAR NO."
    )
    for said in (english, spanish):
        assert sms_segments.count(said.replace("{place1}", "1200 Washington Blvd")).segments == 1


def test_an_email_has_a_subject_and_the_link_that_ends_it() -> None:
    settle()
    wishing(SOUTH, channel="email", email="ana@example.org")
    remind(at(MONDAY))
    ((subject, text_),) = sql("SELECT subject, text FROM direct_messages")
    assert subject == "Collections tomorrow, Tuesday, November 17"
    assert text_.startswith("Tomorrow, Tuesday, November 17: trash at {place1}.")
    assert "-unsubscribe_url-" in text_
    assert "edition 1" in text_


def test_a_holiday_is_told_on_the_eve_of_the_usual_day_and_of_the_new_one() -> None:
    settle()
    wishing(NORTH)
    remind(at(THANKSGIVING_EVE))
    remind(at(THANKSGIVING_EVE + timedelta(1)))
    eve, holiday = words()
    assert "tomorrow, Thu, Nov 26: no recycling or trash (moved to Fri, Nov 27) at {place1}." in eve
    assert "tomorrow, Fri, Nov 27: recycling (moved from Thu, Nov 26, set out by 6:00 AM), trash (moved from" in holiday


def test_what_is_suspended_is_told() -> None:
    zones = settle()
    suspend(zones["South"], [date(2026, 11, 17)], NOW)
    wishing(SOUTH)
    remind(at(MONDAY))
    assert "tomorrow, Tue, Nov 17: no trash at {place1}. Edition 2." in words()[0]


def test_without_a_collection_only_the_day_is_noted() -> None:
    settle()
    wishing(NORTH)
    wishing((7.0, 7.0))  # in no zone
    assert remind(at(MONDAY)) == 0
    assert words() == []
    assert seen() == [date(2026, 11, 17)] * 2


def test_before_the_first_edition_nothing_is_noted() -> None:
    wishing(SOUTH)
    assert remind(at(MONDAY)) == 0
    assert seen() == [MONDAY]


def test_it_comes_at_the_hour_or_later_the_same_evening_and_never_the_next_day() -> None:
    settle()
    wishing(SOUTH, hour=20)
    assert remind(at(MONDAY, 19, 59)) == 0
    assert remind(at(MONDAY + timedelta(1), 0, 1)) == 0, "midnight is over: too late"
    assert remind(at(MONDAY, 23, 59)) == 1, "a scheduler that was down all evening"
    ((until,),) = sql("SELECT until FROM reminders")
    assert until == at(MONDAY + timedelta(1), 0)


def test_midnight_passes_between_two_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    settle()
    monkeypatch.setattr(evening, "AT_ONCE", 1)
    for _ in range(3):
        wishing(SOUTH, hour=23)
    times = iter([at(MONDAY, 23, 58), at(MONDAY, 23, 59), at(MONDAY + timedelta(1), 0), at(MONDAY + timedelta(1), 0)])
    assert evening.remind(lambda: next(times), Aside()) == 2
    assert sorted(seen()) == [MONDAY, date(2026, 11, 17), date(2026, 11, 17)]


@pytest.mark.parametrize("sunday", [date(2026, 11, 1), date(2027, 3, 14)], ids=["clocks back", "clocks forward"])
def test_the_evening_before_the_clocks_change(sunday: date) -> None:
    before = at(sunday - timedelta(10))
    settle(before)
    with transaction() as s:
        take(s, {"zone": "South", "stream": "trash", "weekdays": "Sun"}, now=before)
        publish(s, "Sundays", before)
    wishing(SOUTH, hour=23, now=at(sunday - timedelta(2)))
    saturday = sunday - timedelta(1)
    assert remind(at(saturday, 22, 59)) == 0
    assert remind(at(saturday, 23)) == 1
    assert sql("SELECT day, until FROM reminders") == [(sunday, at(sunday, 0))]


def test_another_hour_or_a_new_wish_after_it_was_sent_brings_no_second_one() -> None:
    settle()
    ana = wishing(SOUTH)
    assert remind(at(MONDAY)) == 1
    with transaction() as s:
        wishes.wish(s, ana.id, 21, "sms", at(MONDAY, 20), how=consent.BY_WEB)
    assert remind(at(MONDAY, 21)) == 0
    with transaction() as s:
        wishes.stop(s, ana.id, at(MONDAY, 21))
        wishes.wish(s, ana.id, 22, "sms", at(MONDAY, 21), how=consent.BY_WEB)
    assert remind(at(MONDAY, 22)) == 0, "the row is there already"
    assert len(words()) == 1


def test_who_may_not_be_written_to_is_passed_over() -> None:
    settle()
    left, muted, elsewhere, erased, moved = (wishing(SOUTH) for _ in range(5))
    all_muted = wishing(SOUTH)
    with transaction() as s:
        values = {"id": moved.sms, "new": resident(s).id}
        consent.opt_out(s, "sms", left.phone, how="a test", now=NOW, topic=Topic.COLLECTION)
        later = {"until": at(MONDAY, 23), "id": muted.id, "all": all_muted.id}
        s.execute(text("UPDATE preferences SET muted_until = :until WHERE subscriber_id = :id"), later)
        s.execute(
            text("UPDATE preferences SET topic = 'storm', muted_until = :until WHERE subscriber_id = :all"), later
        )
        consent.opt_out(s, "sms", elsewhere.phone, how="a test", now=NOW)
        serving.erase_own(s, erased.id, NOW, None, how="a test")
        s.execute(text("UPDATE contacts SET subscriber_id = :new WHERE id = :id"), values)
    assert remind(at(MONDAY)) == 0
    assert words() == []
    assert sql("SELECT count(*) FROM reminder_wishes WHERE subscriber_id = :id", id=erased.id) == [(0,)]


def test_a_topic_that_is_muted_mutes_no_reminders_of_collections() -> None:
    settle()
    ana = wishing(SOUTH)
    sql("INSERT INTO preferences (subscriber_id, topic, muted_until) VALUES (:id, 'storm', :until)",
        id=ana.id, until=at(MONDAY, 23))  # fmt: skip
    assert remind(at(MONDAY)) == 1


def test_a_language_without_words_falls_back_to_one_that_has_some() -> None:
    settle()
    wishing(SOUTH, language="vi")
    wishing(SOUTH)
    assert remind(at(MONDAY)) == 2
    assert words()[0] == words()[1]


def test_a_damaged_place_is_left_out_and_the_others_are_told() -> None:
    settle()
    ana, ben = wishing(SOUTH), wishing(SOUTH, (1.2, 0.2))
    spoilt = "UPDATE places SET point_sealed = decode(repeat('00', 16), 'hex') WHERE id = (SELECT min(id) FROM places"
    for one in (ana, ben):
        sql(f"{spoilt} WHERE subscriber_id = :id)", id=one.id)
    wishing(SOUTH)
    assert remind(at(MONDAY)) == 2
    assert sql("SELECT array_length(places, 1) FROM reminders") == [(1,), (1,)]


def test_one_resident_whom_postgresql_refuses_keeps_no_other_waiting() -> None:
    settle()
    people = [wishing(SOUTH) for _ in range(5)]
    with owning() as s:
        s.execute(text(f"ALTER TABLE reminders ADD CONSTRAINT bad CHECK (subscriber_id <> {people[2].id})"))
    aside = Aside()
    assert remind(at(MONDAY), aside) == 4
    assert list(aside.now()) == [people[2].id]
    assert sql("SELECT kind FROM alarms") == [("refused-row",)]
    assert seen().count(MONDAY) == 1
    with owning() as s:
        s.execute(text("ALTER TABLE reminders DROP CONSTRAINT bad"))
    assert remind(at(MONDAY), aside) == 0
    assert remind(at(MONDAY)) == 1, "once they are not aside any more"


def test_a_run_that_breaks_off_is_finished_by_the_next() -> None:
    """Nothing is kept of a batch that was not committed: neither the row, nor the message, nor the day."""
    settle()
    wishing(SOUTH)
    with owning() as s:
        s.execute(text("ALTER TABLE reminder_wishes ADD CONSTRAINT bad CHECK (seen_day < '2026-11-17')"))
    remind(at(MONDAY))
    assert sql("SELECT (SELECT count(*) FROM reminders), (SELECT count(*) FROM direct_messages)") == [(0, 0)]
    with owning() as s:
        s.execute(text("ALTER TABLE reminder_wishes DROP CONSTRAINT bad"))
    assert remind(at(MONDAY)) == 1
    assert len(words()) == 1


def test_what_another_process_has_is_skipped() -> None:
    settle()
    held, free = wishing(SOUTH), wishing(SOUTH)
    with transaction() as s:
        s.execute(text("SELECT FROM reminder_wishes WHERE subscriber_id = :id FOR UPDATE"), {"id": held.id})
        assert remind(at(MONDAY)) == 1
    assert sql("SELECT subscriber_id FROM reminders") == [(free.id,)]
    assert remind(at(MONDAY)) == 1
