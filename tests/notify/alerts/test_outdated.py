"""What a later alert of the incident has overtaken is not approved, launched or resumed."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify.alerts import follow_up, lifecycle, outdated, standing
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.core.settings import settings
from notify.models import Alert
from notify.models.states import AlertState
from notify.operations.jobs import launch as launch_job
from tests import factories
from tests.database import sql
from tests.factories import NOW, square

SOON, CLEAR, LATER = (NOW + timedelta(minutes=n) for n in (1, 5, 10))


@pytest.fixture
def first(database: str) -> int:
    """A text about Riverside to somebody whom it did not reach and who has an email."""
    with transaction() as s:
        factories.zone(s)
        factories.zone(s, "Hillside", square(1, 0))
        factories.sender(s, "sendgrid")
        factories.resident(s, email="")
    alert = factories.alert_resolved(expires_at=NOW + timedelta(hours=6))
    sql("UPDATE deliveries SET state = 'failed', reason = '30005'")
    return alert


def incident(alert: int) -> int:
    return int(sql("SELECT incident_id FROM alerts WHERE id = :a", a=alert)[0].incident_id)


def ready(first: int, phase: str, *, at: datetime, **draft: Any) -> int:
    """An approved alert of the same incident."""
    with transaction() as s:
        return factories.alert_ready(s, incident=incident(first), phase=phase, now=at, **draft).id


def launch(alert: int, now: datetime = LATER) -> AlertState:
    with transaction() as s:
        return lifecycle.launch(s, alert, factories.operator(s), now).state


def approve(alert: int) -> None:
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert, factories.operator(s, "approver"), LATER, allowed)


def follow(first: int) -> int:
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        return follow_up.make(s, first, factories.operator(s, "author"), SOON, allowed).id


def all_clear(first: int, **draft: Any) -> int:
    clear = ready(first, "all-clear", at=CLEAR, **draft)
    launch(clear, CLEAR)
    return clear


@pytest.mark.parametrize("phase", ["update", "all-clear"])
def test_a_follow_up_of_words_that_were_replaced_is_neither_approved_nor_launched(first: int, phase: str) -> None:
    made = follow(first)
    launch(ready(first, phase, at=CLEAR), CLEAR)
    with pytest.raises(Refused, match=f"A later alert replaces alert {first}, which alert {made} follows") as refused:
        approve(made)
    assert "write it again" in refused.value.hint


def test_a_follow_up_that_was_approved_before_is_not_launched(first: int) -> None:
    made = follow(first)
    approve(made)
    all_clear(first)
    with pytest.raises(Refused, match="A later alert replaces"):
        launch(made)
    assert sql("SELECT launched_at FROM alerts WHERE id = :a", a=made)[0].launched_at is None


def test_a_follow_up_that_nothing_overtakes_is_launched_and_resumed(first: int) -> None:
    made = follow(first)
    approve(made)
    assert launch(made) is AlertState.SENDING
    with transaction() as s:
        lifecycle.pause(s, made, None, LATER)
        assert lifecycle.resume(s, made, None, LATER).state is AlertState.SENDING


@pytest.mark.parametrize("phase", ["issue", "update"])
def test_what_was_written_before_the_all_clear_is_neither_launched_nor_approved(first: int, phase: str) -> None:
    old = ready(first, phase, at=SOON)
    with transaction() as s:
        draft = factories.alert_draft(s, incident=incident(first), phase=phase, now=SOON).id
    clear = all_clear(first)
    with pytest.raises(Refused, match=f"All-clear {clear} was launched after alert {old} was written"):
        launch(old)
    with pytest.raises(Refused, match=f"All-clear {clear} was launched after alert {draft} was written"):
        approve(draft)


def test_what_is_paused_is_not_resumed_after_an_all_clear_to_a_part(first: int) -> None:
    both = ready(first, "update", at=SOON, zones=("Riverside", "Hillside"))
    launch(both, SOON)
    for alert in (first, both):
        with transaction() as s:
            lifecycle.pause(s, alert, None, SOON)
    all_clear(first)
    with pytest.raises(Refused, match="All-clear"), transaction() as s:
        lifecycle.resume(s, both, None, LATER)
    with pytest.raises(Refused, match="is cancelled"), transaction() as s:
        lifecycle.resume(s, first, None, LATER)


def test_a_scheduled_one_is_cancelled_once_with_an_alarm_and_a_letter_and_stops_no_other(first: int) -> None:
    old, other = (ready(one, "update", at=SOON, launch_at=LATER) for one in (first, factories.alert_resolved()))
    for alert in (old, other):
        launch(alert, SOON)
    clear = all_clear(first)
    with transaction() as s:
        assert [alert.id for alert in lifecycle.launch_due(s, LATER)] == [other]
    (ended,) = sql("SELECT state::text AS state, finished_at, created_by FROM alerts WHERE id = :a", a=old)
    assert (ended.state, ended.finished_at) == ("cancelled", LATER)
    (alarm,) = sql("SELECT kind, alert_id, message, count FROM alarms")
    assert (alarm.kind, alarm.alert_id, alarm.count) == ("alert-overtaken", old, 1)
    assert f"is cancelled: overtaken by alert {clear}" in alarm.message
    (step,) = sql("SELECT detail FROM audit WHERE subject_id = :a AND action = 'cancel-overtaken'", a=old)
    assert step.detail == {"state": "cancelled", "reason": f"overtaken by alert {clear}"}
    (letter,) = sql("SELECT operator_id, text FROM direct_messages WHERE kind = 'overtaken' AND alert_id = :a", a=old)
    assert letter.operator_id == ended.created_by
    assert f"alert {clear} has overtaken it" in letter.text
    with transaction() as s:
        assert lifecycle.launch_due(s, LATER + timedelta(minutes=5)) == []
    assert sql("SELECT count FROM alarms") == [(1,)]


def test_a_scheduled_follow_up_of_words_that_were_replaced_is_cancelled(first: int) -> None:
    made = ready(first, "issue", at=SOON, follows=first, channels=("email",), launch_at=LATER)
    launch(made, SOON)
    update = ready(first, "update", at=CLEAR)
    launch(update, CLEAR)
    with transaction() as s:
        assert lifecycle.launch_due(s, LATER) == []
    (alarm,) = sql("SELECT kind, alert_id, message FROM alarms")
    assert (alarm.kind, alarm.alert_id) == ("alert-overtaken", made)
    assert f"overtaken by alert {update}" in alarm.message


def test_what_can_still_go_out_after_an_all_clear(first: int) -> None:
    elsewhere = ready(first, "update", at=SOON, zones=("Hillside",))
    again = ready(first, "all-clear", at=SOON)
    all_clear(first)
    anew = ready(first, "issue", at=LATER)
    for alert in (elsewhere, anew, again):
        assert launch(alert) is AlertState.SENDING


def test_what_was_written_while_an_all_clear_waited_to_be_launched_does_not_go_out(first: int) -> None:
    """Its author could not see that all-clear, whatever the times say: a launch takes seconds, clocks can be wrong."""
    clear = ready(first, "all-clear", at=SOON)
    written = ready(first, "update", at=LATER)
    launch(clear, SOON)
    with pytest.raises(Refused, match=f"All-clear {clear} was launched after alert {written} was written"):
        launch(written)


def test_what_was_written_after_an_all_clear_goes_out_though_a_clock_was_fast(first: int) -> None:
    launch(ready(first, "all-clear", at=CLEAR), LATER)
    assert launch(ready(first, "issue", at=CLEAR), CLEAR) is AlertState.SENDING


def test_danger_that_was_announced_again_lifts_it(first: int) -> None:
    old = ready(first, "update", at=SOON)
    all_clear(first)
    launch(ready(first, "issue", at=CLEAR + timedelta(minutes=1)), CLEAR + timedelta(minutes=1))
    assert launch(old) is AlertState.SENDING


def test_danger_that_was_announced_elsewhere_lifts_nothing(first: int) -> None:
    old = ready(first, "update", at=SOON)
    with transaction() as s:
        lifecycle.pause(s, first, None, SOON)
    partly = ready(first, "update", at=SOON, zones=("Riverside", "Hillside"))
    clear = all_clear(first)
    launch(ready(first, "issue", at=CLEAR + timedelta(minutes=1), zones=("Hillside",)), CLEAR + timedelta(minutes=1))
    for alert in (old, partly):
        with pytest.raises(Refused, match=f"All-clear {clear} was launched"):
            launch(alert)


def test_an_all_clear_that_was_cancelled_counts_if_somebody_may_have_read_it(first: int) -> None:
    old, clear = ready(first, "update", at=SOON), all_clear(first)
    with transaction() as s:
        factories.resident(s)
    factories.resolve(clear)
    with transaction() as s:
        lifecycle.cancel(s, clear, None, LATER)
    with transaction() as s:  # nobody yet
        outdated.require_current(s, s.get_one(Alert, old))
    sql("UPDATE deliveries SET state = 'sending', claimed_at = now() WHERE alert_id = :a", a=clear)
    sql("UPDATE deliveries SET state = 'accepted' WHERE alert_id = :a", a=clear)
    with pytest.raises(Refused, match=f"All-clear {clear} was launched"):
        launch(old)


def test_what_is_being_sent_of_the_danger_ends_with_its_all_clear(first: int) -> None:
    on = ready(first, "update", at=SOON)
    launch(on, SOON)
    both = ready(first, "update", at=SOON, zones=("Riverside", "Hillside"))
    launch(both, SOON)
    clear = all_clear(first)
    after = {row.id: row.state for row in sql("SELECT id, state::text AS state FROM alerts")}
    assert after == {first: "cancelled", on: "cancelled", both: "sending", clear: "sending"}
    (step,) = sql("SELECT detail FROM audit WHERE subject_id = :a AND action = 'cancel-overtaken'", a=on)
    assert step.detail == {"state": "cancelled", "reason": f"overtaken by alert {clear}"}


def test_danger_that_is_over_zone_by_zone_is_sent_no_more(first: int) -> None:
    both = ready(first, "update", at=SOON, zones=("Riverside", "Hillside"))
    launch(both, SOON)
    for minute, zone in ((1, "Riverside"), (2, "Hillside")):
        assert sql("SELECT state::text AS state FROM alerts WHERE id = :a", a=both)[0].state == "sending"
        at = CLEAR + timedelta(minutes=minute)
        last = ready(first, "all-clear", at=at, zones=(zone,))
        launch(last, at)
    (step,) = sql("SELECT detail FROM audit WHERE subject_id = :a AND action = 'cancel-overtaken'", a=both)
    assert step.detail == {"state": "cancelled", "reason": f"overtaken by alert {last}"}


def test_a_follow_up_goes_out_if_what_is_newer_goes_elsewhere(first: int) -> None:
    made = follow(first)
    approve(made)
    launch(ready(first, "update", at=CLEAR, zones=("Hillside",)), CLEAR)
    assert launch(made) is AlertState.SENDING


def test_a_launch_waits_for_no_other_incident(first: int) -> None:
    """There, something is to be stopped, and somebody is at work."""
    other = factories.alert_resolved()
    with transaction() as holder:
        holder.execute(text("SELECT FROM alerts WHERE id = :a FOR UPDATE"), {"a": other})
        all_clear(other)
    with transaction() as holder:
        standing.lock(holder, incident(other))
        all_clear(first)
    states = "SELECT id, state::text AS state FROM alerts WHERE id = ANY(:a) ORDER BY id"
    assert [row.state for row in sql(states, a=[first, other])] == ["cancelled", "sending"]
    launch_job.run()
    assert [row.state for row in sql(states, a=[first, other])] == ["cancelled", "cancelled"]


def test_one_that_somebody_holds_at_that_moment_is_stopped_a_second_later(first: int) -> None:
    with transaction() as holder:
        holder.execute(text("SELECT FROM alerts WHERE id = :a FOR UPDATE"), {"a": first})
        all_clear(first)
    assert sql("SELECT state::text AS state FROM alerts WHERE id = :a", a=first)[0].state == "sending"
    launch_job.run()
    assert sql("SELECT state::text AS state FROM alerts WHERE id = :a", a=first)[0].state == "cancelled"


def test_of_two_launches_at_once_the_second_finds_the_first(first: int) -> None:
    old, clear = ready(first, "update", at=SOON), ready(first, "all-clear", at=CLEAR)
    outcome: list[str] = []

    def late() -> None:
        try:
            outcome.append(launch(old))
        except Refused as error:
            outcome.append(error.message)

    with transaction() as s:
        lifecycle.launch(s, clear, None, CLEAR)
        other = threading.Thread(target=late)
        other.start()
        other.join(1)
        assert outcome == []
    other.join(60)
    assert "All-clear" in outcome[0]
