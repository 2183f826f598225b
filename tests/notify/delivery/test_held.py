"""Quiet hours: routine messages wait for their end, at the launch and at the claim, and each goes out once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.audience import unreached
from notify.cli.alert import commands as alert_commands
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import claims, forecast, held, leases, recovery
from notify.delivery.claims import Claimed
from notify.models import Choices
from notify.models.states import AlertState
from notify.operations import restoring
from notify.operations.jobs import release as job
from tests.database import sql
from tests.factories import Resident, alert_ready, operator, resident, resolve, sender, square, zone

EVENING = datetime(2027, 1, 12, 20, 59, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
NIGHT = EVENING + timedelta(minutes=1)
MORNING = datetime(2027, 1, 13, 8, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)


@pytest.fixture(autouse=True)
def _usual_quiet_hours(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "21:00-08:00")
    settings.cache_clear()
    yield
    settings.cache_clear()


def people(count: int = 3) -> list[Resident]:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        return [resident(s, topics=("snow", "storm"), now=EVENING) for _ in range(count)]


def choose(who: Resident, **chosen: object) -> None:
    with transaction() as s:
        s.add(Choices(subscriber_id=who.id, **chosen))


def launch(now: datetime, event: str = "snow", hours: int = 24, **draft: Any) -> int:
    with transaction() as s:
        alert = alert_ready(s, event=event, now=now, expires_at=now + timedelta(hours=hours), **draft)
        lifecycle.launch(s, alert.id, operator(s), now)
    resolve(alert.id, now)
    return alert.id


def states() -> Counter[tuple[str, str | None]]:
    return Counter((row.state, row.reason) for row in sql("SELECT state, reason FROM deliveries"))


def claim_all(now: datetime) -> list[Claimed]:
    """Lease all waiting batches, and claim what may go out now."""
    with transaction() as s:
        by = sender(s).id
    found = []
    for batch in sql("SELECT id FROM batches WHERE state = 'waiting' ORDER BY id"):
        lease = leases.lease(batch.id, 60)
        if lease is not None:
            # PostgreSQL's clock shows today: an alert of another day must not have expired by it.
            found += claims.claim(lease, by, 100, now) or []
            leases.finish(lease)
    return found


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


def test_an_alert_above_the_number_of_a_day_waits_for_the_next_morning() -> None:
    who, _, _ = people()
    choose(who, most_a_day=1)
    noon = datetime(2027, 1, 12, 17, tzinfo=UTC)
    launch(noon)
    launch(noon)
    assert len(claim_all(noon)) == 5
    assert states() == {("sending", None): 5, ("held", "most-a-day"): 1}
    assert held.release(MORNING - timedelta(seconds=1)) == []
    assert len(held.release(MORNING)) == 1
    assert [one.contact_id for one in claim_all(MORNING)] == [who.sms]


def test_the_number_of_a_day_counts_alerts_and_not_phones() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        who = resident(s, topics=("snow",), email="", now=EVENING)
    choose(who, most_a_day=1)
    noon = datetime(2027, 1, 12, 17, tzinfo=UTC)
    launch(noon, channels=("sms", "email"))
    assert {one.contact_id for one in claim_all(noon)} == {who.sms, who.mail}


def test_an_emergency_is_above_no_number() -> None:
    who, _, _ = people()
    choose(who, most_a_day=1)
    noon = datetime(2027, 1, 12, 17, tzinfo=UTC)
    launch(noon)
    launch(noon, event="storm")
    assert len(claim_all(noon)) == 6


def test_two_claims_at_once_never_find_room_for_one_alert_more() -> None:
    who = people(6)
    for one in who:
        choose(one, most_a_day=1)
    noon = datetime(2027, 1, 12, 17, tzinfo=UTC)
    for _ in range(4):
        launch(noon)
    with transaction() as s:
        by = sender(s).id
    found = [leases.lease(batch.id, 60) for batch in sql("SELECT id FROM batches ORDER BY id")]
    with ThreadPoolExecutor(4) as workers:
        claimed = [
            one for some in workers.map(lambda x: x and claims.claim(x, by, 100, noon), found) for one in some or ()
        ]
    assert sorted(one.contact_id for one in claimed) == sorted(one.sms or 0 for one in who)
    assert states() == {("sending", None): 6, ("held", "most-a-day"): 18}


@pytest.mark.parametrize(("lane", "comes"), [("snow", False), ("storm", True)])
def test_a_lowest_severity_and_a_mute_leave_out_of_routine_alerts_only(lane: str, comes: bool) -> None:
    above, muted, _ = people()
    with transaction() as s:
        s.execute(text("UPDATE contacts SET lowest_severity = 4 WHERE id = :id"), {"id": above.sms})
        s.execute(
            text("UPDATE preferences SET muted_until = :until WHERE subscriber_id = :id"),
            {"id": muted.id, "until": MORNING + timedelta(days=1)},
        )
    noon = datetime(2027, 1, 12, 17, tzinfo=UTC)
    launch(noon, event=lane)
    left_out = {} if comes else {("skipped", "below-severity"): 1, ("skipped", "muted"): 1}
    assert states() == {("queued", None): 3 if comes else 1} | left_out
    with transaction() as s:
        s.execute(
            text("UPDATE deliveries SET state = 'queued', reason = NULL, batch_id = (SELECT min(id) FROM batches)")
        )
    assert len(claim_all(noon)) == (3 if comes else 1), "and the claim looks again"


def test_an_unknown_severity_is_below_none() -> None:
    who, _, _ = people()
    with transaction() as s:
        s.execute(text("UPDATE contacts SET lowest_severity = 4 WHERE id = :id"), {"id": who.sms})
    launch(datetime(2027, 1, 12, 17, tzinfo=UTC), severity="Unknown")
    assert states() == {("queued", None): 3}


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


def follow(alert: int, now: datetime, phase: str = "update", **draft: Any) -> int:
    with transaction() as s:
        incident = reports.find_alert(s, alert).incident_id
        later = alert_ready(s, event="snow", phase=phase, incident=incident, now=now,
                            expires_at=now + timedelta(hours=20), **draft)  # fmt: skip
        lifecycle.launch(s, later.id, operator(s), now)
        return later.id


OF = "SELECT contact_id, state, reason FROM deliveries WHERE alert_id = :alert"
LATER = NIGHT + timedelta(hours=2)
NEXT = MORNING + held.LOOK_AGAIN


def ends(alert: int) -> Counter[tuple[str, str | None]]:
    return Counter((row.state, row.reason) for row in sql(OF, alert=alert))


def test_what_is_held_is_left_out_once_a_later_alert_has_gone_out() -> None:
    people()
    first = launch(NIGHT)
    later = follow(first, LATER)
    assert held.release(MORNING) == [], "whom the later one goes to is not known yet"
    resolve(later, LATER)
    held.release(MORNING)
    assert ends(first) == {("held", "quiet-hours"): 3}, "the later one may still be stopped"
    assert {one.contact_id for one in claim_all(MORNING)} == {row.contact_id for row in sql(OF, alert=later)}
    held.release(NEXT)
    assert claim_all(NEXT) == []
    assert ends(first) == {("skipped", "replaced"): 3}
    assert ends(later) == {("sending", None): 3}


def test_an_all_clear_to_all_of_the_area_cancels_what_is_held() -> None:
    people()
    first = launch(NIGHT)
    resolve(follow(first, LATER, "all-clear"), LATER)
    recovery.end_leftovers(LATER)
    held.release(MORNING)
    assert ends(first) == {("cancelled", "cancelled"): 3}
    assert len(claim_all(MORNING)) == 3


def test_what_is_held_goes_out_when_the_later_alert_is_stopped_before_it_went() -> None:
    people()
    first = launch(NIGHT)
    later = follow(first, LATER)
    resolve(later, LATER)
    with transaction() as s:
        lifecycle.pause(s, later, operator(s), LATER)
    held.release(MORNING)
    assert ends(first) == {("held", "quiet-hours"): 3}
    with transaction() as s:
        lifecycle.cancel(s, later, operator(s), MORNING)
    recovery.end_leftovers(MORNING)
    held.release(NEXT)
    claim_all(NEXT)
    assert ends(first) == {("sending", None): 3}


def test_a_danger_that_still_holds_at_another_place_goes_out() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        zone(s, "Hillside", square(1, 0), now=EVENING)
        sender(s, now=EVENING)
        both = resident(s, at=[(0.5, 0.5), (1.5, 0.5)], topics=("snow",), now=EVENING)
        here = resident(s, topics=("snow",), now=EVENING)
    first = launch(NIGHT, zones=("Riverside", "Hillside"))
    resolve(follow(first, LATER, zones=("Riverside",)), LATER)
    held.release(MORNING)
    assert sorted(one.contact_id for one in claim_all(MORNING)) == sorted([both.sms or 0, both.sms or 0, here.sms or 0])
    held.release(NEXT)
    assert ends(first) == {("sending", None): 1, ("skipped", "replaced"): 1}


def test_a_danger_that_was_cleared_at_night_does_not_go_out_in_the_morning() -> None:
    """Not even to who does not get the all-clear: it went by email, and only to one of the two zones."""
    with transaction() as s:
        zone(s, now=EVENING)
        zone(s, "Hillside", square(1, 0), now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        cleared = resident(s, topics=("snow",), now=EVENING)
        there = resident(s, at=[(1.5, 0.5)], topics=("snow",), now=EVENING)
    first = launch(NIGHT, zones=("Riverside", "Hillside"))
    resolve(follow(first, LATER, "all-clear", zones=("Riverside",), channels=("email",)), LATER)
    held.release(MORNING)
    assert [one.contact_id for one in claim_all(MORNING)] == [there.sms]
    assert (cleared.sms, "skipped", "replaced") in {tuple(row) for row in sql(OF, alert=first)}


def test_who_does_not_get_the_later_alert_gets_the_first() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        who = resident(s, topics=("snow",), email="", now=EVENING)
        s.execute(text("UPDATE contacts SET verified_at = NULL WHERE id = :id"), {"id": who.mail})
    first = launch(NIGHT)
    later = follow(first, LATER, channels=("email",))
    resolve(later, LATER)
    held.release(MORNING)
    claim_all(MORNING)
    assert ends(later) == {("skipped", "unverified"): 1}
    assert ends(first) == {("sending", None): 1}


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
