"""A link beside the code: a button on its page joins, once, and nothing that only opens it does."""

import httpx
import pytest

from tests.api import asked
from tests.api.joins import PHONE, begin, city_that_sends, form, sent_code, sent_link
from tests.database import sql


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
