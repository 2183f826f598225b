"""An audience explained: zones, who is left out, who would wait, and whether the number is unusual."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operator_limits
from notify.alerts.approving import audience_size, explanation
from notify.city.parts import Circle
from notify.core.db import transaction
from notify.models import Alert
from tests.factories import NOW, alert_draft, alert_ready, operator, resident, sender, square, zone


@pytest.fixture
def s(database: str) -> Iterator[Session]:
    with transaction() as s:
        yield s


def past(s: Session, *totals: int, status: Literal["Actual", "Exercise"] = "Actual") -> None:
    """Alerts that were sent, with audiences of these sizes."""
    for hour, total in enumerate(totals):
        alert = alert_draft(s, status=status)
        s.execute(
            text("""UPDATE alerts SET state = 'approved', approved_by = :by, approved_at = :at, approved_hash = 'x'
                     WHERE id = :id"""),
            {"id": alert.id, "by": operator(s, "approver").id, "at": NOW},
        )
        s.execute(
            text("""UPDATE alerts SET state = 'sending', launched_at = :at, fanout_done_at = :at,
                           audience_total = :total WHERE id = :id"""),
            {"id": alert.id, "at": NOW - timedelta(days=30) + timedelta(hours=hour), "total": total},
        )


def test_residents_are_told_by_zone_of_the_alert(s: Session) -> None:
    zone(s, "West", square(0, 0))
    zone(s, "East", square(1, 0))
    zone(s, "Elsewhere", square(0, 0, 3))
    resident(s, at=[(0.5, 0.5)])
    resident(s, at=[(0.5, 0.5), (1.5, 0.5)])
    resident(s, at=[(2.5, 0.5)])
    explained = explanation.explain(s, alert_draft(s, zones=["East", "West"]), NOW)
    assert [(one.zone, one.residents) for one in explained.zones] == [("East", 1), ("West", 2)]
    assert explained.audience.residents == 2


def test_a_drawn_area_is_told_by_all_zones_that_have_somebody_in_it(s: Session) -> None:
    zone(s, "West", square(0, 0))
    zone(s, "Ward 1", square(0, 0, 3), "neighbourhood")
    zone(s, "East", square(1, 0))
    resident(s, at=[(0.5, 0.5)])
    resident(s, at=[(0.1, 0.1)])
    alert = alert_draft(s, zones=[], parts=[Circle(0.5, 0.5, 5_000)], area_description="Old Town")
    explained = explanation.explain(s, alert, NOW)
    assert [(one.kind, one.zone, one.residents) for one in explained.zones] == [
        ("custom", "West", 1),
        ("neighbourhood", "Ward 1", 1),
    ]


def test_who_has_nothing_on_the_channels_is_counted(s: Session) -> None:
    zone(s)
    resident(s)
    resident(s, phone=None, email="")
    explained = explanation.explain(s, alert_draft(s), NOW)
    assert (explained.audience.residents, explained.audience.total, explained.audience.no_contact) == (2, 1, 1)


def test_what_caps_rates_and_missing_senders_would_keep_waiting(s: Session) -> None:
    zone(s)
    for _ in range(30):
        resident(s, email="")
    alert = alert_draft(s, channels=("sms", "email"), expires_at=NOW + timedelta(minutes=1))
    assert explanation.explain(s, alert, NOW).waiting == {"no-sender": 60}
    words = "SELECT cost FROM contents WHERE (alert_id, channel, language) = (:a, 'sms', 'en')"
    segments = s.execute(text(words), {"a": alert.id}).scalar_one()
    phone, mail = sender(s, "twilio"), sender(s, "sendgrid", 0.2)
    phone.daily_cap = 20 * segments
    s.flush()
    waiting = explanation.explain(s, alert, NOW).waiting
    assert waiting["capped"] == 10
    assert 15 <= waiting["expires-first"] <= 20, "a minute at one in five seconds"
    phone.daily_cap, mail.rate_per_s = None, 100
    s.flush()
    assert explanation.explain(s, alert, NOW).waiting == {}


def test_ten_times_the_usual_is_warned_of(s: Session) -> None:
    zone(s)
    for _ in range(22):
        resident(s)
    past(s, 1, 2)
    alert = alert_draft(s)
    assert explanation.explain(s, alert, NOW).usual is None, "of two nothing is usual"
    past(s, 900)
    explained = explanation.explain(s, alert, NOW)
    assert explained.usual == 2
    assert explained.warnings == ("It reaches 22 contacts, 11 times as many as usual (2).",)
    past(s, *[3] * audience_size.LAST)
    explained = explanation.explain(s, alert, NOW)
    assert (explained.usual, explained.warnings) == (3, ())


def test_more_than_the_authors_limit_is_warned_of(s: Session) -> None:
    zone(s)
    for _ in range(3):
        resident(s)
    alert = alert_draft(s)
    operator_limits.change(s, operator(s, "author"), NOW, None, contacts=2)
    s.flush()
    assert explanation.explain(s, alert, NOW).warnings == ("It reaches more contacts than the author's limit of 2.",)
    operator_limits.change(s, operator(s, "author"), NOW, None, contacts=3)
    s.flush()
    assert explanation.explain(s, alert, NOW).warnings == ()


def test_the_parts_add_up_to_the_audience(s: Session) -> None:
    zone(s)
    for number in range(9):
        resident(s, email="", verified=number % 3 > 0, language="es" if number % 2 else "en")
    found = explanation.explain(s, alert_ready(s, channels=("sms", "email", "social")), NOW).audience
    assert found.total == sum(found.by_channel.values()) + sum(found.skipped.values())
    assert {channel: sum(spoken.values()) for channel, spoken in found.languages.items()} == found.by_channel


def test_an_alert_is_no_measure_for_itself_and_exercises_are_none(s: Session) -> None:
    zone(s)
    for _ in range(30):
        resident(s)
    past(s, 2, 2, 2, status="Exercise")
    explained = explanation.explain(s, alert_draft(s), NOW)
    assert (explained.usual, explained.warnings) == (None, ())
    past(s, 1, 1, 30)
    newest = s.get_one(Alert, s.execute(text("SELECT max(id) FROM alerts")).scalar_one())
    explained = explanation.explain(s, newest, NOW)
    assert (explained.usual, explained.warnings) == (None, ()), "two others are too few"
