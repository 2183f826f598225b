"""The collection days of a year in an email, which a resident asks for."""

from datetime import UTC, datetime

import httpx
import pytest

from notify.core.db import transaction
from notify.delivery import sealed_words, sender_pool
from notify.subscribers import consent
from tests import factories
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, form, join
from tests.notify.service311 import days


@pytest.fixture(autouse=True)
def _a_city_with_days(database: str) -> None:
    joins.city_that_sends()
    days.settle(datetime.now(UTC))


def contact(channel: str = "email") -> int:
    return asked.number("SELECT max(id) FROM contacts WHERE channel = :channel", channel=channel)


def place() -> int:
    return asked.number("SELECT max(id) FROM places")


def mails() -> list[str]:
    """What was written, as it is put in when it is sent."""
    with transaction() as s:
        rows = asked.rows("SELECT id, text FROM direct_messages WHERE kind = 'calendar' ORDER BY id")
        return [one.text.replace(sealed_words.WORDS, sealed_words.words(s, one.id) or "") for one in rows]


def ask(door: httpx.Client, **given: object) -> httpx.Response:
    return form(door, "/me/calendar?lang=en", contact=contact(), **given)


def test_the_year_of_a_place_comes_by_email_once_however_often_it_is_pressed(door: httpx.Client) -> None:
    join(door, MAIL)
    assert "Send it to m***@example.org" in door.get("/me/calendar?lang=en").text
    for _ in range(2):
        assert ask(door, own_place=place()).headers["location"] == "/me/calendar?lang=en"
    (mail,) = mails()
    assert mail.startswith("Collection days: 120 Main St\n")
    assert "from 6:00 PM on" in mail
    thanksgiving = [line for line in mail.splitlines() if "because of Thanksgiving Day" in line]
    assert thanksgiving
    assert "Thursday, November" in thanksgiving[0]
    assert "Edition 1" in mail
    zone = asked.number("SELECT id FROM zones WHERE name = 'North'")
    assert f"/collections/zones/{zone}.ics?lang=en" in mail
    assert f"/collections/zones/{zone}.pdf?lang=en" in mail
    assert "It waits to be sent." in door.get("/me/calendar?lang=en").text
    ((text,),) = asked.rows("SELECT text FROM direct_messages WHERE kind = 'calendar'")
    assert "Main St" not in text, "the place is kept sealed"
    assert asked.rows("SELECT action FROM audit WHERE action = 'mail calendar'") == [("mail calendar",)]


def test_it_comes_in_the_residents_language_also_of_another_address(door: httpx.Client) -> None:
    join(door, MAIL)
    asked.do("UPDATE subscribers SET language = 'es'")
    shown = form(door, "/collections?lang=en", place="1.5 0.5 7 Elm St").text
    assert "Send it to m***@example.org" in shown
    assert ask(door, place="1.5 0.5 7 Elm St").status_code == 303
    (mail,) = mails()
    assert "Días de recolección" in mail.splitlines()[0]
    assert "7 Elm St" in mail
    assert "martes" in mail
    assert "\nlunes" not in mail, "the days of that address"


def test_three_in_a_row_are_enough(door: httpx.Client) -> None:
    join(door, MAIL)
    for number in range(3):
        assert ask(door, place=f"0.5 0.5 {number} Elm St").status_code == 303
    answer = ask(door, place="0.5 0.5 9 Elm St")
    assert answer.status_code == 429
    assert "Ask again tomorrow." in answer.text
    assert len(mails()) == 3


def test_it_is_sent_only_to_ones_own_email_and_for_a_place_with_days(door: httpx.Client) -> None:
    with transaction() as s:
        other = factories.resident(s, phone=None, email="eve@example.org")
    assert "Have it sent from your own page" in form(door, "/collections?lang=en", place=HOME).text
    assert ask(door, place=HOME).headers["location"].startswith("/me/sign-in")
    join(door, MAIL)
    assert form(door, "/me/calendar", contact=other.mail, place=HOME).status_code == 404
    assert form(door, "/me/calendar", contact=contact(), own_place=place() + 1).status_code == 404
    assert "We have no collection days for 9 Far St." in ask(door, place="9.5 9.5 9 Far St").text
    with transaction() as s:
        consent.opt_out(s, "email", contact(), how="a test", now=datetime.now(UTC))
    assert ask(door, place=HOME).status_code == 409
    assert mails() == []


def test_none_is_promised_that_no_sender_can_send(door: httpx.Client) -> None:
    join(door, MAIL)
    asked.do("UPDATE senders SET status = 'stopped' WHERE channel = 'email'")
    sender_pool.read_anew()
    assert ask(door, place=HOME).status_code == 503
    assert mails() == []
