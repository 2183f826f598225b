"""Law 7: emergency never waits for routine."""

from datetime import timedelta

import pytest

from tests.acceptance.city import City
from tests.soon import soon
from tests.waiting import until


@pytest.mark.timed
def test_an_emergency_overtakes_a_routine_alert_on_the_same_sender(city: City) -> None:
    routine_block = city.block(phones=120, topics="snow")
    emergency_block = city.block(phones=20)
    city.rate("sms", 20)
    blanks = {"rule": "street", "starts": soon()}
    routine = city.launch(city.approved(routine_block.zone, event="snow", blanks=blanks))
    assert city.progress(routine).lane == "routine"
    until(lambda: len(city.texts(routine_block.phones)) >= 5, 60, "the routine alert goes out")
    emergency = city.launch(city.approved(emergency_block.zone))
    assert city.progress(emergency).lane == "emergency"
    done = city.until_over(emergency, 60)
    assert done.first_sent_at is not None
    assert done.last_sent_at is not None
    assert done.launched_at is not None
    assert done.first_sent_at - done.launched_at < timedelta(seconds=2)
    cost = city.sql("SELECT max(cost) FROM contents WHERE alert_id = :a AND channel = 'sms'", a=emergency)[0][0]
    meanwhile = city.sql(
        "SELECT count(*) FROM deliveries WHERE alert_id = :a AND sent_at BETWEEN :start AND :end",
        a=routine,
        start=done.first_sent_at,
        end=done.last_sent_at,
    )[0][0]
    assert done.last_sent_at - done.first_sent_at < timedelta(seconds=1.5 * 20 * cost / 20 + 1)
    assert meanwhile <= 3, "routine gave way"
    assert city.progress(routine).state == "sending"
    city.rate("sms", 200)
    assert city.until_over(routine, 60).deliveries["failed"] == 0
    assert len(city.texts(routine_block.phones)) == 120
