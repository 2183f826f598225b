"""An emergency launched by one person alone, and its review."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notify.accounts import operators, roster
from notify.alerts import lifecycle
from notify.alerts.approving import break_glass
from notify.alerts.words import linting
from notify.alerts.writing import drafting
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.core.settings import settings
from notify.models import Alert, Operator
from notify.models.states import AlertState
from tests.database import sql
from tests.factories import CREDENTIALS, NOW, alert_draft, operator, own_contact, resident, sender, zone
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")
ANN, BEN = "ann@example.org", "ben@example.org"
REASON = "The river rises; nobody answers the phone."


@pytest.fixture
def draft(database: str) -> int:
    """An emergency that Ann, an approver, has written for three residents."""
    with transaction() as s:
        zone(s)
        sender(s)
        for _ in range(3):
            resident(s)
        operator(s, "approver", ANN)
        own_contact(s, operator(s, "approver", BEN), "email", BEN)
        operator(s, "author")
        alert = alert_draft(s).id
    as_owner("UPDATE alerts SET created_by = (SELECT id FROM operators WHERE email = :email)", email=ANN)
    return alert


def launch(alert: int, by: str = ANN, **given: Any) -> AlertState:
    with transaction() as s:
        seen = {"reason": REASON, "area_hash": s.get_one(Alert, alert).area_hash, "messages": "3", "sent": 3} | given
        allowed = settings().model_copy(update=CREDENTIALS)
        return break_glass.launch(s, alert, operators.find(s, by), NOW, allowed, **seen).state


def review(alert: int, by: str = BEN, words: str = "It was right: the river came.") -> None:
    with transaction() as s:
        break_glass.review(s, alert, operators.find(s, by), NOW + timedelta(hours=1), words)


def test_one_person_cannot_approve_an_emergency_alone_otherwise(draft: int) -> None:
    with pytest.raises(Refused, match="it is an emergency"), transaction() as s:
        lifecycle.approve(s, draft, operators.find(s, ANN), NOW, settings().model_copy(update=CREDENTIALS))


def test_break_glass_launches_rings_and_writes_to_all_others(draft: int) -> None:
    assert launch(draft) is AlertState.SENDING
    (alarm,) = sql("SELECT kind, message FROM alarms")
    assert alarm.kind == "break-glass"
    assert REASON in alarm.message
    written = sql("""SELECT email, channel, text FROM direct_messages m JOIN operators o ON o.id = m.operator_id
                      WHERE kind = 'break-glass' ORDER BY channel""")
    assert [(row.email, row.channel) for row in written] == [(BEN, "console"), (BEN, "email")]
    assert "must review it" in written[0].text
    steps = [row.action for row in sql("SELECT action FROM audit WHERE subject = 'alert' ORDER BY id")]
    assert steps == ["draft", "ask", "break-glass", "approve", "launch"]


def test_it_happens_once(draft: int) -> None:
    launch(draft)
    with pytest.raises(Refused, match="launched already"):
        launch(draft)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"reason": "hurry up"}, "The reason has 8 characters"),
        ({"reason": "\u200b" * 20}, "The reason has 0 characters"),
        ({"reason": "x" * 3000}, "3,000 characters"),
        ({"messages": "30"}, r"It would send 3 messages \(three\), and you typed 30"),
        ({"messages": ""}, "was not typed"),
        ({"area_hash": "other"}, "The area is not the one"),
        ({"by": "author@tocsin.example.org"}, "may not launch an emergency alone"),
    ],
)
def test_what_it_needs(draft: int, given: dict[str, Any], match: str) -> None:
    with pytest.raises((Invalid, Refused, NotAllowed), match=match):
        launch(draft, **given)
    assert sql("SELECT state FROM alerts")[0].state == "draft"
    assert sql("SELECT 1 FROM break_glass") == sql("SELECT 1 FROM alarms") == []


def test_only_emergencies_that_cannot_wait(draft: int) -> None:
    with transaction() as s:
        routine = alert_draft(s, event="snow").id
        planned = alert_draft(s, launch_at=NOW + timedelta(hours=2)).id
    with pytest.raises(Refused, match="is neither an emergency nor the all-clear of one"):
        launch(routine)
    with pytest.raises(Refused, match="is planned for later"):
        launch(planned)
    for status in ("Exercise", "Test"):
        with transaction() as s:
            practice = alert_draft(s, status=status).id
        with pytest.raises(Refused, match="is not real") as refused:
            launch(practice)
        assert "Practice can wait" in refused.value.hint
    with pytest.raises(NotFound), transaction() as s:
        break_glass.launch(
            s, 99, operators.find(s, ANN), NOW, settings(), reason=REASON, area_hash="", messages="1", sent=1
        )


def test_one_person_ends_an_emergency_alone_only_so(draft: int) -> None:
    launch(draft)
    with transaction() as s:
        clear = clear_of(s, draft, operators.find(s, ANN))
    with pytest.raises(Refused, match="it ends an emergency"), transaction() as s:
        lifecycle.approve(s, clear, operators.find(s, ANN), NOW, settings().model_copy(update=CREDENTIALS))
    assert launch(clear) is AlertState.SENDING
    assert [one.subject_id for one in sql("SELECT subject_id FROM audit WHERE action = 'break-glass' ORDER BY id")] == [
        draft,
        clear,
    ]


def clear_of(s: Session, alert_id: int, by: Operator) -> int:
    incident = s.get_one(Alert, alert_id).incident_id
    wanted = drafting.Draft(
        event="storm", phase="all-clear", incident=incident, blanks={"hazard": "wind"}, channels=("sms",)
    )
    return drafting.draft(s, wanted, by, NOW, settings()).id


def test_the_review_stays_open_until_another_person_writes_it(draft: int) -> None:
    launch(draft)
    with transaction() as s:
        assert [one.alert for one in break_glass.open_reviews(s)] == [draft]
    with pytest.raises(Refused, match="You launched this alert alone"):
        review(draft, by=ANN)
    with pytest.raises(NotAllowed):
        review(draft, by="author@tocsin.example.org")
    with pytest.raises(Invalid, match="The review has 2 characters"):
        review(draft, words="ok")
    review(draft)
    with pytest.raises(Refused, match="written already"):
        review(draft, words="Another opinion of it.")
    with transaction() as s:
        assert break_glass.open_reviews(s) == []
        shown = break_glass.of(s, draft)
    assert shown is not None
    assert shown.reviewer is not None
    assert (shown.reviewer.email, shown.row.review) == (BEN, "It was right: the river came.")


def test_nothing_to_review_where_two_people_launched_it(draft: int) -> None:
    with pytest.raises(Refused, match="nothing to review"):
        review(draft)


def test_who_is_on_duty_is_told_as_everybody_else(draft: int) -> None:
    with transaction() as s:
        ann = operators.find(s, ANN)
        roster.plan(s, BEN, ANN, NOW, NOW + timedelta(hours=1), ann, NOW)
    launch(draft)
    assert sql("SELECT count(*) AS n FROM direct_messages WHERE kind = 'break-glass'")[0].n == 2


def test_the_database_refuses_an_author_who_approves_without_a_record(draft: int) -> None:
    with pytest.raises(IntegrityError, match="alerts_two_people"):
        sql("UPDATE alerts SET state = 'approved', approved_by = created_by, approved_at = now(), approved_hash = 'x'")


def test_it_overrides_an_error_of_unclear_words_and_lists_it_for_the_review(database: str) -> None:
    alert = _by_ann(shelter="[SHELTER NAME]")
    with pytest.raises(Refused, match="have 2 errors"), transaction() as s:
        lifecycle.approve(s, alert, operators.find(s, BEN), NOW, settings().model_copy(update=CREDENTIALS))
    assert launch(alert) is AlertState.SENDING
    with transaction() as s:
        listed = linting.overridden(s, s.get_one(Alert, alert), settings())
    assert {(one.rule, one.language, one.acknowledged_by) for one in listed} == {
        ("unfilled", "en", ANN),
        ("unfilled", "es", ANN),
    }


def test_it_overrides_no_error_that_would_mislead_people(database: str) -> None:
    alert = _by_ann(shelter="bit.ly/shelter")
    with pytest.raises(Refused, match="have 2 errors"):
        launch(alert)
    assert sql("SELECT 1 FROM lint_acknowledgements") == sql("SELECT 1 FROM break_glass") == []


def _by_ann(**blanks: str) -> int:
    with transaction() as s:
        zone(s)
        sender(s)
        for _ in range(3):
            resident(s)
        ann = operator(s, "approver", ANN)
        operator(s, "approver", BEN)
        draft = drafting.Draft(
            event="storm", zones=["Riverside"], blanks={"hazard": "tornado", **blanks}, channels=["sms"]
        )
        return drafting.draft(s, draft, ann, NOW, settings()).id
