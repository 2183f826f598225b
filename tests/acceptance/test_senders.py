"""A new rate, a stop, a provider out of order: in mid-send, by the real command, with real processes."""

import time
from datetime import datetime
from typing import Any

import pytest

from tests.acceptance.city import City
from tests.rates import departures, fullest_second
from tests.waiting import until

pytestmark = pytest.mark.timed


def sender_of(city: City, channel: str) -> int:
    return int(city.sql("SELECT id FROM senders WHERE channel = :c ORDER BY id LIMIT 1", c=channel)[0][0])


def changed_at(city: City, sender: int) -> float:
    """When somebody last changed it, in seconds of the epoch."""
    (found,) = city.sql("SELECT max(at) AS at FROM audit WHERE subject = 'sender' AND subject_id = :id", id=sender)
    return float(found.at.timestamp())


def test_a_stop_acts_within_a_second_in_mid_send(city: City) -> None:
    block = city.block(phones=600)  # for longer than any command takes to start
    city.rate("sms", 40)
    alert = city.launch(city.approved(block.zone))
    until(lambda: len(city.arrivals(block.phones)) >= 20, 60, "messages are going out")
    done = city.run("senders", "set", str(sender_of(city, "sms")), "--status", "stopped")
    assert done.returncode == 0, done.stderr
    stopped_at = changed_at(city, sender_of(city, "sms"))
    until(lambda: time.time() > stopped_at + 2.5, 60, "two more seconds")
    before = city.arrivals(block.phones)
    assert max(before.values()) < stopped_at + 1
    assert len(before) < 600
    city.run("senders", "set", str(sender_of(city, "sms")), "--status", "open")
    city.rate("sms", 400)
    city.until_over(alert, 60)
    assert len(set(city.texts(block.phones))) == len(city.texts(block.phones)) == 600


@pytest.mark.parametrize(("first", "then"), [(60, 20), (20, 60)])
def test_a_new_rate_acts_within_a_second_in_mid_send(city: City, first: int, then: int) -> None:
    block = city.block(phones=400)
    city.rate("sms", first)
    alert = city.launch(city.approved(block.zone))
    until(lambda: len(city.arrivals(block.phones)) >= 20, 60, "messages are going out")
    done = city.run("senders", "set", str(sender_of(city, "sms")), "--rate", str(then))
    assert done.returncode == 0, done.stderr
    changed_s = changed_at(city, sender_of(city, "sms"))
    until(lambda: time.time() > changed_s + 5, 60, "four seconds at the new rate")
    cost = city.sql("SELECT cost FROM contents WHERE alert_id = :a AND language = 'en'", a=alert)[0][0]
    later = [t for t in city.arrivals(block.phones).values() if changed_s + 1 <= t < changed_s + 5]
    assert 0.85 * then * 4 <= len(later) * cost <= then * 4
    city.rate("sms", 400)
    city.until_over(alert, 60)
    fullest = fullest_second(departures(), city.posted(block.phones), changed_s + 1, changed_s + 5)
    assert fullest * cost <= then


@pytest.mark.long
@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500, "bare": True}], ids=["refuses", "nobody knows"])
def test_a_provider_out_of_order_is_left_alone_and_people_can_see_it(city: City, fault: dict[str, Any]) -> None:
    block = city.block(phones=40)
    city.behave(twilio={"error_rate": {"rate": 1, **fault}})
    began = time.time()
    alert = city.launch(city.approved(block.zone))
    until(lambda: _breaker(city), 60, "the breaker is open")
    until(lambda: time.time() > began + 8, 60, "some trials")
    tried = len([came_at for came_at, form in city.forms() if came_at >= began and form])
    assert tried < 40, "a window, and a trial now and then"
    seen = _breaker(city)
    assert seen["why"]
    assert datetime.fromisoformat(seen["since"]).timestamp() >= began
    assert city.progress(alert).deliveries["failed"] == 0
    assert "sender.opened" in "".join(city.logs().values())
    city.behave(twilio={"error_rate": []})
    mended = time.time()
    city.until_over(alert, 30)
    assert min(city.arrivals(block.phones).values()) < mended + 3, "an emergency tries every two seconds"
    assert _breaker(city) is None
    assert sorted(city.texts(block.phones)) == sorted(block.phones)


def _breaker(city: City) -> Any:
    return city.run_json("senders", "list")[0]["breaker"]
