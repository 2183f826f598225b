"""The pages and calendars of collection days."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar, Event
from typer.testing import CliRunner

from notify.cli.collections import commands
from notify.core.db import transaction
from notify.service311 import calendars, rule_store, tickets
from notify.service311.rules import DayException, State
from tests import factories
from tests.api import asked
from tests.api.joins import form
from tests.notify.city.geocoder import town
from tests.notify.service311 import days

HOUSE = (0.5, 0.5)


@pytest.fixture
def zones(door: httpx.Client) -> dict[str, int]:
    """Two zones with days, seen now, and a street in the north one."""
    now = datetime.now(UTC)
    town.settle(houses=[town.house("120", "MAIN ST", *HOUSE), town.house("120", "MAIN CT", 0.6, 0.5)])
    return days.settle(now)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def ics(body: bytes) -> tuple[Calendar, list[Event]]:
    read = Calendar.from_ical(body)
    return read, list(read.walk("VEVENT"))


def next_monday() -> date:
    today = datetime.now(UTC).date()
    return today + timedelta(days=7 + (7 - today.weekday()) % 7)


def suspend(zone: int, day: date, now: datetime) -> None:
    with transaction() as s:
        off = DayException(day, "A. Perez", "a snow storm", zone=str(zone), state=State.SUSPENDED)
        rule_store.add_exception(s, off, now)
        days.publish(s, now=now)


def test_an_address_gives_its_next_days_and_leaves_no_trace(door: httpx.Client, zones: dict[str, int]) -> None:
    assert "Or open the calendar of a zone" in door.get("/collections").text
    answer = form(door, "/collections", address="120 Main St")
    shown = words(answer.text)
    assert "Collection days for 120 Main St" in shown
    assert "Trash" in shown
    assert "from 6:00 PM on" in shown
    assert "Edition 1 of the calendar" in shown
    assert answer.headers["cache-control"] == "no-store"
    following = answer.text.partition("<h2>Next</h2>")[2].partition("</section>")[0]
    assert re.findall("<h3>(.*?)</h3>", following) == ["Trash", "Recycling"], "by stream"
    dates = [date.fromisoformat(one) for one in re.findall(r'datetime="([^"]+)"', following)]
    today = datetime.now(UTC).date()
    assert all(today - timedelta(days=1) <= one for one in dates), "none that is past"
    in_spanish = words(form(door, "/collections?lang=es", address="120 Main St").text)
    assert "Días de recolección en 120 Main St" in in_spanish


def test_an_address_that_may_be_two_is_asked_back(door: httpx.Client, zones: dict[str, int]) -> None:
    asked_back = form(door, "/collections", address="120 Main")
    assert "Which one is it?" in asked_back.text
    value = re.findall(r'name="place" value="([^"]+Main Ct[^"]*)"', asked_back.text)[0]
    assert "Collection days for 120 Main Ct" in words(form(door, "/collections", place=value).text)
    none = form(door, "/collections", address="120 Main", place="none")
    assert none.status_code == 422
    assert "We do not find this address" in none.text
    assert "no collection days" in form(door, "/collections", place="9 9 Nowhere").text


def test_a_zone_has_a_page_that_is_kept_until_the_next_edition(door: httpx.Client, zones: dict[str, int]) -> None:
    address = f"/collections/zones/{zones['North']}"
    first = door.get(address)
    assert "max-age=2" in first.headers["cache-control"]
    assert "a snow storm" not in first.text
    suspend(zones["North"], next_monday(), datetime.now(UTC))
    shown = words(door.get(address).text)
    assert "No collection Reason: a snow storm." in shown
    assert "Edition 2 of the calendar" in shown
    assert door.get("/collections/zones/99").status_code == 404
    assert "a snow storm" not in door.get(f"/collections/zones/{zones['South']}").text


def test_a_calendar_of_a_zone_is_read_again_as_it_was_meant(door: httpx.Client, zones: dict[str, int]) -> None:
    address = f"/collections/zones/{zones['North']}.ics"
    first = door.get(address)
    calendar, events = ics(first.content)
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    assert max(map(len, first.content.split(b"\r\n"))) <= 75
    assert "METHOD" not in calendar
    assert calendar["REFRESH-INTERVAL"].dt == timedelta(hours=4)
    assert (str(calendar["X-PUBLISHED-TTL"]), str(calendar["VERSION"])) == ("PT4H", "2.0")
    assert len({str(one["UID"]) for one in events}) == len(events) > 100
    for one in events:
        assert type(one["DTSTART"].dt) is date, "a day, not a time"
        assert one["DTEND"].dt == one["DTSTART"].dt + timedelta(days=1)
        assert (str(one["TRANSP"]), one["SEQUENCE"], str(one["STATUS"])) == ("TRANSPARENT", 1, "CONFIRMED")
    again = door.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    off = next_monday()
    suspend(zones["North"], off, datetime.now(UTC))
    _, later = ics(door.get(address).content)
    (gone,) = [one for one in later if one["DTSTART"].dt == off]
    assert (str(gone["STATUS"]), str(gone["SUMMARY"]), gone["SEQUENCE"]) == ("CANCELLED", "No collection of trash", 2)
    made = form(door, "/collections/feed?lang=en", place="0.5 0.5 120 Main St").headers["location"].partition("?")[0]
    reminding = ics(door.get(f"{made}.ics?remind=20").content)[1]
    assert {str(one["STATUS"]) for one in reminding if not one.subcomponents} == {"CANCELLED"}
    assert {one.subcomponents[0]["TRIGGER"].dt for one in reminding if one.subcomponents} == {timedelta(hours=-4)}
    assert str(gone["UID"]) in {str(one["UID"]) for one in events}, "the event stays the same"


def test_a_moved_day_is_the_same_event(door: httpx.Client, zones: dict[str, int]) -> None:
    moved, to = next_monday(), next_monday() + timedelta(days=1)
    uid = [str(one["UID"]) for one in ics(door.get(f"/collections/zones/{zones['North']}.ics").content)[1]
           if one["DTSTART"].dt == moved]  # fmt: skip
    with transaction() as s:
        rule_store.add_exception(
            s, DayException(moved, "A. Perez", "a parade", zone=str(zones["North"]), moved_to=to), datetime.now(UTC)
        )
        days.publish(s, now=datetime.now(UTC))
    events = ics(door.get(f"/collections/zones/{zones['North']}.ics?lang=es").content)[1]
    (one,) = [one for one in events if one["DTSTART"].dt == to]
    assert [str(one["UID"])] == uid
    assert str(one["SUMMARY"]) == "Basura (después)"
    assert "a parade" in str(one["DESCRIPTION"])


def test_a_household_has_a_secret_calendar_that_it_can_end(door: httpx.Client, zones: dict[str, int]) -> None:
    made = form(door, "/collections/feed?lang=en", place="0.5 0.5 120 Main St")
    page = door.get(made.headers["location"])
    assert "120 Main St" in page.text
    (address,) = re.findall(r"<code>([^<]+\.ics)</code>", page.text)
    file = door.get(address)
    assert file.headers["x-robots-tag"] == "noindex, nofollow"
    _, events = ics(file.content)
    assert {str(one["SUMMARY"]) for one in events} >= {"Trash", "Recycling"}
    assert door.get(address, headers={"If-None-Match": file.headers["etag"]}).status_code == 304
    assert b"VALARM" not in file.content
    assert f"{address.partition('://')[2]}?remind=19" in page.text
    asked_for = door.get(f"{address}?remind=19")
    assert asked_for.headers["etag"] != file.headers["etag"]
    for one in ics(asked_for.content)[1]:
        alarms = [alarm for alarm in one.subcomponents if alarm.name == "VALARM"]
        assert len(alarms) == (one["STATUS"] == "CONFIRMED"), one
        for alarm in alarms:
            assert (alarm["TRIGGER"].dt, str(alarm["ACTION"])) == (timedelta(hours=-5), "DISPLAY")
            assert str(alarm["DESCRIPTION"]).startswith(str(one["SUMMARY"]))
    assert door.get(f"{address}?remind=3").status_code == 422
    ((token_hash, sealed),) = asked.rows("SELECT token_hash, address_sealed FROM collection_feeds")
    token = address.rpartition("/")[2].removesuffix(".ics")
    assert token.encode() not in bytes(token_hash)
    assert b"Main" not in bytes(sealed)
    form(door, f"/collections/feed/{token}/end")
    ended = door.get(address)
    assert ended.status_code == 410
    assert [str(one["SUMMARY"]) for one in ics(ended.content)[1]] == ["This calendar of collection days has ended"]
    assert "has ended" in door.get(f"/collections/feed/{token}").text
    assert door.get("/collections/feed/nothing.ics").status_code == 404


def test_a_form_for_a_calendar_that_comes_twice_makes_one(door: httpx.Client, zones: dict[str, int]) -> None:
    page = form(door, "/collections?lang=en", address="", place="0.5 0.5 120 Main St").text
    given = dict(re.findall(r'type="hidden" name="(place|once)" value="([^"]*)"', page))
    first, again = (form(door, "/collections/feed?lang=en", **given).headers["location"] for _ in range(2))
    assert first == again
    assert len(asked.rows("SELECT 1 FROM collection_feeds")) == 1
    other = form(door, "/collections/feed?lang=en", **given | {"place": "0.5 1.5 9 Elm St"}).headers["location"]
    assert other != first, "another house"
    form(door, f"{first.partition('?')[0]}/end")
    anew = form(door, "/collections/feed?lang=en", **given).headers["location"]
    assert anew not in (first, other), "one that has ended stays so"
    assert "120 Main St" in door.get(anew).text


def test_this_is_wrong_opens_a_ticket(door: httpx.Client, zones: dict[str, int]) -> None:
    page = door.get(f"/collections/zones/{zones['North']}").text
    link = re.findall(r'href="(/collections/wrong[^"]+)"', page)[0].replace("&amp;", "&")
    asked_for = door.get(link)
    given = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked_for.text))
    done = form(door, "/collections/wrong?lang=en", **given)
    again = form(door, "/collections/wrong?lang=en", **given)
    assert again.headers["location"] == done.headers["location"], "one ticket for all who say so"
    assert "name the number" in door.get(done.headers["location"]).text
    with transaction() as s:
        (found,) = tickets.open_ones(s)
        assert (found.zone, found.sources) == ("North", ("days.csv",))
        assert (found.ticket.edition, found.ticket.stream) == (1, given["stream"])
        tickets.close(s, found.ticket.id, "we asked the hauler", datetime.now(UTC), factories.operator(s, "agent"))
        assert tickets.open_ones(s) == []
    assert form(door, "/collections/wrong", **{**given, "edition": "9"}).status_code == 422
    assert door.get("/collections/wrong?zone=1&stream=gnomes&date=2026-01-01").status_code == 404


def test_a_zone_can_be_printed(door: httpx.Client, zones: dict[str, int]) -> None:
    printed = door.get(f"/collections/zones/{zones['North']}.pdf")
    assert printed.headers["content-type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF")


def test_before_the_first_edition_the_page_says_so(door: httpx.Client) -> None:
    assert "has not published its collection days" in door.get("/collections").text
    assert "/collections" not in door.get("/").text


def test_the_first_page_leads_there(door: httpx.Client, zones: dict[str, int]) -> None:
    assert 'href="/collections?lang=en"' in door.get("/").text


Key = Callable[..., dict[str, str]]


def test_programs_ask_by_address_point_or_zone(door: httpx.Client, zones: dict[str, int], key: Key) -> None:
    asked_as = key(None)
    suspend(zones["North"], next_monday(), datetime.now(UTC))

    def find(**body: object) -> dict[str, Any]:
        answer = door.post("/api/v1/collections/find", json=body, headers=asked_as)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    by_address = find(address="120 Main St")
    assert by_address["place"]["label"] == "120 Main St"
    calendar = by_address["calendar"]
    assert (calendar["edition"], calendar["zones"]) == (2, [{"id": zones["North"], "name": "North"}])
    (off,) = [one for one in calendar["collections"] if one["nominal"] == str(next_monday())]
    assert (off["state"], off["date"], off["reason"]) == ("SUSPENDED", None, "a snow storm")
    assert {one["state"] for one in calendar["collections"]} >= {"ON_SCHEDULE", "SUSPENDED"}
    assert find(lon=0.5, lat=0.5)["calendar"] == calendar
    either = find(address="120 Main")
    assert either["calendar"] is None
    assert len(either["matches"]) == 2
    assert door.get(f"/api/v1/collections/zones/{zones['North']}", headers=asked_as).json() == calendar
    listed = door.get("/api/v1/collections/zones", headers=asked_as).json()
    assert [one["name"] for one in listed] == ["North", "South"]
    both = {"address": "120 Main St", "lon": 0.5, "lat": 0.5}
    assert door.post("/api/v1/collections/find", json=both, headers=asked_as).status_code == 422


def test_a_house_is_known_by_what_its_address_says_and_not_by_its_letters(zones: dict[str, int]) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        days.take(s, {"address": "120 Main St", "stream": "trash", "weekdays": "Wed"}, now=now)
        days.publish(s, now=now)
        for label, is_own in (("120 MAIN STREET", True), ("120 Main St Apt 2", True), ("122 Main St", False)):
            calendar = calendars.of_place(s, *HOUSE, now, label)
            assert calendar is not None
            assert bool(calendar.address) is is_own, label


def test_a_year_is_edited_by_rest_and_by_command(
    door: httpx.Client, zones: dict[str, int], key: Callable[..., dict[str, str]]
) -> None:
    asked_as, root = key("agent"), "/api/v1/collections"
    storm = next_monday() + timedelta(days=1)
    made = door.post(f"{root}/holidays", json={"name": "Storm", "dates": [str(storm)], "reason": "x"}, headers=asked_as)
    assert (made.status_code, made.json()[0]["status"]) == (201, "new")
    rule = ["add-rule", "suspend", "--holiday", "Storm", "--zone", "South", "--reason", "x"]
    done = CliRunner().invoke(commands, rule)
    assert done.exit_code == 0, done.output
    asked_for = door.get(f"{root}/changes?year={storm.year}", headers=asked_as).json()
    assert asked_for["by_zone"] == {"South": 1}
    assert [one.startswith("A rule names Storm, which has no date in") for one in asked_for["findings"]] == [True]
    listed = CliRunner().invoke(commands, ["changes", "--year", str(storm.year)]).stdout
    assert f"South: 1 day of {storm.year} would change." in listed
    off = {"day": str(storm), "zone": "South", "state": "CLOSED", "author": "A. Perez", "reason": "x"}
    extra = door.post(f"{root}/exceptions", json=off, headers=asked_as).json()
    note = {"note": "storm", "fingerprint": asked_for["fingerprint"]}
    assert door.post(f"{root}/editions", json=note, headers=asked_as).status_code == 409, "the exception came since"
    assert door.delete(f"{root}/rules/{extra['id']}", headers=asked_as).status_code == 204
    assert door.post(f"{root}/editions", json=note, headers=asked_as).json()["number"] == 2
    assert [one["number"] for one in door.get(f"{root}/editions", headers=asked_as).json()] == [2, 1]
    assert {one["status"] for one in door.get(f"{root}/rules", headers=asked_as).json()} == {"published"}
