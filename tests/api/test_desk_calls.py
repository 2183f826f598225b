"""The calls of the desk: two keys log one, counts are live, spikes become drafts, and open data."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.service311.calls import proposals
from tests import factories
from tests.api import asked

Desk = Callable[[str], httpx.Client]
BY_SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def four(database: str) -> int:
    """A collection zone around (0.5, 0.5)."""
    del database
    with transaction() as s:
        return factories.zone(s, "Zone 4", kind="collection", now=datetime.now(UTC)).id


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def logged() -> list[tuple[object, ...]]:
    return asked.rows("SELECT reason, zone_id, note FROM calls ORDER BY id")


def test_each_reason_has_its_two_keys_on_every_page_of_the_desk(at_desk: Desk, four: int) -> None:
    agent = at_desk("agent")
    assert 'hx-get="/desk/calls/strip"' in agent.get("/desk").text
    strip = agent.get("/desk/calls/strip").text
    assert 'value="w1" data-keys="w 1"' in strip
    assert len(set(re.findall(r'data-keys="(\w \w)"', strip))) == strip.count("data-keys=") > 20
    assert at_desk("author").get("/desk/calls/strip").status_code == 403


def test_zones_stand_in_the_order_of_the_week_and_of_their_numbers(at_desk: Desk, four: int) -> None:
    with transaction() as s:
        for n, name in enumerate(("Friday", "Monday", "Tuesday", "Zone 10"), 2):
            factories.zone(s, name, factories.square(n, 0), kind="collection", now=datetime.now(UTC))
        factories.zone(s, "Old Town", factories.square(9, 0), kind="neighbourhood", now=datetime.now(UTC))
    agent = at_desk("agent")
    strip = agent.get("/desk/calls/strip").text
    listed = ["Monday", "Tuesday", "Friday", "Zone 4", "Zone 10", "Old Town"]
    assert re.findall(r"<option value=.\d+.>([^<]+)", strip) == listed
    assert re.findall(r"<option value=.\d+.>([^<]+)", agent.get("/desk/calls").text.partition("of-zone")[2]) == listed
    assert '<optgroup label="neighborhood">' in strip, "as it is spelled in the United States"
    chosen = re.findall(r'name="zone.collection:([^"]+)"', at_desk("author").get("/desk/outages").text)
    assert chosen == listed[:5]
    exceptions = at_desk("agent").get("/desk/rules/exception").text
    assert re.findall(r"<option value=.\d+.>([^<]+)", exceptions) == listed[:5]


def test_a_call_is_logged_with_the_zone_of_the_address_on_the_page(at_desk: Desk, four: int) -> None:
    agent = at_desk("agent")
    sent = {"keys": "w1", "place": "0.5 0.5 120 MAIN ST", "note": "twice, call 215-555-0143"}
    strip = agent.post("/desk/calls", data=sent, headers=BY_SCRIPT)
    assert "Logged: Missed pickup, Zone 4." in words(strip.text)
    assert logged() == [("missed-pickup", four, "twice, call […]")]
    undo = re.search(r"/desk/calls/\d+/undo", strip.text)
    assert undo
    agent.post(undo[0], headers=BY_SCRIPT)
    assert logged() == []


def test_without_scripts_the_page_is_shown_with_what_was_logged(at_desk: Desk, four: int) -> None:
    agent = at_desk("agent")
    page = agent.post("/desk/calls", data={"keys": "s3", "zone": str(four)}, follow_redirects=True)
    assert "Logged: Pothole or street damage, Zone 4." in words(page.text)
    assert "Today: 1 call" in words(page.text)
    wrong = agent.post("/desk/calls", data={"keys": "zz"})
    assert wrong.status_code == 422
    assert "Press the letter of a group" in wrong.text


def test_counts_refresh_without_a_reload_and_only_when_they_change(
    at_desk: Desk, four: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.desk.calls.LOOK_S", 0.0)
    agent = at_desk("agent")
    first = agent.get("/desk/calls/live").text
    (seen,) = re.findall(r"seen=(\w+)", first)
    assert agent.get(f"/desk/calls/live?seen={seen}").status_code == 204
    agent.post("/desk/calls", data={"keys": "w1"}, headers=BY_SCRIPT)
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while (answer := agent.get(f"/desk/calls/live?seen={seen}")).status_code == 204:
        assert datetime.now(UTC) < deadline
    assert "Today: 1 call" in words(answer.text)


def test_a_spike_is_on_the_desk_and_on_now_and_opens_a_draft_in_one_click(at_desk: Desk, four: int) -> None:
    with transaction() as s:
        s.execute(
            text("""INSERT INTO call_spikes (reason, zone_id, hour, calls, usual, chance, found_at, seen_at)
                    VALUES ('missed-pickup', :zone, :now, 142, 9.2, 1e-9, :now, :now)"""),
            {"zone": four, "now": datetime.now(UTC)},
        )
        factories.alert_draft(s, zones=["Zone 4"], now=datetime.now(UTC))
        (one,) = proposals.waiting(s)
    sentence = "142 calls about “Missed pickup” in Zone 4, usual 9: write a notice?"
    assert sentence in words(at_desk("agent").get("/desk/calls").text)
    author = at_desk("author")
    assert sentence in words(author.get("/console").text)
    answer = author.post(f"/desk/calls/spikes/{one.id}/draft", follow_redirects=False)
    assert re.fullmatch(r"/console/compose/\d+", answer.headers["location"])
    assert "Zone 4" in author.get(answer.headers["location"]).text
    assert author.post(f"/desk/calls/spikes/{one.id}/dismiss").status_code == 409


def test_an_approver_edits_the_reasons(at_desk: Desk) -> None:
    approver = at_desk("approver")
    sent = {"key": "raccoons", "keys": "h4", "words_en": "Raccoons", "words_es": "Mapaches", "event": ""}
    assert "Raccoons" in approver.post("/desk/calls/reasons", data=sent, follow_redirects=True).text
    taken = approver.post("/desk/calls/reasons", data=sent | {"key": "foxes"})
    assert taken.status_code == 422
    assert "H4 already means Raccoons" in taken.text
    approver.post("/desk/calls/reasons/raccoons/retire")
    assert "Raccoons" not in approver.get("/desk/calls/reasons").text
    assert at_desk("agent").get("/desk/calls/reasons").status_code == 403


def test_open_data_has_an_etag_and_says_what_it_leaves_out(door: httpx.Client, four: int) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=2)
    with transaction() as s:
        s.execute(
            text("""INSERT INTO calls (form, reason, zone_id, at)
                    SELECT gen_random_uuid(), 'missed-pickup', :zone, :at FROM generate_series(1, 12)"""),
            {"zone": four, "at": yesterday},
        )
    table = door.get("/data/calls.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert "missed-pickup,Missed pickup,collection,Zone 4,12" in table.text
    again = door.get("/data/calls.csv", headers={"If-None-Match": table.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    document = door.get("/data/calls.json").json()
    assert document["withheld"] == "absent rows are zero or withheld"
    assert {"missed-pickup", "all"} == {one["reason"] for one in document["counts"]}
    assert door.get("/data/calls.csv?month=2010-01").status_code == 422
    assert door.get("/data/calls.xml").status_code == 404
