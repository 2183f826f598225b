"""When an alert may launch and end, and what its words may say of that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.core import alarms
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from notify.models import Alert
from notify.models.states import AlertState
from notify.operations import restoring
from tests.factories import CREDENTIALS, NOW, alert_draft, alert_ready, operator, sender, zone
from tests.owner import owning

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LATER = NOW + timedelta(minutes=5)


def approve(s: Session, alert: Alert, now: datetime) -> Alert:
    for provider in ("twilio", "sendgrid", "mastodon"):
        sender(s, provider)
    return lifecycle.approve(s, alert.id, operator(s, "approver"), now, settings().model_copy(update=CREDENTIALS))


def test_life_counts_from_the_planned_launch(s: Session) -> None:
    tomorrow = NOW + timedelta(days=1)
    assert alert_draft(s, launch_at=tomorrow).expires_at == tomorrow + 12 * HOUR
    assert alert_draft(s, launch_at=tomorrow, lasts=6 * HOUR).expires_at == tomorrow + 6 * HOUR
    assert alert_draft(s, lasts=6 * HOUR).expires_at == NOW + 6 * HOUR
    assert alert_draft(s, launch_at=NOW + timedelta(days=20)).expires_at == NOW + timedelta(days=20) + 12 * HOUR


def test_the_end_is_a_moment_that_the_words_name_and_no_later_launch_moves(s: Session) -> None:
    alert = alert_ready(s, lasts=30 * MINUTE)
    lifecycle.launch(s, alert.id, operator(s), NOW + 29.5 * MINUTE)
    assert alert.expires_at == NOW + 30 * MINUTE
    assert all("12:30" in words.text for words in reports.words(s, alert.id))


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (29.5 * MINUTE, "expires in 30 seconds, which is too soon to launch it. Cancel it and write it again"),
        (31 * MINUTE, "has expired. Write a new alert with a later expiry"),
    ],
)
def test_an_approval_that_comes_when_hardly_any_life_is_left_is_refused(
    s: Session, after: timedelta, says: str
) -> None:
    with pytest.raises(Refused, match=says):
        approve(s, alert_draft(s, lasts=30 * MINUTE), NOW + after)


def test_the_life_of_an_alert_for_later_is_not_spent_before_its_launch(s: Session) -> None:
    """Approved twenty minutes before a launch that it lives for one minute after."""
    alert = approve(s, alert_draft(s, launch_at=NOW + 21 * MINUTE, lasts=MINUTE), NOW + MINUTE)
    assert lifecycle.launch(s, alert.id, operator(s), NOW + 20.5 * MINUTE).state is AlertState.SCHEDULED


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ({"launch_at": NOW - timedelta(days=365)}, "in the past"),
        ({"launch_at": NOW - timedelta(seconds=1)}, "in the past"),
        ({"launch_at": NOW + timedelta(days=400)}, "more than a year away"),
        ({"launch_at": datetime.fromisoformat("9999-12-31T23:59:59-12:00")}, "more than a year away"),
        ({"launch_at": datetime.fromisoformat("0001-01-01T00:00:00+12:00")}, "in the past"),
        ({"launch_at": NOW + timedelta(seconds=100), "expires_at": NOW + timedelta(seconds=65)}, "before its launch"),
        ({"launch_at": NOW + HOUR, "expires_at": NOW + HOUR}, "before its launch"),
        ({"launch_at": NOW + HOUR, "lasts": timedelta(seconds=30)}, "at once"),
        ({"lasts": timedelta(0)}, "before its launch"),
        ({"launch_at": NOW + HOUR, "lasts": timedelta(days=15)}, "14 days"),
        ({"lasts": timedelta.max}, "14 days"),
        ({"expires_at": datetime.max.replace(tzinfo=UTC)}, "14 days"),
        ({"lasts": HOUR, "expires_at": NOW + HOUR}, "not both"),
    ],
)
def test_times_that_cannot_be_are_refused(s: Session, times: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as refused:
        alert_draft(s, **times)
    assert says in str(refused.value)


OUTAGE = {"event": "outage"}
TOMORROW = {"launch_at": NOW + timedelta(days=1)}


@pytest.mark.parametrize(
    ("draft", "blanks", "says"),
    [
        (OUTAGE, {"restore_by": "2027-01-04T18:00"}, "before the launch"),
        (OUTAGE | TOMORROW, {"restore_by": "2027-01-12T11:59"}, "before the launch"),
        (OUTAGE, {"starts": "2027-01-13T09:00"}, "not before the expiry of the alert"),
        (OUTAGE, {"starts": "2027-01-11T11:00"}, "before the launch"),
        (OUTAGE, {"starts": "2027-01-11T16:00", "restore_by": "2027-01-11T15:00"}, "before 'starts'"),
        ({"event": "storm"}, {"starts": "2027-01-12T16:00"}, "not before the expiry of the alert"),
        ({"event": "storm"}, {"starts": "2027-03-14T02:30"}, "does not exist"),
        ({"event": "storm"}, {"starts": "2027-11-07T01:30"}, "comes twice"),
        ({"event": "snow"}, {"starts": "2027-01-11T11:59"}, "before the launch"),
        ({"event": "collection"}, {"day": "2027-01-08", "new_day": "2027-01-09"}, "before the launch"),
        ({"event": "collection"}, {"day": "2027-01-15", "new_day": "2027-01-15"}, "the same as 'day'"),
        (
            {"event": "collection"},
            {"day": "2027-01-15", "new_day": "2027-01-16", "set_out": "2027-01-18T06:00"},
            "not before 'new_day'",
        ),
    ],
)
def test_words_that_contradict_the_times_are_refused(
    s: Session, draft: dict[str, Any], blanks: dict[str, str], says: str
) -> None:
    needed = {"outage": {"utility": "power"}, "storm": {"hazard": "wind"}, "snow": {"rule": "odd"}, "collection": {}}
    with pytest.raises(Invalid) as refused:
        alert_draft(s, blanks=needed[draft["event"]] | blanks, **draft)
    assert says in " ".join(refused.value.details)


@pytest.mark.parametrize(
    ("event", "blanks"),
    [
        ("outage", {"utility": "power", "restore_by": "2027-01-13T18:00"}),  # beyond the end: another alert will follow
        ("outage", {"utility": "power", "starts": "2027-01-11T12:00", "restore_by": "2027-01-11T13:00"}),
        ("collection", {"day": "2027-01-08", "new_day": "2027-01-11", "set_out": "2027-01-11T18:00"}),
        ("storm", {"hazard": "wind", "starts": "2027-01-11T17:00Z"}),
    ],
)
def test_words_that_agree_with_the_times_pass(s: Session, event: str, blanks: dict[str, str]) -> None:
    """Launched half a minute past noon: operators write minutes."""
    alert_draft(s, event=event, blanks=blanks, now=NOW + timedelta(seconds=30))


PASSED = [
    ({"event": "outage", "blanks": {"utility": "power", "restore_by": "2027-01-11T14:00"}}, "'restore_by'"),
    ({"event": "storm", "blanks": {"hazard": "wind", "starts": "2027-01-11T14:00"}}, "'starts'"),
    ({"event": "snow", "blanks": {"rule": "odd", "starts": "2027-01-11T14:00"}}, "'starts'"),
    (
        {"event": "collection", "blanks": {"day": "2027-01-08", "new_day": "2027-01-11"}, "lasts": 48 * HOUR},
        "'new_day'",
    ),
]


@pytest.mark.parametrize(("draft", "blank"), PASSED)
def test_words_whose_times_have_passed_are_neither_approved_nor_launched(
    s: Session, draft: dict[str, Any], blank: str
) -> None:
    approved, written = alert_ready(s, **draft), alert_draft(s, **draft)
    in_time, too_late = NOW + 2 * HOUR + timedelta(seconds=59), NOW + 12 * HOUR - MINUTE
    if "lasts" in draft:
        too_late += HOUR  # the next day has begun
    with pytest.raises(Refused, match="name times that have passed") as refused:
        approve(s, written, too_late)
    assert [blank in detail and "before the launch" in detail for detail in refused.value.details] == [True]
    with pytest.raises(Refused, match="name times that have passed"):
        lifecycle.launch(s, approved.id, operator(s), too_late)
    approve(s, written, in_time)
    assert lifecycle.launch(s, approved.id, operator(s), in_time).state is AlertState.SENDING


def test_a_launch_time_that_has_passed_is_neither_approved_nor_launched(s: Session) -> None:
    """It went out at once, hours late, and nothing rang."""
    approved, written = (make(s, launch_at=NOW + HOUR) for make in (alert_ready, alert_draft))
    says = "was to be launched at 2027-01-11 13:00:00 EST, 2 hours ago. Cancel it and write it again"
    with pytest.raises(Refused, match=says):
        approve(s, written, NOW + 3 * HOUR)
    with pytest.raises(Refused, match=says):
        lifecycle.launch(s, approved.id, operator(s), NOW + 3 * HOUR)
    soon_enough = NOW + HOUR + lifecycle.times.LATE
    approve(s, written, soon_enough)
    assert lifecycle.launch(s, approved.id, operator(s), soon_enough).state is AlertState.SENDING
    assert ringing(s) == {}


def test_what_was_scheduled_is_launched_by_hand_where_no_scheduler_is_and_rings(s: Session) -> None:
    alert = alert_ready(s, launch_at=NOW + HOUR)
    lifecycle.launch(s, alert.id, operator(s), LATER)
    assert lifecycle.launch(s, alert.id, operator(s), NOW + 3 * HOUR).state is AlertState.SENDING
    assert ringing(s)[alert.id][0] == alarms.LAUNCHED_LATE


@pytest.mark.parametrize("was", [AlertState.DRAFT, AlertState.APPROVED, AlertState.SCHEDULED])
def test_after_a_restored_backup_an_alert_is_launched_late_because_it_may_be_out_already(
    owner: Session, was: AlertState
) -> None:
    """Written again it would go out twice; launched, it is asked about first."""
    s = owner
    times = {"launch_at": NOW + HOUR, "blanks": {"hazard": "wind", "starts": "2027-01-11T14:00"}}
    alert = alert_draft(s, **times) if was is AlertState.DRAFT else alert_ready(s, **times)
    if was is AlertState.SCHEDULED:
        lifecycle.launch(s, alert.id, operator(s), LATER)
    restoring.restored(s, NOW + 3 * HOUR)
    s.refresh(alert)
    if was is AlertState.DRAFT:
        approve(s, alert, NOW + 4 * HOUR)
    assert lifecycle.launch(s, alert.id, operator(s), NOW + 4 * HOUR).state is AlertState.SENDING
    assert ringing(s)[alert.id][0] == alarms.LAUNCHED_LATE


def test_both_times_are_part_of_what_is_approved(owner: Session) -> None:
    s = owner
    alert = alert_ready(s, launch_at=NOW + HOUR)
    s.execute(text("UPDATE alerts SET launch_at = launch_at + interval '1 minute'"))
    with pytest.raises(Refused, match="not what was approved"):
        lifecycle.launch(s, alert.id, operator(s), LATER)


def ringing(s: Session) -> dict[int | None, tuple[str, str]]:
    return {alarm.alert_id: (alarm.kind, alarm.message) for alarm in alarms.ringing(s)}


@pytest.mark.parametrize("until", ["draft", "approved", "scheduled", "sending", "paused"])
def test_an_alert_that_ends_unsent_rings_an_alarm(s: Session, until: str) -> None:
    alert = (
        alert_draft(s) if until == "draft" else alert_ready(s, launch_at=NOW + HOUR if until == "scheduled" else None)
    )
    if until in ("scheduled", "sending", "paused"):
        lifecycle.launch(s, alert.id, operator(s), LATER)
    if until == "paused":
        lifecycle.pause(s, alert.id, operator(s), LATER)
    lifecycle.expire_due(s, alert.expires_at)
    kind, message = ringing(s)[alert.id]
    assert kind == alarms.UNSENT
    assert ("audience" if until in ("sending", "paused") else until) in message


def test_an_alert_that_ends_in_mid_send_says_how_many_messages_are_left(s: Session) -> None:
    alert = lifecycle.launch(s, alert_ready(s).id, operator(s), LATER)
    s.execute(
        text("""INSERT INTO batches (alert_id, channel, language, lane, ordinal, size)
                VALUES (:a, 'sms', 'en', 'emergency', 0, 1234)"""),
        {"a": alert.id},
    )
    s.execute(text("UPDATE alerts SET fanout_done_at = launched_at"))
    lifecycle.expire_due(s, alert.expires_at)
    assert "1,234 messages unsent" in ringing(s)[alert.id][1]


def test_a_draft_of_a_test_that_nobody_launched_rings_nothing(s: Session) -> None:
    lifecycle.expire_due(s, alert_draft(s, status="Test").expires_at)
    assert ringing(s) == {}


def test_one_alert_that_cannot_launch_keeps_no_other(owner: Session) -> None:
    s = owner
    at = NOW + HOUR
    bad, good = (alert_ready(s, launch_at=at) for _ in range(2))
    over = alert_draft(s, lasts=HOUR)
    for alert in (bad, good):
        lifecycle.launch(s, alert.id, operator(s), LATER)
    s.execute(text("UPDATE contents SET text = text || '!' WHERE alert_id = :a"), {"a": bad.id})
    assert [alert.id for alert in lifecycle.launch_due(s, at)] == [good.id]
    assert lifecycle.expire_due(s, at) == [over.id]
    kind, message = ringing(s)[bad.id]
    assert kind == alarms.LAUNCH_FAILED
    assert "not what was approved" in message

    assert lifecycle.launch_due(s, at + timedelta(seconds=1)) == []
    (alarm,) = (one for one in alarms.ringing(s) if one.kind == alarms.LAUNCH_FAILED)
    assert alarm.count == 1, "it is set aside, not tried every second"
    s.execute(text("UPDATE contents SET text = left(text, -1) WHERE alert_id = :a"), {"a": bad.id})
    alarms.mark_resolved(s, alarm.id, at, operator(s))
    assert [alert.id for alert in lifecycle.launch_due(s, at + timedelta(seconds=2))] == [bad.id]


def test_an_alert_that_breaks_in_the_database_keeps_no_other(own_database: str) -> None:
    """Both ways out of `scheduled`, with an error that PostgreSQL raises in the midst of the transaction."""
    with owning() as s:
        zone(s)
        sender(s)
        at = NOW + HOUR
        bad, good, other = (alert_ready(s, launch_at=at, lasts=HOUR) for _ in range(3))
        for alert in (bad, good):
            lifecycle.launch(s, alert.id, operator(s), LATER)
        s.execute(
            text(f"""
            CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END';
            CREATE TRIGGER breaks BEFORE UPDATE ON alerts FOR EACH ROW WHEN (OLD.id = {bad.id})
                EXECUTE FUNCTION break();""")
        )
    with transaction() as s:
        assert [alert.id for alert in lifecycle.launch_due(s, at)] == [good.id]
    with transaction() as s:
        assert lifecycle.expire_due(s, at + HOUR) == [good.id, other.id]
        assert {one.kind for one in alarms.ringing(s) if one.alert_id == bad.id} == {
            alarms.LAUNCH_FAILED, alarms.EXPIRY_FAILED,
        }  # fmt: skip


def test_an_alert_that_is_launched_late_rings_an_alarm(s: Session) -> None:
    alert = alert_ready(s, launch_at=NOW + HOUR)
    lifecycle.launch(s, alert.id, operator(s), LATER)
    assert lifecycle.launch_due(s, NOW + 2 * HOUR)[0].state is AlertState.SENDING
    assert ringing(s)[alert.id] == (alarms.LAUNCHED_LATE, f"Alert {alert.id} was launched 60 minutes late.")
