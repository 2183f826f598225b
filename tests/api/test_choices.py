"""The form on a resident's page about when messages come."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.joins import city_that_sends, form, join
from tests.database import sql


@pytest.fixture
def me(door: httpx.Client) -> httpx.Client:
    city_that_sends()
    join(door)
    return door


def test_a_resident_chooses_hours_zone_number_pause_and_severity(me: httpx.Client) -> None:
    contact = sql("SELECT id FROM contacts WHERE subscriber_id IS NOT NULL")[0].id
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    fields = {"quiet": "own", "quiet_from": "22:30", "quiet_to": "06:00", "timezone": "America/Denver"}
    answer = form(me, "/me/choices?lang=en", **fields, most_a_day="2", muted_until=day, lowest=f"{contact}:3")
    assert answer.status_code == 303, answer.text
    page = me.get(answer.headers["location"]).text
    for shown in ("Saved.", 'value="22:30"', 'value="America/Denver" selected', '<option value="2" selected',
                  f'value="{day}"', f'value="{contact}:3" selected'):  # fmt: skip
        assert shown in page
    row = sql("SELECT * FROM choices")[0]
    assert (str(row.quiet_from), row.timezone, row.most_a_day) == ("22:30:00", "America/Denver", 2)


def test_a_resident_chooses_a_digest_and_takes_it_back(me: httpx.Client) -> None:
    assert "Once a week on Mondays at 5:00" in me.get("/me?lang=en").text
    answer = form(me, "/me/choices?lang=en", digest="weekly")
    assert answer.status_code == 303, answer.text
    assert 'value="weekly" checked' in me.get("/me?lang=en").text
    assert [row.digest for row in sql("SELECT digest FROM choices")] == ["weekly"]
    form(me, "/me/choices?lang=en", digest="")
    assert sql("SELECT * FROM choices") == []


def test_the_page_tells_the_usual_hours_in_the_readers_language(me: httpx.Client) -> None:
    assert "As usual: none" in me.get("/me?lang=en").text
    assert "Horas de silencio" in me.get("/me?lang=es").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet": "own", "quiet_from": "22:30", "quiet_to": ""},
        {"timezone": "Mars/Olympus"},
        {"most_a_day": "many"},
        {"muted_until": "soon"},
        {"muted_until": "2020-01-01"},
        {"muted_until": "0001-01-01", "timezone": "Asia/Tokyo"},
        {"muted_until": "9999-12-31", "timezone": "America/Los_Angeles"},
        {"lowest": "1:9"},
        {"lowest": "x"},
    ],
)
def test_what_cannot_be_is_told_on_the_page_and_nothing_is_stored(me: httpx.Client, wrong: dict[str, str]) -> None:
    answer = form(me, "/me/choices?lang=en", **({"most_a_day": "3"} | wrong))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert sql("SELECT * FROM choices") == []


def test_a_form_that_is_refused_is_shown_as_it_was_filled_in(me: httpx.Client) -> None:
    contact = sql("SELECT id FROM contacts WHERE subscriber_id IS NOT NULL")[0].id
    fields = {"quiet": "own", "quiet_from": "22:30", "quiet_to": "06:00", "timezone": "America/Denver"}
    answer = form(me, "/me/choices?lang=en", **fields, most_a_day="2", muted_until="2020-01-01",
                  digest="weekly", lowest=f"{contact}:5")  # fmt: skip
    assert answer.status_code == 422
    assert "A pause ends on a day to come" in answer.text
    for shown in ('value="own" checked', 'value="weekly" checked', 'value="22:30"', 'value="06:00"',
                  'value="America/Denver" selected', '<option value="2" selected',
                  'value="2020-01-01"', f'value="{contact}:5" selected'):  # fmt: skip
        assert shown in answer.text
    assert sql("SELECT * FROM choices") == []
    again = form(me, "/me/choices?lang=en", quiet="own", timezone="Mars", most_a_day="x", lowest="7:x")
    assert again.status_code == 422, "what makes no sense is as it was"


def test_nobody_without_a_code_and_no_other_site_may_choose(door: httpx.Client) -> None:
    city_that_sends()
    assert form(door, "/me/choices?lang=en", most_a_day="3").headers["location"].startswith("/me/sign-in")
    join(door)
    assert door.post("/me/choices", data={"most_a_day": "3"}, headers={"Origin": "https://evil.example"}).is_error
    assert sql("SELECT * FROM choices") == []


@pytest.mark.parametrize(
    ("language", "arizona"), [("en", "Mountain Time (Arizona)"), ("es", "Hora de la Montaña (Arizona)")]
)
def test_no_two_time_zones_read_alike(me: httpx.Client, language: str, arizona: str) -> None:
    page = me.get(f"/me?lang={language}").text
    zones = re.findall(r'<option value="[A-Z]\w+/\w+"[^>]*>([^<]+)</option>', page)
    assert len(set(zones)) == len(zones) == 8
    assert arizona in zones


def test_each_button_says_what_it_saves(me: httpx.Client) -> None:
    page = me.get("/me?lang=en").text
    assert (
        page.count("<button>Save topics and language</button>")
        == page.count("<button>Save times and limits</button>")
        == 1
    )
