"""Who is asked to approve an alert, in which order and when."""

from datetime import datetime, timedelta

import pytest

from notify.accounts import operators, roster
from notify.alerts import lifecycle
from notify.alerts.approving import approval_asks
from notify.alerts.approving.approval_asks import Waiting
from notify.core.db import transaction
from notify.core.errors import NotAllowed, NotFound, Refused
from notify.core.settings import settings
from notify.models import Alert
from tests.database import sql
from tests.factories import CREDENTIALS, NOW, alert_draft, operator, own_contact, sender, zone
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")
ANN, BEN, CAT, DAN = (f"{name}@example.org" for name in ("ann", "ben", "cat", "dan"))
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _staff(database: str) -> None:
    """Ann is on duty, Ben deputises; Cat and Dan may approve, too."""
    with transaction() as s:
        zone(s)
        people = [operator(s, "approver", email) for email in (ANN, BEN, CAT, DAN)]
        roster.plan(s, ANN, BEN, NOW - MINUTE, NOW + timedelta(hours=8), people[2], NOW)


def write(**draft: object) -> int:
    with transaction() as s:
        return alert_draft(s, **draft).id


def ask(alert: int, by: str = "author@tocsin.example.org", now: datetime = NOW) -> None:
    with transaction() as s:
        approval_asks.ask(s, alert, operators.find(s, by), now)


def later(minutes: float) -> list[int]:
    with transaction() as s:
        return approval_asks.ask_again(s, NOW + minutes * MINUTE, settings())


def waiting(alert: int) -> Waiting | None:
    with transaction() as s:
        return approval_asks.waiting(s, s.get_one(Alert, alert), NOW, settings())


def asked() -> list[list[str]]:
    """Emails by step."""
    rows = sql("""SELECT array_agg(email ORDER BY email) AS emails FROM direct_messages m
                    JOIN operators o ON o.id = m.operator_id WHERE channel = 'console' GROUP BY step ORDER BY step""")
    return [row.emails for row in rows]


def test_an_emergency_asks_as_soon_as_it_is_written() -> None:
    write(event="storm")
    assert asked() == [[ANN]]


def test_of_a_routine_notice_and_of_a_test_nobody_is_asked_by_itself() -> None:
    write(event="snow")
    write(event="storm", status="Test")
    assert asked() == []


def test_the_next_are_asked_when_nobody_approves_in_time() -> None:
    alert = write()
    assert later(4.9) == []
    assert later(5) == [alert]
    assert later(5.1) == []
    assert asked() == [[ANN], [BEN]]
    assert later(10) == [alert]
    assert asked() == [[ANN], [BEN], [CAT, DAN]]
    assert later(15) == []


def test_an_alarm_rings_once_when_everybody_was_asked_and_ends_with_the_alert() -> None:
    alert = write()
    for minutes in (5, 10, 14.9):
        later(minutes)
    assert sql("SELECT 1 FROM alarms") == []
    later(15)
    later(16)
    (alarm,) = sql("SELECT kind, count, message, resolved_at FROM alarms")
    assert (alarm.kind, alarm.count, alarm.resolved_at) == ("not-approved", 1, None)
    assert f"Alert {alert} waits for approval" in alarm.message
    with transaction() as s:
        lifecycle.cancel(s, alert, None, NOW)
    later(17)
    assert sql("SELECT resolved_at FROM alarms")[0].resolved_at is not None


def test_nobody_is_asked_again_once_it_is_approved() -> None:
    alert = write()
    with transaction() as s:
        sender(s)
        lifecycle.approve(s, alert, operators.find(s, CAT), NOW, settings().model_copy(update=CREDENTIALS))
    assert later(6) == []
    assert waiting(alert) is None


def test_its_author_is_never_asked() -> None:
    with transaction() as s:
        alert = alert_draft(s, event="snow").id
    as_owner("UPDATE alerts SET created_by = (SELECT id FROM operators WHERE email = :email)", email=ANN)
    ask(alert, by=ANN)
    later(5)
    assert asked() == [[BEN], [CAT, DAN]]


def test_it_is_shown_who_was_asked_and_who_is_next() -> None:
    alert = write(event="snow")
    assert waiting(alert) is None
    ask(alert)
    ask(alert)
    shown = waiting(alert)
    assert shown is not None
    assert [(one.email, one.duty, one.asked_at, one.by) for one in shown.asked] == [(ANN, "on duty", NOW, ())]
    assert [(one.email, one.duty) for one in shown.next] == [(BEN, "deputy")]
    assert shown.next_at == NOW + 5 * MINUTE
    assert sql("SELECT count(*) AS n FROM audit WHERE action = 'ask'")[0].n == 1


def test_who_has_verified_contacts_is_written_to_and_others_see_it_on_the_console() -> None:
    with transaction() as s:
        ann = operators.find(s, ANN)
        own_contact(s, ann, "sms", "+12155550001")
        own_contact(s, ann, "email", ANN, verified=False)
    alert = write()
    (console, text) = sql("SELECT channel, state, subject, text FROM direct_messages ORDER BY channel")
    assert (console.channel, console.state, text.channel, text.state) == ("console", "accepted", "sms", "waiting")
    assert f"storm alert {alert}, Riverside, an emergency" in text.text
    assert text.text.endswith(f"{settings().public_url}/console/alerts/{alert}")
    assert len(text.text) <= 320
    shown = waiting(alert)
    assert shown is not None
    assert shown.asked[0].by == (("sms", "waiting"),)


def test_only_a_draft_can_be_asked_about_and_only_where_somebody_else_may_approve() -> None:
    alert = write(event="snow")
    with transaction() as s:
        agent = operator(s, "agent")
        with pytest.raises(NotAllowed):
            approval_asks.ask(s, alert, agent, NOW)
        with pytest.raises(NotFound):
            approval_asks.ask(s, 99, agent, NOW)
        with pytest.raises(Refused, match="has expired"):
            approval_asks.ask(s, alert, operators.find(s, ANN), NOW + timedelta(days=30))
    sql("UPDATE operators SET role = 'author'")
    with pytest.raises(Refused, match="Nobody but its author could approve"):
        ask(alert)
    with transaction() as s:
        lifecycle.cancel(s, alert, None, NOW)
    with pytest.raises(Refused, match="is cancelled: nobody needs to approve it"):
        ask(alert)


def test_operators_are_written_to_in_their_language() -> None:
    as_owner("UPDATE operators SET language = 'es' WHERE email = :email", email=ANN)
    alert = write()
    (message,) = sql("SELECT subject, text FROM direct_messages")
    assert message.subject.startswith(f"Falta aprobar: la alerta {alert} (")
    assert "No se envía nada hasta que lo haga." in message.text
