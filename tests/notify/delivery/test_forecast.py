"""The plan of an alert, what is kept of it, and how wrong it was."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.alerts.reporting import history, reports
from notify.city.parts import InZone
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.delivery import forecast, predictions
from notify.delivery.forecast import Plan
from notify.delivery.senders import LOWEST_RATE
from notify.models import Alert
from tests.database import sql
from tests.factories import NOW, alert_ready, operator, resident, resolve, sender, square, zone
from tests.owner import as_owner

RATE = 10.0


def city(people: int = 40, rate_per_s: float = RATE) -> int:
    """A zone whose residents have a phone each; an approved storm alert to it."""
    with transaction() as s:
        zone(s)
        sender(s, "twilio", rate_per_s)
        for _ in range(people):
            resident(s, phone="")
        return alert_ready(s, channels=("sms",)).id


def planned(alert: int) -> Plan:
    with transaction() as s:
        return forecast.plan(s, s.get_one(Alert, alert), NOW)


def launched(alert: int) -> None:
    with transaction() as s:
        lifecycle.launch(s, alert, operator(s), NOW)
    resolve(alert)


def slot_s(alert: int) -> float:
    """What a message in English keeps of the sender's time."""
    return 1.025 / (RATE // cost_of(alert))


def cost_of(alert: int) -> int:
    words = sql("SELECT cost FROM contents WHERE alert_id = :a AND channel = 'sms' AND language = 'en'", a=alert)
    return int(words[0].cost)


def test_a_plan_says_when_by_channel_sender_and_zone(database: str) -> None:
    alert = city()
    (sms,) = planned(alert).channels
    assert (sms.channel, sms.messages, sms.ahead) == ("sms", 40, 0)
    assert sms.p95_at == pytest.approx(NOW + timedelta(seconds=38 * slot_s(alert)), abs=timedelta(milliseconds=1))
    assert sms.done_at == pytest.approx(NOW + timedelta(seconds=40 * slot_s(alert)), abs=timedelta(milliseconds=1))
    assert [share.messages for share in sms.senders] == [40]
    (one,) = sms.zones
    assert one.messages == 40
    assert one.p95_at is not None
    assert abs(one.p95_at - sms.p95_at) < timedelta(seconds=1)
    assert planned(alert).warnings == ()


def test_what_waits_already_goes_first(database: str) -> None:
    first = city()
    launched(first)
    with transaction() as s:
        second = alert_ready(s, channels=("sms",)).id
    (sms,) = planned(second).channels
    assert sms.ahead == 40
    assert sms.done_at == pytest.approx(NOW + timedelta(seconds=80 * slot_s(second)), abs=timedelta(milliseconds=1))


def test_alerts_of_one_lane_take_turns_and_a_routine_one_waits_for_emergencies(database: str) -> None:
    launched(city(people=40))
    with transaction() as s:
        zone(s, "Hilltop", square(20, 20))
        for _ in range(4):
            resident(s, phone="", at=[(20.5, 20.5)], topics=("storm", "snow"))
        small = alert_ready(s, channels=("sms",), zones=["Hilltop"]).id
        routine = alert_ready(s, channels=("sms",), zones=["Hilltop"], event="snow").id
    (sms,) = planned(small).channels
    assert (sms.messages, sms.ahead) == (4, 4), "the great one has its turns meanwhile"
    (sms,) = planned(routine).channels
    assert sms.messages == 4
    costs = [cost_of(alert) for alert in (small, routine)]
    assert sms.ahead == round(40 * costs[0] / costs[1])


def test_nothing_can_go_without_an_open_sender(database: str) -> None:
    alert = city()
    sql("UPDATE senders SET status = 'stopped'")
    plan = planned(alert)
    assert plan.channels[0].p95_at is None
    assert "No sender for sms works" in plan.warnings[0]


def test_an_alert_that_would_expire_first_is_warned_of(database: str) -> None:
    plan = planned(city(people=900, rate_per_s=LOWEST_RATE))
    assert "before the alert expires" in plan.warnings[0]


def test_an_alert_without_an_area_has_no_plan(database: str) -> None:
    alert = city(1)
    as_owner("UPDATE alerts SET state = 'draft', area = NULL, area_hash = NULL WHERE id = :a", a=alert)
    with pytest.raises(Refused):
        planned(alert)


def test_what_was_said_is_kept_at_the_launch_and_held_against_what_happened(database: str) -> None:
    alert = city()
    said = planned(alert).channels[0].p95_at
    launched(alert)
    assert said is not None
    with transaction() as s:
        (kept,) = reports.progress(s, alert).forecast
    assert (kept.messages, kept.was_p95_at, kept.error) == (40, None, None)
    assert kept.p95_at == pytest.approx(said, abs=timedelta(milliseconds=1))
    took = 2 * (said - NOW)
    sql("UPDATE deliveries SET state = 'accepted', sent_at = :at", at=NOW + took)
    sql("UPDATE alerts SET state = 'sent' WHERE id = :a", a=alert)
    with transaction() as s:
        predictions.measure(s, NOW)
        (held,) = reports.progress(s, alert).forecast
    assert held.was_p95_at == NOW + took
    assert held.error == pytest.approx(1.0, abs=0.01), "it took twice as long"


def test_the_history_counts_what_was_past_recall(database: str) -> None:
    alert = city(people=4)
    launched(alert)
    ids = [row.id for row in sql("SELECT id FROM deliveries ORDER BY id")]
    with transaction() as s:
        for n, one in enumerate(ids):
            values = {"at": NOW + timedelta(seconds=n), "id": one}
            s.execute(text("UPDATE deliveries SET state = 'accepted', sent_at = :at WHERE id = :id"), values)
        lifecycle.pause(s, alert, operator(s), NOW + timedelta(seconds=1.5))
        lifecycle.resume(s, alert, operator(s), NOW + timedelta(seconds=2.5))
        steps = history.steps(s, alert)
    assert [(step.action, step.out) for step in steps[-3:]] == [("launch", None), ("pause", 2), ("resume", 3)]
    assert steps[-2].who is not None


def test_what_is_left_out_of_a_zone_is_not_planned(database: str) -> None:
    with transaction() as s:
        zone(s, "Riverside")
        zone(s, "Market", square(0.4, 0.4, 0.2))
        sender(s, "twilio", RATE)
        for at in ((0.5, 0.5), (0.5, 0.5), (0.1, 0.1)):
            resident(s, at=[at], phone="")
        alert = alert_ready(s, channels=("sms",), without=[InZone("Market")]).id
    (channel,) = planned(alert).channels
    assert [(zone.zone, zone.messages) for zone in channel.zones] == [("Riverside", 1)]
