"""Digests: what can wait comes once a day or week, in one message a contact, and none is lost or sent twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.channels.sms_segments import count as segments
from notify.content import together
from notify.core.db import transaction
from notify.delivery import claims, digests, held, leases, recovery
from notify.models import Contact, Subscriber, Suppression, Topic
from notify.subscribers import choices, own, proving
from tests.database import sql
from tests.factories import resident, sender, zone
from tests.notify.delivery.night import (
    EVENING,
    FIVE,
    LATER,
    MONDAY,
    MORNING,
    NIGHT,
    NOON,
    choose,
    claim_all,
    ends,
    launch,
    people,
    reader,
    settle,
    states,
    words,
)

pytestmark = pytest.mark.usefixtures("usual_quiet_hours")


def test_what_can_wait_comes_at_five_in_one_message() -> None:
    who = reader()
    first, second, third = (launch(NOON, hours=40) for _ in range(3))
    assert states() == {("held", "digest"): 3}
    assert {row.held_until for row in sql("SELECT held_until FROM batches")} == {FIVE}
    assert held.release(FIVE - timedelta(seconds=1)) == []
    assert len(held.release(FIVE)) == 1
    (one,) = claim_all(FIVE)
    assert one.contact_id == who.sms
    assert ends(third) == {("sending", None): 1}
    assert ends(first) == ends(second) == {("held", "merged"): 1}
    assert one.words is not None
    for alert in (first, second, third):
        assert f"/alerts/{alert}" in one.words.text
    assert one.words.text.endswith("Reply STOP to end texts.")
    assert segments(one.words.text).segments <= together.SEGMENTS
    settle("accepted")
    digests.follow(LATER)
    assert states() == {("accepted", None): 1, ("accepted", "merged"): 2}
    settle("delivered", third)
    digests.follow(LATER + timedelta(hours=1))
    assert states() == {("delivered", None): 1, ("delivered", "merged"): 2}
    held.release(LATER)
    assert claim_all(LATER) == [], "and once"
    assert sorted(recovery.finish_alerts(LATER)) == [first, second], "the batch of the third is still to be settled"


def test_a_digest_of_three_is_one_of_the_number_of_a_day() -> None:
    reader(most_a_day=2)
    for _ in range(3):
        launch(NOON, hours=40)
    held.release(FIVE)
    assert len(claim_all(FIVE)) == 1
    settle("accepted")
    digests.follow(LATER)
    launch(LATER, hours=20)
    launch(LATER, hours=20)
    assert len(claim_all(LATER)) == 1
    assert states()["held", "most-a-day"] == 1


def test_who_has_it_daily_now_does_not_wait_for_monday() -> None:
    who = reader("weekly")
    launch(NOON, hours=24 * 10)
    with transaction() as s:
        choices.choose(s, who.id, choices.Chosen(digest="daily"), NOON)
    held.release(NOON)
    assert claim_all(NOON) == []
    held.release(FIVE)
    assert len(claim_all(FIVE)) == 1


def test_what_waits_for_who_had_a_phone_does_not_go_to_who_has_it() -> None:
    who = reader()
    launch(NOON)
    with transaction() as s:
        other = resident(s, topics=("snow",), phone=None, at=[(5.5, 5.5)], now=NOON)
        theirs, _ = proving.pass_on(s, s.get_one(Contact, who.sms), s.get_one(Subscriber, other.id), NOON)
        assert theirs.id != who.sms
    held.release(FIVE)
    assert claim_all(FIVE) == []
    assert states() == {("skipped", "erased"): 1}


def test_what_waits_comes_in_the_language_chosen_since() -> None:
    who = reader()
    first = launch(NOON, hours=40)
    with transaction() as s:
        own.choose(s, who.id, (Topic.SNOW,), "es", NOON)
    second = launch(NOON, hours=40)
    held.release(FIVE)
    (one,) = claim_all(FIVE)
    assert one.words is not None
    assert "2 mensajes para usted" in one.words.text
    languages = sql("SELECT DISTINCT b.language FROM deliveries d JOIN batches b ON b.id = d.batch_id")
    assert [row.language for row in languages] == ["es"]
    assert ends(second) == {("sending", None): 1}
    assert ends(first) == {("held", "merged"): 1}


def test_what_the_night_holds_comes_in_the_language_chosen_since() -> None:
    (who,) = people(1)
    launch(NIGHT)
    assert states() == {("held", "quiet-hours"): 1}
    with transaction() as s:
        own.choose(s, who.id, (Topic.SNOW,), "es", NIGHT)
        own.choose(s, who.id, (Topic.SNOW,), "es", NIGHT)
    assert [(row.language, row.held_until) for row in sql(
        "SELECT b.language, b.held_until FROM deliveries d JOIN batches b ON b.id = d.batch_id"
    )] == [("es", MORNING)]  # fmt: skip
    assert len(held.release(MORNING)) == 2  # one is empty now
    (one,) = claim_all(MORNING)
    assert one.contact_id == who.sms


def test_one_alert_alone_comes_in_its_own_words() -> None:
    reader()
    launch(NOON)
    held.release(FIVE)
    assert words(claim_all(FIVE)) == [""]


def test_weekly_is_on_monday() -> None:
    reader("weekly")
    launch(NOON, hours=24 * 10)
    assert {row.held_until for row in sql("SELECT held_until FROM batches")} == {MONDAY}


@pytest.mark.parametrize(("hours", "waits"), [(6, False), (7, True)])
def test_an_alert_that_ends_soon_after_does_not_wait_for_the_digest(hours: int, waits: bool) -> None:
    """It is noon, and the digest is at five: it must have two hours to go out."""
    reader()
    launch(NOON, hours=hours)
    assert states() == {("held", "digest") if waits else ("queued", None): 1}
    assert len(claim_all(NOON)) == (0 if waits else 1)


def test_an_alert_that_ends_before_the_digest_still_waits_for_the_end_of_the_night() -> None:
    reader()
    launch(NIGHT, hours=18)
    assert states() == {("held", "quiet-hours"): 1}
    held.release(MORNING)
    assert len(claim_all(MORNING)) == 1


def test_an_emergency_waits_for_no_digest() -> None:
    reader()
    launch(NOON, event="storm")
    assert len(claim_all(NOON)) == 1


def test_the_claim_holds_for_a_digest_that_was_chosen_after_the_launch() -> None:
    (who,) = people(1)
    launch(NOON)
    choose(who, digest="daily")
    assert claim_all(NOON) == []
    assert states() == {("held", "digest"): 1}
    held.release(FIVE)
    assert len(claim_all(FIVE)) == 1


def test_a_digest_in_quiet_hours_comes_when_they_end() -> None:
    reader(quiet_from=FIVE.time().replace(hour=16), quiet_to=FIVE.time().replace(hour=18), timezone=None)
    launch(NOON, hours=40)
    assert {row.held_until for row in sql("SELECT held_until FROM batches")} == {FIVE + timedelta(hours=1)}


def test_a_digest_that_a_slow_sender_left_until_night_comes_in_the_morning() -> None:
    """It has waited for its digest, and does not wait for the next one."""
    reader()
    launch(NOON, hours=40)
    launch(NOON, hours=40)
    held.release(FIVE)
    assert claim_all(NIGHT) == []
    held.release(FIVE + timedelta(hours=2))
    assert claim_all(NIGHT) == []
    held.release(MORNING)
    (one,) = claim_all(MORNING)
    assert one.words is not None


def test_an_opt_out_before_the_claim_stops_all() -> None:
    who = reader()
    first, newest = launch(NOON, hours=40), launch(NOON, hours=40)
    held.release(FIVE)
    with transaction() as s:
        index = s.execute(text("SELECT address_index FROM contacts WHERE id = :id"), {"id": who.sms}).scalar_one()
        s.add(Suppression(channel="sms", address_index=index, topic=None, reason="opt-out", at=FIVE))
    assert claim_all(FIVE) == []
    held.release(FIVE + held.LOOK_AGAIN)
    assert claim_all(FIVE + held.LOOK_AGAIN) == []
    assert ends(first) == ends(newest) == {("skipped", "opt-out"): 1}


def test_a_topic_that_was_left_is_not_in_the_digest() -> None:
    who = reader()
    first, newest = launch(NOON, hours=40, event="collection"), launch(NOON, hours=40)
    with transaction() as s:
        s.execute(text("INSERT INTO preferences (subscriber_id, topic) VALUES (:id, 'collection')"), {"id": who.id})
    assert ends(first) == {("skipped", "not-subscribed"): 1}
    again = launch(NOON, hours=40, event="collection")
    newest = launch(NOON, hours=40)
    held.release(FIVE)
    with transaction() as s:
        s.execute(text("DELETE FROM preferences WHERE topic = 'collection'"))
    (one,) = claim_all(FIVE)
    assert one.words is not None
    assert f"/alerts/{newest}" in one.words.text
    assert f"/alerts/{again}" not in one.words.text


def test_many_residents_and_two_schedulers_get_one_message_each() -> None:
    who = people(30)
    for one in who:
        choose(one, digest="daily")
    alerts = [launch(NOON, hours=40) for _ in range(3)]
    with ThreadPoolExecutor(3) as schedulers:
        list(schedulers.map(lambda _: held.release(FIVE), range(3)))
    claimed = claim_all(FIVE)
    assert Counter(one.contact_id for one in claimed) == {one.sms: 1 for one in who}
    assert all(one.words for one in claimed)
    for alert in alerts[:2]:
        assert ends(alert) == {("held", "merged"): 30}


def test_more_than_a_text_has_room_for_comes_in_the_next_one() -> None:
    reader()
    alerts = [launch(NOON, hours=40) for _ in range(12)]
    texts = []
    for n in range(12):
        at = FIVE + n * held.LOOK_AGAIN
        held.release(at)
        texts += words(claim_all(at))
        settle("accepted")
        digests.follow(at + timedelta(seconds=10))
    assert 2 <= len(texts) <= 4
    assert Counter(row.state for row in sql("SELECT state FROM deliveries")) == {"accepted": 12}
    named = [alert for alert in alerts for said in texts if f"/alerts/{alert} " in f"{said} ".replace("\n", " ")]
    assert sorted(named) == alerts, "each in one of the messages"


def test_whoever_takes_the_digest_back_gets_each_message_alone() -> None:
    who = reader()
    launch(NOON, hours=40), launch(NOON, hours=40)
    with transaction() as s:
        s.execute(text("DELETE FROM choices WHERE subscriber_id = :id"), {"id": who.id})
    held.release(FIVE)
    assert words(claim_all(FIVE)) == [""]
    held.release(FIVE + held.LOOK_AGAIN)
    assert words(claim_all(FIVE + held.LOOK_AGAIN)) == [""]


def test_an_email_lists_all() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        who = resident(s, topics=("snow",), email="", phone=None, now=EVENING)
    choose(who, digest="daily")
    first, second = (launch(NOON, hours=40, channels=("email",)) for _ in range(2))
    held.release(FIVE)
    with transaction() as s:
        by = sender(s, "sendgrid").id
    (batch,) = sql("SELECT id FROM batches WHERE state = 'waiting'")
    lease = leases.lease(batch.id, 60)
    assert lease is not None
    (one,) = claims.claim(lease, by, 10, FIVE) or []
    assert one.words is not None
    assert "2 messages for you" in one.words.subject
    for alert in (first, second):
        assert f"/alerts/{alert}" in one.words.html
        assert f"/alerts/{alert}" in one.words.text
    assert "-unsubscribe_url-" in one.words.html
