"""A resident's test to themselves, and what the page says about a phone or email that nothing reaches."""

import httpx
import pytest
from sqlalchemy import text

from notify.core.db import transaction
from tests import factories
from tests.api import asked, joins
from tests.api.joins import MAIL, PHONE, form, join


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def contact() -> int:
    return asked.number("SELECT max(id) FROM contacts")


def sent_tests() -> int:
    return asked.number("SELECT count(*) FROM direct_messages WHERE kind = 'self-test'")


def test_a_test_is_written_to_ones_own_phone_and_says_that_it_is_one(door: httpx.Client) -> None:
    join(door)
    answer = form(door, f"/me/test/{contact()}?lang=en")
    assert answer.headers["location"] == "/me/test?lang=en"
    assert "It waits to be sent." in door.get("/me/test?lang=en").text
    ((words, subject),) = asked.rows("SELECT text, subject FROM direct_messages WHERE kind = 'self-test'")
    assert words.startswith("TEST from")
    assert subject.startswith("Test: ")


def test_after_three_tests_one_waits(door: httpx.Client) -> None:
    join(door)
    for _ in range(3):
        assert form(door, f"/me/test/{contact()}").status_code == 303
        asked.do("UPDATE direct_messages SET state = 'accepted'")
    answer = form(door, f"/me/test/{contact()}?lang=en")
    assert answer.status_code == 429
    assert "minutes" in answer.text
    assert sent_tests() == 3


def test_nobody_sends_a_test_to_anothers_phone(door: httpx.Client) -> None:
    with transaction() as s:
        other = factories.resident(s, phone="+12155550177")
    join(door)
    assert form(door, f"/me/test/{other.sms}").status_code == 404
    assert door.post(f"/me/test/{contact()}", headers={"Origin": "https://evil.example"}).status_code == 403
    assert sent_tests() == 0


def suppress(reason: str) -> None:
    with transaction() as s:
        s.execute(
            text("""INSERT INTO suppressions (channel, address_index, reason, at)
                    SELECT channel, address_index, :reason, now() FROM contacts"""),
            {"reason": reason},
        )


@pytest.mark.parametrize(
    ("address", "reason", "mend"),
    [
        (MAIL, "hard-bounce", "Messages to it came back, so we stopped. If it works now, call"),
        (MAIL, "complaint", "marked as spam, so we stopped. If that was a mistake, call"),
        (PHONE, "invalid", "If it works now, text START"),
        (PHONE, "hard-bounce", "If it works now, call"),
    ],
)
def test_what_a_provider_reported_stands_on_the_page_with_how_to_mend_it(
    door: httpx.Client, address: str, reason: str, mend: str
) -> None:
    join(door, address)
    suppress(reason)
    shown = door.get("/me?lang=en").text
    assert mend in shown
    assert f"/me/test/{contact()}" not in shown
    answer = form(door, f"/me/test/{contact()}?lang=en")
    assert answer.status_code == 409
    assert sent_tests() == 0
