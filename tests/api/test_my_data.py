"""What is stored of a resident, for the resident: as a page, as a file, and erased."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import inspect

from notify.core.db import engine, transaction
from notify.delivery import claims, leases
from notify.models import Topic
from notify.subscribers import consent, holdings, importing
from tests import factories
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, PHONE, begin, form, join, sent_code

KEYS = {"subscriber_id", "contact_id", "address_index", "joining_id", "delivery_id", "place_id", "adds_to"}
ABOUT = {"subscribers", "contacts", "places", "joinings", "deliveries"}


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def resident() -> int:
    return asked.number("SELECT max(id) FROM subscribers")


def test_no_table_and_no_column_with_something_of_a_resident_is_forgotten(database: str) -> None:
    schema = inspect(engine())
    for table in schema.get_table_names():
        names = {column["name"]: str(column["type"]) for column in schema.get_columns(table)}
        points = any(key["referred_table"] in ABOUT for key in schema.get_foreign_keys(table))
        if KEYS & set(names) or points:
            assert (table in holdings.HELD) != (table in holdings.LEFT_OUT), f"{table}: given out or left out?"
        if table in holdings.HELD:
            hidden = holdings.HELD[table].hidden
            bytea = {name for name, kind in names.items() if kind == "BYTEA"}
            assert bytea <= set(hidden) | set(holdings.OPENED), f"{table}: how to open {bytea - set(hidden)}?"
            assert set(hidden) <= set(names), f"{table} has no such column"
    assert all(holdings.LEFT_OUT.values())
    assert "audit" in holdings.HELD, "its rows are about a resident by subject"


def test_the_copy_has_everything_in_clear(door: httpx.Client) -> None:
    join(door)
    form(door, "/me/places", label="Work", place="0.6 0.5 1 Elm St")
    with transaction() as s:
        consent.opt_out(s, "sms", PHONE, how="a test", now=datetime.now(UTC), topic=Topic.SNOW)
    number = factories.alert_resolved(now=datetime.now(UTC))
    answer = door.get("/me/data.json")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert [one["address"] for one in found["contacts"]] == [PHONE]
    assert [(one["label"], one["address"], one["lon"]) for one in found["places"]] == [
        ("Home", "120 Main St", 0.5), ("Work", "1 Elm St", 0.6),
    ]  # fmt: skip
    assert "message and data rates may apply" in found["consents"][0]["words"]
    (stopped,) = found["address_ledger"]
    assert (stopped["act"], stopped["topic"], stopped["how"]) == ("suppressed", "snow", "a test")
    (delivery,) = found["deliveries"]
    assert (delivery["alert_id"], delivery["state"]) == (number, "queued")
    assert "Riverside" in delivery["text"]
    assert {one["kind"] for one in found["direct_messages"]} == {"join-code", "welcome"}
    assert "hash" not in answer.text
    assert "address_index" not in answer.text


def test_the_copy_has_nothing_of_others(door: httpx.Client, city: datetime) -> None:
    join(door)
    mine = door.get("/me/data.json").json()
    with transaction() as s:
        other = factories.resident(s, phone="+12155550177", email="other@example.org", now=city)
        consent.opt_out(s, "sms", other.phone, how="a test", now=city)
    again = door.get("/me/data.json").json()
    assert {name: rows for name, rows in again.items() if name != "made_at"} == {
        name: rows for name, rows in mine.items() if name != "made_at"
    }


def test_what_was_noted_before_a_number_passed_on_is_not_given_out(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        before = factories.resident(s, phone=PHONE, at=[(0.9, 0.9)], now=city - timedelta(days=90))
    join(door)
    assert resident() != before.id, "another person, who lives elsewhere"
    found = door.get("/me/data.json").json()
    assert [one["how"] for one in found["consents"]] == ["code entered on the web"]
    assert [one["address"] for one in found["places"]] == ["120 Main St"]


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_page_says_it_in_words(door: httpx.Client, language: str) -> None:
    join(door)
    shown = door.get(f"/me/data?lang={language}").text
    assert PHONE not in shown
    assert "***42" in shown
    assert {"en": "The words that you were shown", "es": "Las palabras que se le mostraron"}[language] in shown
    assert {"en": "a code that you entered", "es": "un código que usted escribió"}[language] in shown


def test_erasing_needs_a_fresh_code(door: httpx.Client) -> None:
    join(door)
    page = form(door, "/me/erase").headers["location"].split("?")[0]
    right = sent_code()
    ((words,),) = asked.rows("SELECT text FROM direct_messages ORDER BY id DESC LIMIT 1")
    assert "ERASES all your data" in words, "who is asked for it on the phone sees what it does"
    assert form(door, page, code=f"{(int(right) + 1) % 10**6:06}").status_code == 409
    assert asked.number("SELECT count(*) FROM subscribers WHERE erased_at IS NOT NULL") == 0
    done = form(door, f"{page}?lang=en", code=right)
    assert (done.status_code, done.headers["location"]) == (303, "/me/erased?lang=en")
    assert "Your data is erased" in door.get(done.headers["location"]).text
    assert door.get("/me", follow_redirects=False).headers["location"].startswith("/me/sign-in")
    assert asked.number("SELECT count(*) FROM places") == asked.number("SELECT count(*) FROM joinings") == 0
    assert asked.number("SELECT count(*) FROM contacts WHERE address_sealed IS NOT NULL") == 0
    ((who, detail),) = asked.rows("SELECT operator_id, detail->>'how' FROM audit WHERE action = 'erase'")
    assert (who, detail) == (None, "their own page on the web")
    assert form(door, page, code=right).status_code == 303, "back to the sign-in: the page is nobody's any more"


def test_a_code_of_another_resident_erases_nobody(door: httpx.Client, city: datetime) -> None:
    join(door, MAIL)
    theirs = begin(door, PHONE, place=HOME)
    code = sent_code()
    answer = form(door, theirs.replace("/join/", "/me/erase/"), code=code)
    assert answer.status_code == 409
    assert asked.number("SELECT count(*) FROM subscribers WHERE erased_at IS NOT NULL") == 0
    signs_in = form(door, "/me/sign-in", contact=MAIL).headers["location"].split("?")[0]
    assert form(door, signs_in.replace("/join/", "/me/erase/"), code=sent_code()).status_code == 409
    assert asked.number("SELECT count(*) FROM subscribers WHERE erased_at IS NOT NULL") == 0


def test_what_is_queued_or_claimed_is_not_sent_to_who_has_erased(door: httpx.Client) -> None:
    join(door)
    with transaction() as s:
        factories.resident(s, phone="+12155550178", now=datetime.now(UTC))
    alert = factories.alert_resolved(now=datetime.now(UTC))
    ((batch,),) = asked.rows("SELECT id FROM batches")
    held = leases.lease(batch, 60)
    assert held is not None
    page = form(door, "/me/erase").headers["location"].split("?")[0]
    assert form(door, page, code=sent_code()).status_code == 303
    with transaction() as s:
        by_sender = factories.sender(s).id
    assert len(claims.claim(held, by_sender, 10, datetime.now(UTC)) or ()) == 1, "the other one"
    states = asked.rows("SELECT state::text, reason FROM deliveries WHERE alert_id = :a ORDER BY 1", a=alert)
    assert ("skipped", "erased") in states


def test_who_erased_is_not_signed_up_by_an_old_list_again(door: httpx.Client, city: datetime) -> None:
    join(door)
    page = form(door, "/me/erase").headers["location"].split("?")[0]
    form(door, page, code=sent_code())
    lines = ["phone,topics,lon,lat,consent_at,consent_how\n", f"{PHONE},storm,0.5,0.5,2020-01-01,an old list\n"]
    assert importing.import_csv(lines, datetime.now(UTC), outside=True).kept == 0


def test_nobody_sees_it_without_a_code_and_no_other_site_erases(door: httpx.Client) -> None:
    for path in ("/me/data", "/me/data.json", "/me/erase"):
        assert door.get(path, follow_redirects=False).headers["location"].startswith("/me/sign-in")
    join(door)
    answer = door.post("/me/erase", headers={"Origin": "https://evil.example"}, follow_redirects=False)
    assert answer.status_code == 403
