"""Nobody missed, nobody twice: whatever dies, and whenever. Counted at the simulator."""

from collections import Counter

import pytest
import redis

from notify.alerts.writing.wordings import Part, Wording
from notify.core.settings import settings
from notify.models.states import AlertState
from tests.acceptance.city import SILENT, City
from tests.rates import departures, fullest_second
from tests.waiting import until


def test_a_killed_worker_loses_nobody_and_doubles_nobody(city: City) -> None:
    block = city.block(phones=150)
    city.behave(twilio={"latency_ms": 120})
    city.rate("sms", 60)
    alert = city.launch(city.approved(block.zone))
    until(lambda: len(city.texts(block.phones)) >= 20, 60, "the batch is under way")
    city.stack.kill("worker-emergency")
    progress = city.until_delivered(alert, 90)
    assert Counter(city.texts(block.phones)) == Counter(block.phones)
    assert progress.deliveries["delivered"] == 150
    assert sum(progress.deliveries.values()) == progress.audience.total == 150


def test_a_killed_worker_leaves_each_the_words_of_their_place(city: City) -> None:
    here, there = city.block(phones=60), city.block(phones=60)
    city.behave(twilio={"latency_ms": 120})
    city.rate("sms", 40)
    alert = city.launch(
        city.approved(
            "",
            zones=(here.zone, there.zone),
            wording_parts=[Part(1, here.shape, here.zone)],
            wordings=[Wording(frozenset({1}), {"hazard": "tornado"})],
        )
    )
    until(lambda: len(city.texts([*here.phones, *there.phones])) >= 20, 60, "the batches are under way")
    city.stack.kill("worker-emergency")
    city.until_delivered(alert, 90)
    assert Counter(city.texts(here.phones)) == Counter(here.phones)
    assert Counter(city.texts(there.phones)) == Counter(there.phones)
    said = {m["to"]: "tornado" in m["body"].lower() for m in city.received("twilio") if f"/alerts/{alert}" in m["body"]}
    assert said == dict.fromkeys(here.phones, True) | dict.fromkeys(there.phones, False)


def test_a_wiped_redis_loses_nobody_and_doubles_nobody(city: City) -> None:
    block = city.block(phones=200, emails=60)
    city.rate("sms", 50)
    city.rate("email", 20)
    alert = city.launch(city.approved(block.zone, channels=("sms", "email")))
    until(lambda: len(city.texts(block.phones)) >= 20, 60, "messages are going out")
    with redis.Redis.from_url(settings().require_redis()) as memory:
        memory.flushall()
    progress = city.until_delivered(alert, 90)
    assert Counter(city.texts(block.phones)) == Counter(block.phones)
    assert Counter(city.mails(block.emails)) == Counter(block.emails)
    assert sum(progress.deliveries.values()) == progress.audience.total == 260


def test_doorbells_lost_with_redis_before_any_worker_heard_them_are_rung_again(city: City) -> None:
    block = city.block(phones=5)
    alert = city.approved(block.zone)
    with redis.Redis.from_url(settings().require_redis()) as memory:
        city.launch(alert)
        memory.flushall()
    city.until_delivered(alert, 60)
    assert Counter(city.texts(block.phones)) == Counter(block.phones)


def test_a_message_accepted_but_never_answered_is_found_again_and_not_doubled(city: City) -> None:
    block = city.block(phones=6)
    city.behave(twilio={"next_errors": [{"accept_then_hang_s": 8}, {"accept_then_hang_s": 8}]} | SILENT)
    progress = city.until_over(city.launch(city.approved(block.zone)), 60)
    assert Counter(city.texts(block.phones)) == Counter(block.phones)
    assert progress.deliveries["failed"] == progress.deliveries["unknown"] == 0
    assert len(city.asked_about(block.phones)) >= 2


def test_a_request_that_hangs_and_is_not_taken_is_sent_again(city: City) -> None:
    block = city.block(phones=4)
    city.behave(twilio={"next_errors": [{"hang_s": 8}]})
    city.until_over(city.launch(city.approved(block.zone)), 60)
    assert Counter(city.texts(block.phones)) == Counter(block.phones)


def test_a_429_rests_the_sender_and_loses_nobody(city: City) -> None:
    block = city.block(phones=30)
    faults = [{"status": 429, "code": 20429, "retry_after": 1}] * 5
    city.behave(twilio={"next_errors": faults})
    city.until_delivered(city.launch(city.approved(block.zone)))
    assert Counter(city.texts(block.phones)) == Counter(block.phones)


def test_a_doorbell_that_rings_three_times_sends_once(city: City) -> None:
    from notify.delivery.recovery import Doorbell
    from notify.models import Lane
    from notify.operations import tasks

    block = city.block(phones=30)
    city.rate("sms", 20)
    alert = city.launch(city.approved(block.zone))
    batches = until(lambda: city.sql("SELECT id FROM batches WHERE alert_id = :alert", alert=alert), 60, "batches")
    for _ in range(3):
        tasks.ring_batches([Doorbell(row.id, Lane.EMERGENCY) for row in batches])
    city.until_delivered(alert)
    assert Counter(city.texts(block.phones)) == Counter(block.phones)


def test_a_cancel_in_mid_send_stops_the_rest_and_counts_what_was_out(city: City) -> None:
    people = 300  # for a minute: more than a busy machine lets go by until it is cancelled
    block = city.block(phones=people)
    city.rate("sms", 6)
    alert = city.launch(city.approved(block.zone))
    until(lambda: len(city.texts(block.phones)) >= 6, 60, "the first messages are out")
    city.cancel(alert)
    city.rate("sms", 100)
    settled = until(
        lambda: p if not (p := city.progress(alert)).deliveries["sending"] + p.deliveries["queued"] else None,
        60,
        "everything is settled",
    )
    out = len(city.texts(block.phones))
    assert settled.deliveries["cancelled"] == people - out
    assert out < people
    assert sum(settled.deliveries.values()) == settled.audience.total


@pytest.mark.timed
def test_no_window_of_a_second_holds_more_than_the_rate(city: City) -> None:
    block = city.block(phones=160)
    city.rate("sms", 40)
    city.until_over(city.launch(city.approved(block.zone)))
    (segments,) = {m["segments"] for m in city.received("twilio") if m["to"] in set(block.phones)}
    arrived = city.posted(block.phones)
    assert len(arrived) == 160
    assert fullest_second(departures(), arrived) * segments <= 40


@pytest.mark.long
def test_nothing_leaves_after_the_alert_has_expired_and_everybody_is_accounted_for(city: City) -> None:
    people = 400  # more than go out until then
    block = city.block(phones=people)
    city.rate("sms", 10)
    alert = city.launch(city.approved(block.zone, lasts_s=30))
    until(lambda: city.progress(alert).state == AlertState.EXPIRED, 120, "the alert has expired")
    settled = until(
        lambda: p if not (p := city.progress(alert)).deliveries["sending"] + p.deliveries["queued"] else None,
        60,
        "everything is settled",
    )
    mine = set(block.phones)
    sent = [form for _, form in city.forms() if form.get("To") in mine]
    left = departures()  # the machine decides how long a request is under way
    end = city.sql("SELECT expires_at FROM alerts WHERE id = :a", a=alert)[0].expires_at.timestamp()
    assert 0 < len(sent) < people
    assert all(left[form["To"]] + float(form["ValidityPeriod"]) <= end for form in sent)
    assert max(city.posted(block.phones).values()) <= end
    assert settled.deliveries["expired"] == people - len(sent)
    assert sum(settled.deliveries.values()) == settled.audience.total == people
