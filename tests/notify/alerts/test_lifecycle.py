"""The life of an alert: who may do what, when, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.core import states
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused, TocsinError, Unavailable
from notify.core.settings import Settings, settings
from notify.models import Alert, Audit, StoredContent
from notify.models.states import AlertState, DeliveryState
from tests.factories import CREDENTIALS, NOW, alert_draft, alert_ready, operator, resident, sender, square, zone

LATER = NOW + timedelta(minutes=5)


def able() -> Settings:
    return settings().model_copy(update=CREDENTIALS)


def approve(s: Session, alert: Alert, by: str = "approver") -> Alert:
    return lifecycle.approve(s, alert.id, operator(s, by), LATER, able())


def test_a_draft_has_words_on_each_channel_in_each_language(s: Session) -> None:
    alert = alert_draft(s, channels=("sms", "email", "social"))
    words = s.scalars(select(StoredContent).where(StoredContent.alert_id == alert.id)).all()
    assert {(w.channel, w.language) for w in words} == {
        (channel, language) for channel in ("sms", "email", "social") for language in ("en", "es")
    }
    assert all("Riverside" in w.text for w in words)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"zones": ()}, Invalid, "needs an area"),
        ({"zones": ("Rivreside",)}, NotFound, "Did you mean Riverside?"),
        ({"zones": ("side",)}, NotFound, "Did you mean Riverside?"),
        (
            {"zones": (), "area": {"type": "Point", "coordinates": [0, 0]}, "area_description": "there"},
            Invalid,
            "Point",
        ),
        ({"zones": (), "area": "not json", "area_description": "there"}, Invalid, "not JSON"),
        (
            {
                "zones": (),
                "area": {"type": "Polygon", "coordinates": [[[500, 0], [501, 0], [501, 1], [500, 0]]]},
                "area_description": "there",
            },
            Invalid,
            "outside the world",
        ),
        ({"blanks": {}}, Invalid, "hazard"),
        ({"blanks": {"hazard": "wind", "windspeed": "9"}}, Invalid, "windspeed"),
        ({"event": "zombies", "blanks": {}}, NotFound, "zombies"),
        ({"channels": ("pigeon",)}, Invalid, "pigeon"),
        ({"expires_at": NOW - timedelta(hours=1)}, Invalid, "expire"),
        ({"phase": "update"}, Invalid, "incident"),
        ({"phase": "update", "incident": 4711}, NotFound, "4711"),
    ],
)
def test_a_wrong_draft_is_refused_with_what_to_do(
    s: Session, wrong: dict[str, Any], error: type[TocsinError], says: str
) -> None:
    with pytest.raises(error) as refused:
        alert_draft(s, **wrong)
    assert says in " ".join([str(refused.value), *refused.value.details])


def test_an_emergency_is_approved_by_somebody_else(s: Session) -> None:
    author = operator(s, "admin")
    alert = drafting.draft(
        s, drafting.Draft(event="storm", zones=("Riverside",), blanks={"hazard": "wind"}), author, NOW, able()
    )
    with pytest.raises(Refused, match="Somebody else"):
        lifecycle.approve(s, alert.id, author, LATER, able())


def test_a_routine_alert_may_be_approved_by_its_author(s: Session) -> None:
    admin = operator(s, "admin")
    wanted = drafting.Draft(event="collection", zones=("Riverside",), blanks={"day": "2027-01-18"}, channels=("sms",))
    alert = drafting.draft(s, wanted, admin, NOW, able())
    assert lifecycle.approve(s, alert.id, admin, LATER, able()).state is AlertState.APPROVED


@pytest.mark.parametrize("role", ["author", "agent"])
def test_who_is_no_approver_approves_nothing(s: Session, role: str) -> None:
    with pytest.raises(NotAllowed, match="may not approve"):
        approve(s, alert_draft(s), role)


def test_an_agent_drafts_collection_notices_and_nothing_else(s: Session) -> None:
    agent = operator(s, "agent")
    wanted = drafting.Draft(event="collection", zones=("Riverside",), blanks={"day": "2027-01-18"})
    assert drafting.draft(s, wanted, agent, NOW, able()).state is AlertState.DRAFT
    storm = drafting.Draft(event="storm", zones=("Riverside",), blanks={"hazard": "wind"})
    with pytest.raises(NotAllowed):
        drafting.draft(s, storm, agent, NOW, able())


def test_a_channel_without_credentials_says_so_at_approval(s: Session) -> None:
    alert = alert_draft(s)
    with pytest.raises(Unavailable) as refused:
        lifecycle.approve(s, alert.id, operator(s, "approver"), LATER, settings())
    assert "TOCSIN_TWILIO_AUTH_TOKEN" in " ".join(refused.value.details)


def test_a_channel_without_a_sender_says_so_at_approval(s: Session) -> None:
    alert = alert_draft(s, channels=("sms", "email"))
    with pytest.raises(Unavailable) as refused:
        approve(s, alert)
    assert "email has no sender" in " ".join(refused.value.details)


def test_launch_without_approval_is_refused(s: Session) -> None:
    with pytest.raises(Refused, match="not approved"):
        lifecycle.launch(s, alert_draft(s).id, operator(s), LATER)


def test_launch_twice_is_refused(s: Session) -> None:
    alert = alert_ready(s)
    lifecycle.launch(s, alert.id, operator(s), LATER)
    with pytest.raises(Refused, match="is sending"):
        lifecycle.launch(s, alert.id, operator(s), LATER)


def test_launch_after_expiry_is_refused(s: Session) -> None:
    alert = alert_ready(s)
    with pytest.raises(Refused, match="has expired"):
        lifecycle.launch(s, alert.id, operator(s), alert.expires_at)


def test_launch_of_what_is_not_there_is_refused(s: Session) -> None:
    with pytest.raises(NotFound, match="no alert 4711"):
        lifecycle.launch(s, 4711, operator(s), LATER)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contents SET text = text || '!' WHERE channel = 'sms' AND language = 'es'",
        "UPDATE alerts SET area = decode('0103000000010000000400000000000000000000000000000000000000000000000000f03f"
        "0000000000000000000000000000f03f000000000000f03f00000000000000000000000000000000', 'hex')",
        "UPDATE alerts SET channels = '{email}'",
        "UPDATE alerts SET expires_at = expires_at + interval '1 day'",
    ],
)
def test_what_was_changed_after_approval_does_not_launch(owner: Session, change: str) -> None:
    alert = alert_ready(owner)
    owner.execute(text(change))
    with pytest.raises(Refused, match="not what was approved"):
        lifecycle.launch(owner, alert.id, operator(owner), LATER)


def test_a_later_alert_is_scheduled_and_launched_when_due(s: Session) -> None:
    alert = alert_ready(s, launch_at=NOW + timedelta(hours=1))
    assert lifecycle.launch(s, alert.id, operator(s), LATER).state is AlertState.SCHEDULED
    assert lifecycle.launch_due(s, NOW + timedelta(minutes=59)) == []
    assert [a.id for a in lifecycle.launch_due(s, NOW + timedelta(hours=1))] == [alert.id]
    assert alert.state is AlertState.SENDING
    assert alert.launched_at == NOW + timedelta(hours=1)


def test_pause_and_resume(s: Session) -> None:
    alert = lifecycle.launch(s, alert_ready(s).id, operator(s), LATER)
    assert lifecycle.pause(s, alert.id, operator(s), LATER).state is AlertState.PAUSED
    assert lifecycle.resume(s, alert.id, operator(s), LATER).state is AlertState.SENDING
    with pytest.raises(Refused):
        lifecycle.resume(s, alert.id, operator(s), LATER)


def test_cancel_is_final(s: Session) -> None:
    alert = lifecycle.launch(s, alert_ready(s).id, operator(s), LATER)
    lifecycle.cancel(s, alert.id, operator(s), LATER)
    for step in (lifecycle.pause, lifecycle.resume, lifecycle.cancel, lifecycle.launch):
        with pytest.raises(Refused):
            step(s, alert.id, operator(s), LATER)


@pytest.mark.parametrize("until", ["draft", "approved", "sending", "paused"])
def test_an_alert_whose_time_is_over_expires(s: Session, until: str) -> None:
    alert = alert_draft(s) if until == "draft" else alert_ready(s)
    if until in ("sending", "paused"):
        lifecycle.launch(s, alert.id, operator(s), LATER)
    if until == "paused":
        lifecycle.pause(s, alert.id, operator(s), LATER)
    assert lifecycle.expire_due(s, alert.expires_at - timedelta(seconds=1)) == []
    assert lifecycle.expire_due(s, alert.expires_at) == [alert.id]
    s.refresh(alert)
    assert alert.state is AlertState.EXPIRED


def test_channels_that_nobody_names_are_those_with_an_open_sender(database: str) -> None:
    with transaction() as s:
        zone(s)
        assert alert_draft(s, channels=None).channels == ["sms", "email", "social"], "nothing is known yet"
        sender(s, "sendgrid")
        stopped = sender(s, "mastodon")
        stopped.status = "stopped"
        assert alert_draft(s, channels=None).channels == ["email"]


def test_an_update_and_an_all_clear_go_to_the_same_area_in_the_same_incident(s: Session) -> None:
    first = alert_ready(s)
    update = alert_draft(s, zones=(), phase="update", incident=first.incident_id)
    clear = alert_draft(s, zones=(), phase="all-clear", incident=first.incident_id)
    assert update.incident_id == clear.incident_id == first.incident_id
    assert update.area_hash == clear.area_hash == first.area_hash
    assert (first.msg_type, update.msg_type, clear.msg_type) == ("Alert", "Update", "Update")
    with pytest.raises(Invalid, match="is about storm"):
        alert_draft(s, event="snow", phase="update", incident=first.incident_id)


def test_an_alert_keeps_the_zone_version_that_it_was_sent_to(s: Session) -> None:
    alert = alert_ready(s)
    before = alert.area_hash
    zone(s, shape=square(0, 0, 2))
    s.refresh(alert)
    assert alert.area_hash == before
    assert alert_draft(s).area_hash != before


def test_each_step_leaves_its_audit_row(s: Session) -> None:
    alert = lifecycle.launch(s, alert_ready(s).id, operator(s), LATER)
    lifecycle.pause(s, alert.id, operator(s), LATER)
    lifecycle.cancel(s, alert.id, operator(s), LATER)
    rows = s.scalars(select(Audit).where(Audit.subject == "alert", Audit.subject_id == alert.id).order_by(Audit.id))
    assert [row.action for row in rows] == ["draft", "approve", "launch", "pause", "cancel"]


def test_every_move_that_is_not_in_the_table_is_refused(s: Session) -> None:
    resident(s)
    for before in AlertState:
        for after in set(AlertState) - states.ALERT[before]:
            alert = alert_ready(s)
            lifecycle.launch(s, alert.id, operator(s), LATER)
            s.execute(text("UPDATE alerts SET state = CAST(:to AS alert_state)"), {"to": before.value})
            with pytest.raises(Refused):
                states.move_alert(s, alert.id, after, now=LATER, by=None, action="test")


def test_every_delivery_state_can_reach_an_end() -> None:
    reached = set(states.SETTLED)
    for _ in DeliveryState:
        reached |= {state for state, after in states.DELIVERY.items() if after & reached}
    assert reached == set(DeliveryState)
