"""An operator's own limits, where an alert is written, approved and launched."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from notify.accounts import operator_limits
from notify.alerts import lifecycle
from notify.alerts.approving import limits
from notify.alerts.writing import drafting
from notify.core.errors import NotAllowed, Refused
from notify.core.settings import settings
from notify.models import Alert, BreakGlass, Operator, Topic
from notify.models.states import AlertState
from tests.factories import CREDENTIALS, NOW, alert_draft, alert_ready, operator, resident, square, zone

SNOW = {"rule": "odd", "starts": "2027-01-11T16:00"}  # NOW is noon in the city


def limited(s: Session, role: str, **limits: Any) -> Operator:
    who = operator(s, role)
    operator_limits.change(s, who, NOW, None, **limits)
    return who


def write(s: Session, by: Operator, **draft: Any) -> Alert:
    wanted = {"event": "snow", "zones": ("Riverside",), "channels": ("sms",), "blanks": SNOW} | draft
    return drafting.draft(s, drafting.Draft(**wanted), by, NOW, settings())


def approve(s: Session, alert: Alert, by: Operator) -> Alert:
    return lifecycle.approve(s, alert.id, by, NOW, settings().model_copy(update=CREDENTIALS))


def crowd(s: Session) -> None:
    for _ in range(3):
        resident(s, topics=("snow", "storm"))


@pytest.mark.parametrize(
    ("beyond", "words"),
    [
        ({"topics": ["collection"]}, "may send alerts about collection only, not about snow"),
        ({"hours": "06:00-11:00"}, "may be sent at 06:00-11:00 only, and this would be at 12:00"),
        ({"zones": ["Old Town"]}, "leaves the zones that author@tocsin.example.org is limited to: custom:Old Town"),
    ],
)
def test_a_draft_beyond_a_limit_is_refused_with_who_may_change_it(
    s: Session, beyond: dict[str, Any], words: str
) -> None:
    zone(s, "Old Town", square(2, 2))
    operator(s, "admin", "chief@tocsin.example.org")
    author = limited(s, "author", **beyond)
    with pytest.raises(NotAllowed, match=words) as refused:
        write(s, author)
    assert "an admin (chief@tocsin.example.org) changes it" in refused.value.hint
    assert write(s, author, status="Exercise").state is AlertState.DRAFT, "a drill reaches nobody"


def test_within_its_limits_an_alert_is_written(s: Session) -> None:
    author = limited(s, "author", topics=["snow"], zones=["Riverside"], hours="11:00-13:00")
    assert write(s, author).state is AlertState.DRAFT
    inside = {"type": "Polygon", "coordinates": [[[0, 0], [0.5, 0], [0.5, 0.5], [0, 0]]]}
    assert write(s, author, zones=(), area=inside, area_description="here").state is AlertState.DRAFT


def test_hours_are_those_of_the_launch(s: Session) -> None:
    author = limited(s, "author", hours="06:00-11:00")
    morning = NOW + timedelta(hours=20)
    times = {"launch_at": morning, "lasts": timedelta(hours=6)}
    blanks = {"rule": "odd", "starts": "2027-01-12T10:00"}
    assert write(s, author, blanks=blanks, **times).launch_at == morning


def test_an_area_may_leave_the_zones_by_a_sliver(s: Session) -> None:
    zone(s, "Almost", square(0, 0, 0.9999))
    author = limited(s, "author", zones=["Almost"])
    assert write(s, author).state is AlertState.DRAFT
    zone(s, "Less", square(0, 0, 0.99))
    limited(s, "author", zones=["Less"])
    with pytest.raises(NotAllowed, match="leaves the zones"):
        write(s, author)


def test_above_their_limit_approvers_need_another_person(s: Session) -> None:
    crowd(s)
    approver = limited(s, "approver", contacts=2)
    mine = write(s, approver)
    with pytest.raises(Refused, match="sent to 3 contacts, more than the limit of approver@"):
        approve(s, mine, approver)
    others = write(s, operator(s, "author"))
    with pytest.raises(Refused, match="more than the limit"):
        approve(s, others, approver)
    admin = operator(s)
    assert approve(s, mine, admin).state is AlertState.APPROVED
    assert lifecycle.launch(s, mine.id, approver, NOW).state is AlertState.SENDING, "another person has approved it"


def test_up_to_their_limit_they_need_nobody(s: Session) -> None:
    crowd(s)
    approver = limited(s, "approver", contacts=3)
    approve(s, alert := write(s, approver), approver)
    assert lifecycle.launch(s, alert.id, approver, NOW).state is AlertState.SENDING


def test_a_limit_that_was_set_after_the_approval_holds_at_the_launch(s: Session) -> None:
    crowd(s)
    approver = operator(s, "approver")
    approve(s, alert := write(s, approver), approver)
    limited(s, "approver", contacts=2)
    with pytest.raises(Refused, match="more than the limit"):
        lifecycle.launch(s, alert.id, approver, NOW)
    limited(s, "approver", contacts=None, topics=["collection"])
    with pytest.raises(NotAllowed, match="not about snow"):
        lifecycle.launch(s, alert.id, approver, NOW)


def test_a_scheduled_launch_asks_nobody(s: Session) -> None:
    ready = alert_ready(s, launch_at=NOW + timedelta(hours=1))
    lifecycle.launch(s, ready.id, operator(s, "author"), NOW)
    limited(s, "author", topics=["snow"])
    assert [one.id for one in lifecycle.launch_due(s, NOW + timedelta(hours=1))] == [ready.id]


def test_who_breaks_glass_is_not_limited(s: Session) -> None:
    crowd(s)
    admin = limited(s, "admin", contacts=1, topics=["snow"])
    alert = alert_draft(s)
    with pytest.raises(NotAllowed, match="not about storm"):
        approve(s, alert, admin)
    s.add(BreakGlass(alert_id=alert.id, operator_id=admin.id, reason="The river rises now.", at=NOW))
    s.flush()
    assert approve(s, alert, admin).state is AlertState.APPROVED
    assert lifecycle.launch(s, alert.id, admin, NOW).state is AlertState.SENDING


def test_a_limit_set_or_an_audience_enlarged_while_it_was_counted_is_no_way_round(s: Session) -> None:
    crowd(s)
    approver = limited(s, "approver")
    alert = write(s, operator(s, "author"))
    uncounted = limits.count(s, alert, approver, NOW)
    operator_limits.change(s, approver, NOW, None, contacts=5)
    counted = limits.count(s, alert, approver, NOW)
    limits.require(s, alert, approver, NOW, settings(), counted)
    with pytest.raises(Refused, match="has changed while its contacts were counted"):
        limits.require(s, alert, approver, NOW, settings(), uncounted)
    changes = {"area_hash": "x", "channels": ["sms", "email"], "topic": Topic.STORM, "told_before": [1]}
    for name, value in changes.items():
        with s.no_autoflush:
            setattr(alert, name, value)
            with pytest.raises(Refused, match="has changed while its contacts were counted"):
                limits.require(s, alert, approver, NOW, settings(), counted)
            s.refresh(alert)


def test_the_contacts_are_counted_once(s: Session) -> None:
    """For the limit of one person, and for that of the approver."""
    crowd(s)
    author = limited(s, "author", contacts=5)
    alert = write(s, author)
    counts: list[str] = []

    def listens(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counts.append(statement)

    event.listen(s.get_bind(), "before_cursor_execute", listens)
    try:
        approve(s, alert, author)
    finally:
        event.remove(s.get_bind(), "before_cursor_execute", listens)
    assert len([one for one in counts if "GROUP BY channel, language, reason" in one]) == 1
