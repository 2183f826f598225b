"""Quiet hours: routine messages wait for their end, at the launch and at the claim, and each goes out once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.audience import unreached
from notify.cli.alert import commands as alert_commands
from notify.core.db import transaction
from notify.delivery import claims, forecast, held, leases, recovery
from notify.models.states import AlertState
from notify.operations import restoring
from notify.operations.jobs import release as job
from tests.database import sql
from tests.factories import alert_ready, operator, sender
from tests.notify.delivery.night import (
    EVENING,
    MORNING,
    NIGHT,
    choose,
    claim_all,
    launch,
    people,
    states,
)

pytestmark = pytest.mark.usefixtures("usual_quiet_hours")


def test_a_routine_alert_launched_at_night_waits_for_the_morning() -> None:
    people()
    alert = launch(NIGHT)
    assert states() == {("held", "quiet-hours"): 3}
    assert [(row.state, row.held_until) for row in sql("SELECT * FROM batches")] == [("held", MORNING)]
    assert claim_all(NIGHT) == []
    assert held.release(MORNING - timedelta(seconds=1)) == []
    assert [bell.id for bell in held.release(MORNING)] == [row.id for row in sql("SELECT id FROM batches")]
    assert states() == {("queued", None): 3}
    assert len(claim_all(MORNING)) == 3
    with transaction() as s:
        assert reports.progress(s, alert).deliveries["sending"] == 3


def test_one_that_is_launched_a_minute_before_and_claimed_at_nine_is_held() -> None:
    people()
    launch(EVENING)
    assert states() == {("queued", None): 3}
    assert claim_all(NIGHT) == []
    assert states() == {("held", "quiet-hours"): 3}
    assert Counter(row.state for row in sql("SELECT state FROM batches")) == {"done": 1, "held": 1}
    held.release(MORNING)
    assert len(claim_all(MORNING)) == 3
    assert claim_all(MORNING) == []


def test_a_claim_holds_some_and_sends_the_others() -> None:
    early, _, never = people()
    choose(early, quiet_from=EVENING.time(), quiet_to=EVENING.time(), timezone="UTC")
    choose(never, timezone="Asia/Tokyo")  # where it is 11 in the morning
    launch(EVENING)
    assert {one.contact_id for one in claim_all(NIGHT)} == {early.sms, never.sms}
    assert states() == {("sending", None): 2, ("held", "quiet-hours"): 1}


def test_own_quiet_hours_hold_at_noon_in_the_own_time_zone() -> None:
    who, _, _ = people()
    noon = datetime(2027, 1, 13, 17, tzinfo=UTC)
    choose(who, quiet_from=noon.time().replace(hour=18), quiet_to=noon.time().replace(hour=19), timezone="Europe/Rome")
    launch(noon)
    assert states() == {("held", "quiet-hours"): 1, ("queued", None): 2}
    until = sql("SELECT held_until FROM batches WHERE state = 'held'")[0].held_until
    assert until == datetime(2027, 1, 13, 18, tzinfo=UTC)


def test_an_emergency_passes_quiet_hours() -> None:
    people()
    launch(NIGHT, event="storm")
    assert states() == {("queued", None): 3}
    assert len(claim_all(NIGHT)) == 3


def test_an_alert_with_held_messages_is_not_sent_yet() -> None:
    people()
    alert = launch(NIGHT)
    assert recovery.finish_alerts(NIGHT) == []
    with transaction() as s:
        progress = reports.progress(s, alert)
        assert (progress.state, progress.deliveries["held"]) == ("sending", 3)
        assert sum(progress.deliveries.values()) == progress.audience.total
        assert progress.reasons["held"] == {"quiet-hours": 3}
        assert progress.rests
    watched = CliRunner().invoke(alert_commands, ["show", str(alert), "--watch"])  # it returns: the night is long
    assert "Held back until 2027-01-13 08:00" in watched.stdout


def test_an_alert_that_is_partly_held_is_watched_until_the_others_are_out() -> None:
    early, *_ = people()
    choose(early, quiet_from=EVENING.time(), quiet_to=EVENING.time(), timezone="UTC")
    alert = launch(NIGHT)
    assert states() == {("held", "quiet-hours"): 2, ("queued", None): 1}
    with transaction() as s:
        assert not reports.progress(s, alert).rests


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_what_is_held_ends_with_its_alert(end: str) -> None:
    people()
    alert = launch(NIGHT, hours=3)
    with transaction() as s:
        if end == "cancelled":
            lifecycle.cancel(s, alert, operator(s), NIGHT)
        else:
            assert lifecycle.expire_due(s, NIGHT + timedelta(hours=3)) == [alert]
        assert not reports.progress(s, alert).ended
    assert held.release(MORNING) == []
    recovery.end_leftovers(MORNING)
    assert states() == {(end, end): 3}
    assert {row.state for row in sql("SELECT state FROM batches")} == {"done"}


def test_what_is_held_of_a_paused_alert_waits_until_it_is_resumed() -> None:
    people()
    alert = launch(NIGHT)
    with transaction() as s:
        lifecycle.pause(s, alert, operator(s), NIGHT)
    assert held.release(MORNING) == []
    with transaction() as s:
        lifecycle.resume(s, alert, operator(s), MORNING)
    assert len(held.release(MORNING)) == 1


def test_two_schedulers_release_each_batch_once() -> None:
    who = people(8)
    for n, one in enumerate(who):
        choose(one, quiet_from=NIGHT.time(), quiet_to=MORNING.time().replace(minute=n), timezone="UTC")
    launch(NIGHT)
    assert len(sql("SELECT 1 FROM batches WHERE state = 'held'")) == 8
    later = MORNING + timedelta(hours=1)
    with ThreadPoolExecutor(4) as schedulers:
        rung = [bell.id for bells in schedulers.map(lambda _: held.release(later), range(4)) for bell in bells]
    assert sorted(rung) == sorted(row.id for row in sql("SELECT id FROM batches"))
    assert states() == {("queued", None): 8}


def test_the_job_releases_what_is_due_and_nothing_else() -> None:
    people()
    launch(NIGHT)
    job.run()
    assert states() == {("held", "quiet-hours"): 3}, "the night of this test has not come yet"


def test_after_a_restored_backup_what_was_held_is_asked_about() -> None:
    """It may have been released, and sent, after the backup was made."""
    people()
    alert = launch(NIGHT)
    with transaction() as s:
        restoring.restored(s, NIGHT)
    assert states() == {("unknown", "restored"): 3}
    assert {row.state for row in sql("SELECT state FROM batches")} == {"unsettled"}
    with transaction() as s:
        assert reports.progress(s, alert).state == AlertState.PAUSED


def test_a_channel_that_is_silent_because_all_is_held_raises_no_alarm() -> None:
    people()
    alert = launch(NIGHT)
    later = NIGHT + timedelta(minutes=5)
    with transaction() as s:
        assert unreached.silent_channels(s, [alert], later) == {}
    held.release(MORNING)
    with transaction() as s:
        assert unreached.silent_channels(s, [alert], MORNING + timedelta(seconds=5)) == {}
        assert unreached.silent_channels(s, [alert], MORNING + timedelta(minutes=5)) == {alert: ("sms",)}


def test_a_slow_sender_holds_in_few_batches_and_loses_none() -> None:
    people(12)
    launch(EVENING)
    with transaction() as s:
        by = sender(s).id
    lease = leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert lease is not None
    for _ in range(12):
        assert claims.claim(lease, by, 1, NIGHT) == []
    assert claims.claim(lease, by, 1, NIGHT) is None
    assert [row.size for row in sql("SELECT size FROM batches WHERE state = 'held'")] == [12]
    assert states() == {("held", "quiet-hours"): 12}
    leases.finish(lease)
    held.release(MORNING)
    assert len(claim_all(MORNING)) == 12


def test_a_batch_that_is_about_to_be_released_gets_no_more() -> None:
    first, second, _ = people()
    for one in (first, second):
        choose(one, quiet_from=NIGHT.time(), quiet_to=(NIGHT + timedelta(minutes=3)).time(), timezone="UTC")
    launch(EVENING)
    with transaction() as s:
        by = sender(s).id
    lease = leases.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert lease is not None
    claims.claim(lease, by, 1, NIGHT)
    claims.claim(lease, by, 1, NIGHT + timedelta(minutes=2, seconds=30))
    assert [row.size for row in sql("SELECT size FROM batches WHERE state = 'held'")] == [1, 1]


@pytest.mark.parametrize(("hours", "warned", "in_time"), [(6, "expires before", 0), (24, "wait until then", 3)])
def test_the_plan_of_an_alert_at_night_begins_in_the_morning(hours: int, warned: str, in_time: int) -> None:
    people()
    with transaction() as s:
        alert = alert_ready(s, event="snow", now=NIGHT, expires_at=NIGHT + timedelta(hours=hours))
        plan = forecast.plan(s, alert, NIGHT)
    assert plan.warnings[0].startswith("Residents have quiet hours until 2027-01-13 08:00:00 EST")
    assert warned in plan.warnings[0]
    assert [one.in_time for one in plan.channels] == [in_time]
    assert all(one.half_at is not None and one.half_at >= MORNING for one in plan.channels)


def test_the_plan_of_an_emergency_begins_at_once() -> None:
    people()
    with transaction() as s:
        plan = forecast.plan(s, alert_ready(s, now=NIGHT), NIGHT)
    assert plan.warnings == ()
    assert all(one.done_at is not None and one.done_at < NIGHT + timedelta(minutes=1) for one in plan.channels)


def test_the_report_tells_until_when_messages_are_held() -> None:
    people()
    alert = launch(NIGHT)
    with transaction() as s:
        assert reports.progress(s, alert).held_until == MORNING
    held.release(MORNING)
    with transaction() as s:
        assert reports.progress(s, alert).held_until is None
