"""What `tocsin alert show` says to a person."""

import pytest
from sqlalchemy import text

from notify import alerts, reports
from notify.cli import bars
from notify.db import transaction
from notify.pipeline import fanout
from tests.factories import NOW, alert_ready, operator, resident, zone


def test_reasons_are_sentences(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction() as s:
        zone(s)
        for _ in range(3):
            resident(s)
        alert = alert_ready(s)
        alerts.launch(s, alert.id, operator(s), NOW)
    for _ in fanout.resolve(alert.id, NOW):
        pass
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET state = 'undelivered', reason = '30003', sent_at = :now"), {"now": NOW})
        bars.show(reports.progress(s, alert.id))
    assert "3  30003: the phone is off or out of reach" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "said"),
    [(0.31, "31 % longer than planned"), (-0.04, "4 % less than planned"), (0.004, "as planned")],
)
def test_a_plan_is_held_against_what_came_of_it(error: float, said: str) -> None:
    assert bars.against_plan(error) == said
