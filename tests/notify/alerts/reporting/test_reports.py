"""What a report counts, and what it says when there is nothing to count yet."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.alerts.reporting import history, reports
from notify.core import reasons
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.delivery import recovery
from notify.models import Prediction
from tests.factories import NOW, alert_draft, alert_ready, alert_resolved, operator, resident, zone
from tests.owner import owning

MINUTE = timedelta(minutes=1)
# What became of seven residents with a phone, and how many minutes after the launch their messages left.
TOLD = [
    ("delivered", None, 1),
    ("accepted", None, 2),
    ("undelivered", "30003", 3),
    ("failed", "21211", None),
    ("failed", "21211", None),
    ("skipped", "opt-out", None),
    ("queued", None, None),
]


@pytest.fixture
def alert(database: str) -> int:
    """Launched by sms and email, to seven phones, none of them with an email address."""
    with transaction() as s:
        zone(s)
        for _ in TOLD:
            resident(s)
    alert = alert_resolved(channels=("sms", "email"))
    with transaction() as s:
        ids = s.scalars(text("SELECT id FROM deliveries ORDER BY id")).all()
        s.execute(
            text("""UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = :reason, sent_at = :at
                     WHERE id = :id"""),
            [
                {"id": one, "state": state, "reason": reason, "at": after and NOW + after * MINUTE}
                for one, (state, reason, after) in zip(ids, TOLD, strict=True)
            ],
        )
    return alert


def progress(alert: int) -> reports.Progress:
    with transaction() as s:
        return reports.progress(s, alert)


def test_an_alert_that_is_not_there_is_not_found(s: Session) -> None:
    for ask in (reports.find_alert, reports.progress):
        with pytest.raises(NotFound, match="There is no alert 404"):
            ask(s, 404)


def test_deliveries_are_counted_by_state_channel_and_reason(alert: int) -> None:
    told = progress(alert)
    assert told.deliveries == {
        "queued": 1, "held": 0, "sending": 0, "accepted": 1, "delivered": 1, "undelivered": 1, "failed": 2,
        "unknown": 0, "skipped": 1, "cancelled": 0, "expired": 0,
    }  # fmt: skip
    assert told.channels_by_state == {"sms": {state: 1 for state, *_ in TOLD} | {"failed": 2}, "email": {}}
    assert told.reasons == {"undelivered": {"30003": 1}, "failed": {"21211": 2}, "skipped": {"opt-out": 1}}
    assert told.reason_words == {code: reasons.sentence(code) for code in ("30003", "21211", "opt-out")}
    assert (told.first_sent_at, told.last_sent_at) == (NOW + MINUTE, NOW + 3 * MINUTE)


def test_who_is_left_out_is_in_the_audience_and_on_no_channel(alert: int) -> None:
    assert progress(alert).audience == reports.AudienceCounts(7, {"sms": 6, "email": 0}, {"opt-out": 1})


def test_who_was_left_out_before_there_was_a_batch_counts_on_their_channel(alert: int) -> None:
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET batch_id = NULL WHERE state = 'skipped'"))
    told = progress(alert)
    assert told.channels_by_state["sms"]["skipped"] == 1
    assert told.audience.skipped == {"opt-out": 1}


def test_nobody_is_counted_before_the_launch_and_programs_are_told_so(s: Session) -> None:
    told = reports.progress(s, alert_draft(s).id)
    assert not told.is_counted
    assert told.as_json()["audience"] == {"total": None, "by_channel": {}, "skipped": {}}
    assert (told.first_sent_at, told.last_sent_at, told.ended) == (None, None, False)


def test_an_audience_of_nobody_is_counted(database: str) -> None:
    with transaction() as s:
        zone(s)
    told = progress(alert_resolved())
    assert told.is_counted
    assert told.as_json()["audience"] == {"total": 0, "by_channel": {"sms": 0}, "skipped": {}}


def test_a_report_is_plain_json(alert: int) -> None:
    plain = progress(alert).as_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["launched_at"] == NOW.isoformat()
    zone_of_its_own = datetime(2027, 1, 11, tzinfo=timezone(timedelta(hours=5)))
    assert reports.as_json({"a": [(zone_of_its_own, None)]}) == {"a": [["2027-01-11T00:00:00+05:00", None]]}


def test_an_alert_has_ended_when_what_was_queued_is_closed_too(alert: int) -> None:
    assert not progress(alert).ended
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW + 4 * MINUTE)
    assert not progress(alert).ended, "one is still queued"
    recovery.end_leftovers(NOW + 5 * MINUTE)
    assert progress(alert).ended


def test_the_history_has_every_step_and_what_was_past_recall_where_it_was_halted(alert: int) -> None:
    with transaction() as s:
        chief = operator(s)
        lifecycle.pause(s, alert, chief, NOW + 1 * MINUTE)
        lifecycle.resume(s, alert, chief, NOW + 2.5 * MINUTE)
        lifecycle.expire_due(s, NOW + timedelta(days=2))
    with transaction() as s:
        steps = history.steps(s, alert)
    assert [(step.action, step.who, step.out) for step in steps] == [
        ("draft", "author@tocsin.example.org", None),
        ("approve", "approver@tocsin.example.org", None),
        ("launch", "admin@tocsin.example.org", None),
        ("pause", "admin@tocsin.example.org", 1),
        ("resume", "admin@tocsin.example.org", 2),
        ("expire", None, 3),
    ]


@pytest.mark.parametrize(
    ("said", "was", "error"),
    [(10, 10, 0.0), (10, 15, 0.5), (10, 5, -0.5), (10, None, None), (None, 10, None), (0, 5, None)],
)
def test_a_forecast_is_held_against_the_time_from_the_launch(
    alert: int, said: int | None, was: int | None, error: float | None
) -> None:
    said_at, was_at = (None if minutes is None else NOW + minutes * MINUTE for minutes in (said, was))
    with owning() as s:
        s.merge(Prediction(alert_id=alert, channel="sms", messages=6, p95_at=said_at, was_p95_at=was_at))
    (forecast,) = (one for one in progress(alert).forecast if one.channel == "sms")
    assert (forecast.messages, forecast.error) == (6, error)


def test_the_newest_alerts_come_first_and_no_more_than_asked_for(s: Session) -> None:
    made = [alert_ready(s).id for _ in range(3)]
    assert [one.id for one in reports.recent_alerts(s)] == made[::-1]
    assert [one.id for one in reports.recent_alerts(s, 2)] == made[:0:-1]


def test_the_words_are_told_by_channel_and_language(s: Session) -> None:
    alert, _ = (alert_ready(s, channels=("sms", "email")) for _ in range(2))
    words = reports.words(s, alert.id)
    assert {one.alert_id for one in words} == {alert.id}
    places = [(one.channel, one.language) for one in words]
    assert places == sorted(places)
    assert {channel for channel, _ in places} == {"sms", "email"}
