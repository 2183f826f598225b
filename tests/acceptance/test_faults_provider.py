"""A provider that refuses, breaks off, hangs, or takes messages and never says so: at random, and all at once."""

from typing import Any

import pytest

from tests.acceptance.city import SILENT, City
from tests.soon import soon
from tests.waiting import until

pytestmark = pytest.mark.long

FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "code": 20429, "retry_after": 1},
    "500": {"status": 500},
    "503": {"status": 503},
    "reset": {"reset": True},
    "hang": {"hang_s": 8},
    "accept, and never answer": {"accept_then_hang_s": 8},
    "accept, and say 500": {"status": 500, "taken": True},
    "accept, and a gateway says 503": {"status": 503, "taken": True, "bare": True},
}


def faulty(rate: float, *names: str) -> dict[str, Any]:
    return {"error_rate": [{**FAULTS[name], "rate": rate} for name in names]}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_now_and_then_loses_nobody_and_doubles_nobody(city: City, fault: str) -> None:
    block = city.block(phones=60)
    city.behave(twilio=faulty(0.1, fault) | SILENT)
    city.reached_once(block, city.until_over(city.launch(city.approved(block.zone)), 120))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_does_nothing_else_for_a_while(city: City, fault: str) -> None:
    block = city.block(phones=30)
    city.behave(twilio=faulty(1.0, fault) | SILENT)
    alert = city.launch(city.approved(block.zone))
    until(lambda: len([r for r in city.forms() if r[1].get("To") in block.phones]) >= 3, 60, "it was tried")
    city.sim("/_sim/behaviour", method="DELETE")
    city.reached_once(block, city.until_over(alert, 120))


def test_all_faults_at_once_on_all_channels(city: City) -> None:
    block = city.block(phones=100, emails=40)
    city.behave(
        twilio=faulty(0.05, *FAULTS) | {"next_errors": list(FAULTS.values())},
        sendgrid={"next_errors": [FAULTS["429"], FAULTS["500"]]},
    )
    alert = city.launch(city.approved(block.zone, channels=("sms", "email")))
    city.reached_once(block, city.until_over(alert, 120))
    left = city.sim("/_sim/behaviour")
    assert left["twilio"]["next_errors"] == left["sendgrid"]["next_errors"] == [], "each was met at least once"


def test_unknown_emails_of_an_emergency_are_sent_again_and_the_report_says_so(city: City) -> None:
    """SendGrid cannot be asked, and here no receipt tells. Who has one gets another: one too few could cost more."""
    block = city.block(emails=12)
    city.behave(sendgrid={"next_errors": [FAULTS["accept, and never answer"]]} | SILENT)
    alert = city.launch(city.approved(block.zone, channels=("email",)))
    progress = city.until_over(alert, 60)
    assert set(city.mails(block.emails)) == set(block.emails)
    again = len(city.mails(block.emails)) - 12
    assert again > 0
    (noted,) = city.sql("SELECT detail FROM audit WHERE subject_id = :a AND action = 'sent-again'", a=alert)
    assert noted.detail["count"] == again
    assert sum(progress.deliveries.values()) == progress.audience.total == 12


def test_unknown_emails_of_a_routine_alert_are_left_and_the_report_says_so(city: City) -> None:
    block = city.block(emails=12, topics="snow")
    city.behave(sendgrid={"next_errors": [FAULTS["hang"]]})
    blanks = {"rule": "street", "starts": soon()}
    alert = city.launch(city.approved(block.zone, channels=("email",), event="snow", blanks=blanks))
    progress = city.until_over(alert, 60)
    left = 12 - len(city.mails(block.emails))
    assert left > 0
    assert progress.reasons["failed"] == {"outcome-unknown": left}
    assert sum(progress.deliveries.values()) == progress.audience.total == 12


def test_launch_pressed_twice_at_once(city: City) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from notify.core.errors import Refused

    block = city.block(phones=20)
    alert = city.approved(block.zone)

    def press(_: int) -> bool:
        try:
            city.launch(alert)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pressers:
        assert sorted(pressers.map(press, range(4))) == [False, False, False, True]
    city.reached_once(block, city.until_over(alert, 60))
