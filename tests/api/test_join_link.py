"""A link beside the code: a button on its page joins, once, and nothing that only opens it does."""

from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import direct_secrets, join_codes
from tests.api import asked
from tests.api.joins import MAIL, PHONE, begin, city_that_sends, form, sent_code, sent_link
from tests.database import sql
from tests.owner import as_owner


@pytest.fixture(autouse=True)
def _sends(door: httpx.Client) -> None:
    city_that_sends()


def residents() -> int:
    return asked.number("SELECT count(*) FROM subscribers")


def test_a_link_is_opened_by_anything_and_joins_with_its_button_once(door: httpx.Client) -> None:
    begin(door)
    link = sent_link()
    for _ in range(3):
        seen = door.get(link)
        assert seen.status_code == 200
        assert "120 Main St" in seen.text
        assert PHONE not in seen.text
    assert residents() == 0
    as_owner("UPDATE joinings SET language = 'es'")
    assert '<html lang="es"' in door.get(link).text, "the page is in the language of the message"
    assert '<html lang="en"' in door.get(f"{link}?lang=en").text
    assert form(door, link).headers["location"].startswith("/me")
    assert residents() == 1
    assert form(door, link).status_code == 404
    assert door.get(link).status_code == 404


def test_the_code_ends_the_link_and_a_new_code_the_link_before(door: httpx.Client) -> None:
    page = begin(door)
    first, second = sent_link(), sent_link()
    assert door.get(first).status_code == 404
    assert form(door, page, code=sent_code()).status_code == 303
    assert door.get(second).status_code == 404


def test_a_link_lives_as_long_as_its_code(door: httpx.Client) -> None:
    begin(door)
    link = sent_link()
    sql("UPDATE joinings SET code_ends_at = now() - interval '1 s'")
    assert door.get(link).status_code == 404
    assert form(door, link).status_code == 404


def test_another_site_cannot_press_it(door: httpx.Client) -> None:
    begin(door)
    assert door.post(sent_link(), headers={"Origin": "https://elsewhere.example.org"}).status_code == 403
    assert residents() == 0


def test_who_only_signs_in_is_told_what_the_link_does(door: httpx.Client) -> None:
    begin(door)
    form(door, sent_link())
    door.cookies.clear()
    form(door, "/me/sign-in?lang=en", contact=PHONE)
    link = sent_link()
    assert "Show what you get?" in door.get(link).text
    assert form(door, link).headers["location"].startswith("/me")
    assert residents() == 1


def test_a_further_email_is_added_by_the_code_that_came_there(door: httpx.Client) -> None:
    form(door, begin(door), code=sent_code())
    page = form(door, "/me/contacts?lang=en", contact=MAIL).headers["location"]
    assert asked.number("SELECT count(*) FROM contacts") == 1
    (said,) = asked.rows("SELECT text FROM direct_messages WHERE channel = 'email'")[0]
    assert "{code}" in said
    assert "{link}" not in said, "whoever pressed it would open the page of somebody else"
    assert form(door, page, code=sent_code()).headers["location"].startswith("/me")
    assert asked.rows("SELECT channel, verified_at IS NOT NULL FROM contacts ORDER BY id") == [
        ("sms", True),
        ("email", True),
    ]
    assert residents() == 1
    assert asked.number("SELECT count(*) FROM consents WHERE words > ''") == 2
    assert "***" in door.get("/me?lang=en").text


def test_a_phone_of_somebody_else_moves_to_who_has_proved_it(door: httpx.Client) -> None:
    form(door, begin(door, MAIL), code=sent_code())
    form(door, begin(door, PHONE), code=sent_code())
    page = form(door, "/me/contacts?lang=en", contact=MAIL).headers["location"]
    form(door, page, code=sent_code())
    assert asked.number("SELECT count(DISTINCT subscriber_id) FROM contacts WHERE address_sealed IS NOT NULL") == 1


def test_a_further_phone_needs_ones_own_page(door: httpx.Client) -> None:
    assert form(door, "/me/contacts?lang=en", contact=MAIL).headers["location"].startswith("/me/sign-in")
    assert asked.number("SELECT count(*) FROM joinings") == 0


def test_a_message_costs_what_is_sent_with_its_link_in_it(door: httpx.Client) -> None:
    begin(door)
    with transaction() as s:
        number = s.scalar(text("SELECT max(joining_id) FROM direct_messages"))
        made = join_codes.new_secrets(s, number or 0, "", datetime.now(UTC))
    counted = direct_secrets.stand_ins(settings())
    assert made is not None
    assert {place: len(secret) for place, secret in made.items()} == {place: len(counted[place]) for place in made}
