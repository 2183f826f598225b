"""What is usual, and when the number of messages must be typed."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.accounts import operator_limits
from notify.alerts.approving import audience_size
from notify.core.errors import Invalid, Refused
from notify.models import Alert, Operator
from tests.factories import NOW, alert_draft, alert_ready, operator, resident

SNOW: dict[str, Any] = {"event": "snow"}


def past(s: Session, event: str, *sizes: int) -> None:
    """Alerts about an event that were launched, and reached so many contacts."""
    for size in sizes:
        alert = alert_ready(s, event=event).id
        s.execute(
            text("UPDATE alerts SET launched_at = :now, fanout_done_at = :now, audience_total = :n WHERE id = :id"),
            {"now": NOW, "n": size, "id": alert},
        )


def crowd(s: Session, people: int) -> None:
    for _ in range(people):
        resident(s, topics=("snow", "storm"))


def why(s: Session, alert: Alert, by: Operator, *, launches: bool) -> list[str]:
    return audience_size.reasons_to_type(s, alert, audience.preview(s, alert, NOW), by, launches=launches)


def test_usual_is_the_median_of_the_event_or_of_all(s: Session) -> None:
    past(s, "storm", 100, 300)
    assert audience_size.usual(s, "storm") is None
    past(s, "snow", 20, 40, 10)
    assert audience_size.usual(s, "snow") == 20
    assert audience_size.usual(s, "storm") == audience_size.usual(s) == 40, "two storms are too few"


def test_who_approves_an_emergency_types_the_number(s: Session) -> None:
    crowd(s, 3)
    storm, by = alert_draft(s), operator(s)
    assert why(s, storm, by, launches=False) == ["It is an emergency."]
    assert why(s, storm, by, launches=True) == []
    assert why(s, alert_draft(s, **SNOW), by, launches=False) == []
    found = audience.preview(s, storm, NOW)
    for typed in ("3", " 3 ", "3."):
        audience_size.require_typed(s, storm, found, by, typed, launches=False)
    for typed, words in (("", "was not typed"), ("three", "'three' is not a number"), ("³", "is not a number")):
        with pytest.raises(Invalid, match=words):
            audience_size.require_typed(s, storm, found, by, typed, launches=False)
    with pytest.raises(Refused, match=r"send 3 messages \(three\), and you typed 30\."):
        audience_size.require_typed(s, storm, found, by, "30", launches=False)


def test_ten_times_the_usual_is_typed_to_approve_and_to_launch(s: Session) -> None:
    crowd(s, 20)
    past(s, "snow", 2, 2, 2)
    alert, by = alert_draft(s, **SNOW), operator(s)
    expected = ["It reaches 10 times as many contacts as usual (2)."]
    assert why(s, alert, by, launches=False) == why(s, alert, by, launches=True) == expected
    assert why(s, alert_draft(s, **SNOW, status="Exercise"), by, launches=True) == []
    past(s, "snow", 3, 3, 3, 3, 3)
    assert why(s, alert, by, launches=True) == []


def test_more_than_ones_own_limit_is_typed(s: Session) -> None:
    crowd(s, 3)
    author = operator(s, "author")
    operator_limits.change(s, author, NOW, None, contacts=2)
    alert = alert_draft(s, **SNOW)
    assert why(s, alert, author, launches=True) == ["It reaches more contacts than your limit of 2."]
    assert why(s, alert, operator(s), launches=True) == []


def test_one_percent_of_difference_is_allowed(s: Session) -> None:
    audience_size.require_number(1000, "1,010", ["It is an emergency."])
    audience_size.require_number(1000, "990", ["It is an emergency."])
    with pytest.raises(Refused, match="one thousand"):
        audience_size.require_number(1000, "1011", ["It is an emergency."])
