"""Which alerts an approver may not send alone."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.core.errors import NotAllowed, Refused
from notify.core.settings import settings
from notify.models import Alert
from notify.models.states import AlertState
from tests.factories import CREDENTIALS, NOW, alert_draft, alert_ready, operator, resident

SNOW = {"rule": "odd", "starts": "2027-01-11T16:00"}
POWER = {"utility": "power"}
RIVERSIDE = {"type": "Polygon", "coordinates": [[[0, 0], [0.5, 0], [0.5, 0.5], [0, 0]]]}


def alone(s: Session, *, most: int = 1000, role: str = "approver", **draft: Any) -> Alert:
    """Written and approved by the same person."""
    by = operator(s, role)
    chosen = settings().model_copy(update=CREDENTIALS | {"alone_most": most})
    wanted = drafting.Draft(**{"zones": ("Riverside",), "channels": ("sms",)} | draft)
    alert = drafting.draft(s, wanted, by, NOW, chosen)
    return lifecycle.approve(s, alert.id, by, NOW, chosen)


@pytest.mark.parametrize(
    "draft",
    [
        {"event": "snow", "blanks": SNOW},
        {"event": "outage", "blanks": POWER | {"restore_by": "2027-01-11T18:00", "report_phone": "311"}},
        {"event": "collection", "blanks": {"day": "2027-01-18"}},
        {
            "event": "storm",
            "severity": "Minor",
            "status": "Exercise",
            "blanks": {"hazard": "wind", "action": "Go home"},
        },
    ],
)
@pytest.mark.parametrize("role", ["author", "approver"])
def test_what_one_person_may_send(s: Session, role: str, draft: dict[str, Any]) -> None:
    assert alone(s, role=role, **draft).state is AlertState.APPROVED


def test_an_author_approves_nothing_else(s: Session) -> None:
    with pytest.raises(NotAllowed, match="role author and may not approve"):
        alone(s, role="author", event="storm", blanks={"hazard": "wind"})
    snow = drafting.Draft(event="snow", blanks=SNOW, zones=("Riverside",), channels=("sms",))
    others = drafting.draft(s, snow, operator(s, "approver"), NOW, settings().model_copy(update=CREDENTIALS))
    with pytest.raises(NotAllowed, match="role author and may not approve"):
        lifecycle.approve(s, others.id, operator(s, "author"), NOW, settings())


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        ({"event": "storm", "blanks": {"hazard": "wind"}}, "emergency"),
        ({"event": "storm", "status": "Exercise", "blanks": {"hazard": "wind"}}, "emergency"),
        ({"event": "storm", "severity": "Minor", "blanks": {"hazard": "wind"}}, "every alert about this event"),
        ({"event": "storm", "urgency": "Future", "blanks": {"hazard": "wind"}}, "every alert about this event"),
        ({"event": "outage", "severity": "Severe", "blanks": POWER}, "emergency"),
        ({"event": "outage", "blanks": POWER | {"cause": "a bomb"}}, "contains free text"),
        ({"event": "outage", "blanks": POWER | {"cause.es": "una bomba", "cause": "a bomb"}}, "contains free text"),
        ({"event": "outage", "blanks": POWER | {"details": "Leave the city."}}, "contains free text"),
        (
            {"event": "outage", "blanks": POWER, "zones": (), "area": RIVERSIDE, "area_description": "all of us"},
            "contains free text",
        ),
    ],
)
def test_what_needs_somebody_else(s: Session, draft: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        alone(s, **draft)
    assert refused.value.hint == "Somebody else must approve it."


def test_an_all_clear_of_a_storm_needs_somebody_else(s: Session) -> None:
    storm = alert_draft(s)
    with pytest.raises(Refused, match="every alert about this event"):
        alone(s, event="storm", phase="all-clear", zones=(), incident=storm.incident_id, blanks={"hazard": "wind"})


def outage(s: Session, incident: int | None = None, **more: Any) -> Alert:
    """Approved by an approver, not launched; severe: an emergency."""
    return alert_ready(s, event="outage", blanks=POWER, incident=incident, **more)


@pytest.mark.parametrize(
    ("first", "second", "ends"),
    [("Severe", None, True), ("Minor", None, False), ("Minor", "Severe", True), ("Severe", "Minor", True)],
)
@pytest.mark.parametrize("corrects", [False, True])
def test_the_all_clear_of_an_emergency_needs_somebody_else(
    s: Session, first: str, second: str | None, ends: bool, corrects: bool
) -> None:
    """Also when the emergency was toned down before, and when the all-clear only corrects another one."""
    issue = lifecycle.launch(s, outage(s, severity=first).id, None, NOW)
    if second:
        update = outage(s, issue.incident_id, phase="update", severity=second, zones=())
        lifecycle.launch(s, update.id, None, NOW)
    clear = {"event": "outage", "phase": "all-clear", "zones": (), "incident": issue.incident_id, "corrects": corrects}
    if not ends:
        assert alone(s, blanks=POWER, **clear).two_people == []
        return
    with pytest.raises(Refused, match="it ends an emergency"):
        alone(s, blanks=POWER, **clear)
    practice = alone(s, blanks=POWER, **clear | {"status": "Exercise"})
    assert practice.two_people == []  # no exercise of the incident was an emergency


def test_an_emergency_that_was_not_launched_is_not_ended(s: Session) -> None:
    issue = lifecycle.launch(s, outage(s, severity="Minor").id, None, NOW)
    outage(s, issue.incident_id, phase="update", severity="Severe", zones=())
    clear = alone(s, event="outage", phase="all-clear", zones=(), incident=issue.incident_id, blanks=POWER)
    assert clear.state is AlertState.APPROVED


@pytest.mark.parametrize("approved", [False, True])
def test_an_all_clear_from_before_the_emergency_does_not_end_it(s: Session, approved: bool) -> None:
    """Whoever wrote or approved it did not know of it."""
    issue = lifecycle.launch(s, outage(s, severity="Minor").id, None, NOW)
    about = {"event": "outage", "phase": "all-clear", "zones": (), "incident": issue.incident_id, "blanks": POWER}
    clear = (alert_ready if approved else alert_draft)(s, **about)
    update = outage(s, issue.incident_id, phase="update", severity="Severe", zones=())
    lifecycle.launch(s, update.id, None, NOW)
    with pytest.raises(Refused, match="was written before the emergency that it would end was launched"):
        _go_on(s, clear)
    assert alert_ready(s, **about).state is AlertState.APPROVED


def _go_on(s: Session, alert: Alert) -> Alert:
    """The next step."""
    if alert.state is AlertState.APPROVED:
        return lifecycle.launch(s, alert.id, None, NOW)
    allowed = settings().model_copy(update=CREDENTIALS)
    return lifecycle.approve(s, alert.id, operator(s, "approver"), NOW, allowed)


def test_words_for_an_area_count_again_in_an_update_that_repeats_them(s: Session) -> None:
    drawn = alert_draft(s, event="outage", blanks=POWER, zones=(), area=RIVERSIDE, area_description="all of us")
    with pytest.raises(Refused, match="contains free text"):
        alone(s, event="outage", phase="update", zones=(), incident=drawn.incident_id, blanks=POWER)


def test_a_large_audience_needs_somebody_else(s: Session) -> None:
    for _ in range(3):
        resident(s, topics=["snow"])
    with pytest.raises(Refused, match="3 contacts, more than 2"):
        alone(s, event="snow", blanks=SNOW, most=2)
    assert alone(s, event="snow", blanks=SNOW, most=3).state is AlertState.APPROVED
    assert alone(s, event="snow", blanks=SNOW, most=2, status="Exercise").state is AlertState.APPROVED
