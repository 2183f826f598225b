"""What `tocsin alert show` says to a person."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.alerts.reporting import reports
from notify.cli import bars
from notify.core.db import transaction
from tests.factories import NOW, alert_resolved, resident, zone


def test_reasons_are_sentences(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction() as s:
        zone(s)
        for _ in range(3):
            resident(s)
    alert = alert_resolved()
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET state = 'undelivered', reason = '30003', sent_at = :now"), {"now": NOW})
        bars.show(reports.progress(s, alert))
    assert "3  30003: the phone is off or out of reach" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("planned_s", "took_s", "said"),
    [
        (2, 3.24, "1 s later than planned"),  # and not "62 % longer"
        (30, 12, "18 s earlier than planned"),
        (2, 2.4, "as planned"),
        (600, 786, "31 % longer than planned"),
        (3000, 2880, "4 % less than planned"),
        (36_000, 36_100, "as planned"),
    ],
)
def test_a_plan_is_held_against_what_came_of_it(planned_s: float, took_s: float, said: str) -> None:
    planned, took = timedelta(seconds=planned_s), timedelta(seconds=took_s)
    one = reports.Forecast("sms", 40, NOW + planned, NOW + took, (took - planned) / planned)
    assert one.against_plan == said


def test_a_plan_that_was_not_measured_is_held_against_nothing() -> None:
    assert reports.Forecast("sms", 40, NOW, None, None).against_plan is None
