"""Residents change their places afterwards, and save the city's numbers in their address book."""

from datetime import datetime

import httpx
import pytest

from api.resident import places
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import senders
from notify.subscribers import contact_card
from tests import factories
from tests.api import asked
from tests.api.joins import city_that_sends, form, join


@pytest.fixture
def place(door: httpx.Client, city: datetime) -> int:
    city_that_sends()
    join(door)
    asked.do("DELETE FROM arrivals")
    return asked.number("SELECT max(id) FROM places")


@pytest.mark.parametrize(("units", "widest"), [("us", "Up to 3 miles around it"), ("metric", "Up to 5 km around it")])
def test_distances_are_those_of_the_city(units: str, widest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_UNITS", units)
    settings.cache_clear()
    assert places.radii()[-1] == (5_000, widest)
    monkeypatch.undo()
    settings.cache_clear()


def change(door: httpx.Client, place: int, **fields: object) -> httpx.Response:
    return form(door, f"/me/places/{place}/change?lang=en", **({"label": "Home", "radius": "0"} | fields))


def stored(place: int) -> tuple[str, float]:
    return tuple(asked.rows("SELECT label, radius_m FROM places WHERE id = :p", p=place)[0])


def arrivals() -> int:
    return asked.number("SELECT count(*) FROM arrivals")


def test_a_place_gets_another_name_and_a_wider_circle_and_hears_what_holds_there(
    door: httpx.Client, place: int
) -> None:
    assert change(door, place, label="Mom's flat", radius="2000").status_code == 303
    assert stored(place) == ("Mom's flat", 2000)
    assert arrivals() == 1
    shown = door.get("/me?lang=en").text
    assert "Mom&#39;s flat" in shown
    assert '<option value="2000" selected>' in shown


def test_a_narrower_circle_brings_nothing(door: httpx.Client, place: int) -> None:
    asked.do("UPDATE places SET radius_m = 5000")
    change(door, place, radius="500")
    assert stored(place) == ("Home", 500)
    assert arrivals() == 0


def test_a_circle_that_nobody_can_choose_stays_unless_another_is_chosen(door: httpx.Client, place: int) -> None:
    asked.do("UPDATE places SET radius_m = 750")
    assert '<option value="" selected>' in door.get("/me?lang=en").text
    change(door, place, label="Flat", radius="")
    assert stored(place) == ("Flat", 750)


@pytest.mark.parametrize("label", ["", "  ", "4711 Elm St", "call 215.555.0142", "x" * 61])
def test_an_address_is_no_name(door: httpx.Client, place: int, label: str) -> None:
    told = change(door, place, label=label, radius="2000")
    assert told.status_code == 422
    assert "short name" in told.text
    assert stored(place) == ("Home", 0)


def test_no_two_places_have_one_name(door: httpx.Client, place: int) -> None:
    form(door, "/me/places?lang=en", place="0.7 0.7 9 Oak St", label="Work")
    assert change(door, place, label="work").status_code == 409
    assert stored(place) == ("Home", 0)


def test_nobody_changes_the_place_of_another(door: httpx.Client, place: int, city: datetime) -> None:
    with transaction() as s:
        other = factories.resident(s, now=city).id
    theirs = asked.number("SELECT id FROM places WHERE subscriber_id = :s", s=other)
    assert change(door, theirs, label="mine", radius="2000").status_code == 404
    assert stored(theirs) == ("home", 0)


def test_the_address_book_gets_the_numbers_that_are_open(door: httpx.Client, place: int) -> None:
    assert 'href="/contact.vcf"' in door.get("/me?lang=en&new=yes").text
    with transaction() as s:
        mail = next(one for one in senders.all_senders(s) if one.channel == "email").address
        phone = next(one for one in senders.all_senders(s) if one.channel == "sms").address
        senders.add(s, "twilio", "+12155550111", 5, datetime.now().astimezone())
        asked_for = next(one for one in senders.all_senders(s) if one.address == "+12155550111")
        asked_for.status = "stopped"
    card = door.get("/contact.vcf")
    assert card.headers["content-type"] == "text/vcard; charset=utf-8"
    lines = card.text.split("\r\n")
    assert lines[:2] == ["BEGIN:VCARD", "VERSION:3.0"]
    assert lines[-2:] == ["END:VCARD", ""]
    assert f"TEL;TYPE=CELL:{phone}" in lines
    assert any(line.startswith("EMAIL;") and line.endswith(mail.strip("<>").split("<")[-1]) for line in lines)
    assert f"URL:{settings().public_url}" in lines
    assert "+12155550111" not in card.text


def test_a_name_with_commas_and_a_long_one_is_written_as_rfc_2426_says(place: int) -> None:
    known = settings().model_copy(update={"program": "Alerts; ours, yours", "city": "Ciudad de la Ñ " * 9})
    with transaction() as s:
        card = contact_card.vcard(s, known)
    assert "FN:Alerts\\; ours\\, yours\r\n" in card
    assert all(len(line.encode()) <= 75 for line in card.split("\r\n"))
    assert f"ORG:{known.city}" in card.replace("\r\n ", "")
