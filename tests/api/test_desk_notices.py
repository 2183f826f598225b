"""A holiday notice and a storm at the desk: who is told what, and who is not."""

import html
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from notify.accounts import operators
from notify.alerts.words import linting
from notify.channels import sms_segments
from notify.cli.collections import commands
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.core.settings import settings
from notify.delivery import sender_pool
from notify.models import Alert
from notify.operations.jobs import launch
from notify.service311 import calendars, rule_store
from notify.service311.notices import holidays, kept, publishing
from notify.service311.notices.composing import Notice
from notify.service311.notices.publishing import Wanted
from notify.service311.rules import DayException, Effect, Rule, State
from tests import factories
from tests.api import asked
from tests.notify.service311 import days
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]
IN_NORTH, IN_SOUTH = (0.5, 0.5), (1.5, 0.5)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def next_thursday() -> date:
    today = calendars.today(datetime.now(UTC))
    return today + timedelta(days=2 + (3 - (today + timedelta(days=2)).weekday()) % 7)


@pytest.fixture
def zones(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Thanksgiving is next Thursday. Residents: two in the north, one of whom has a place in the south, too; one in the
    south alone; and one in the north who has not asked for collection days."""
    for name, value in (("TWILIO_ACCOUNT_SID", "AC" + "0" * 32), ("TWILIO_AUTH_TOKEN", "t"), ("SENDGRID_API_KEY", "k")):
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()
    now = datetime.now(UTC)
    ids = days.settle(now, [next_thursday() + timedelta(weeks=n) for n in (0, 30, 52)])
    with transaction() as s:
        factories.sender(s, now=now)
        factories.sender(s, "sendgrid", now=now)
        for at, topics, language in (
            ([IN_NORTH], ["collection"], "en"),
            ([IN_NORTH, IN_SOUTH], ["collection"], "es"),
            ([IN_SOUTH], ["collection"], "en"),
            ([IN_NORTH], ["storm"], "en"),
        ):
            factories.resident(s, at=at, topics=topics, language=language, email="", now=now)
    sender_pool.read_anew()
    return ids


def holiday(desk: httpx.Client) -> str:
    """Return the address of the page of the holiday."""
    return str(re.findall(r'href="(/desk/notices/holiday\?key=[^"]+)"', desk.get("/desk/notices").text)[0])


def publish(desk: httpx.Client, **given: str) -> httpx.Response:
    page = desk.get(holiday(desk)).text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    return desk.post("/desk/notices/holiday", data={**fields, "channel": ["sms", "email"], "when": "now", **given})


def test_an_agent_publishes_to_those_who_are_concerned(at_desk: Desk, zones: dict[str, int]) -> None:
    desk = at_desk("agent")
    shown = words(desk.get(holiday(desk)).text)
    friday = next_thursday() + timedelta(days=1)
    assert re.search(rf"North trash( and recycling)? Thursday, \w+ \d+ Friday, \w+ {friday.day} ", shown)
    assert "South No change: nothing is sent." in shown
    assert "Publish to 2 residents" in shown
    assert re.search(r"Su basura( y reciclaje)? del jueves", shown)
    said = re.findall(r'<blockquote lang="(\w+)">([^<]+)', desk.get(holiday(desk)).text)
    assert [
        (language, sms_segments.count(html.unescape(text)).segments <= (2 if language == "es" else 1))
        for language, text in said
    ] == [("en", True), ("es", True)], said
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', desk.get(holiday(desk)).text))
    answer = publish(desk, remind="true")
    assert answer.status_code == 303, words(answer.text)
    assert "Its readers are reminded at 6:00 PM on: Thursday" in words(desk.get(answer.headers["location"]).text)
    assert asked.rows("SELECT remind_days FROM collection_notices")[0].remind_days == [friday]
    (row,) = asked.rows("SELECT id, state, two_people FROM alerts")
    assert (row.state, list(row.two_people)) == ("sending", [])
    assert re.search(r"moves? to Friday", words(desk.get(answer.headers["location"]).text))
    assert "Told" in words(desk.get("/desk/notices").text)
    assert "This holiday was told already." in words(desk.post("/desk/notices/holiday", data=fields).text)
    factories.resolve(row.id, datetime.now(UTC))
    told = asked.rows(
        """SELECT c.channel, r.language, b.wording FROM deliveries d JOIN contacts c ON c.id = d.contact_id
             JOIN subscribers r ON r.id = c.subscriber_id JOIN batches b ON b.id = d.batch_id
            WHERE d.state IN ('queued', 'held') ORDER BY 1, 2"""
    )
    assert [tuple(one) for one in told] == [("email", "en", 1), ("email", "es", 1), ("sms", "en", 1), ("sms", "es", 1)]
    asked.do("UPDATE alerts SET audience_total = audience_total + 10")  # with those who were left out
    subject = asked.rows("SELECT subject FROM contents WHERE channel = 'email' AND language = 'en' AND wording = 1")
    assert re.match(r"Your trash( and recycling)? of Thursday, \w+ \d+ moves? to Friday", subject[0].subject)
    assert "4 messages to 2 residents" in words(desk.get(answer.headers["location"]).text)
    with transaction() as s:
        script = kept.shown(s, 1, datetime.now(UTC))
    assert [one.called for one in script.words] == ["North"]


def test_a_holiday_of_months_ahead_is_not_told_yet(at_desk: Desk, zones: dict[str, int]) -> None:
    """`Thursday, Nov 25` would be read as of this year."""
    desk, day = at_desk("agent"), next_thursday() + timedelta(weeks=30)
    later = re.findall(r'href="(/desk/notices/holiday\?key=[^"]+)"', desk.get("/desk/notices").text)[1]
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', desk.get(later).text)
    fields = {**dict(hidden), "channel": "sms"}
    early = desk.post("/desk/notices/holiday", data={**fields, "when": "now"})
    assert (early.status_code, "It is too early to tell" in words(early.text)) == (422, True), words(early.text)
    week_before = {"when": "later", "on": str(day - timedelta(days=7)), "at": "10:00"}
    planned = desk.post("/desk/notices/holiday", data={**fields, **week_before})
    assert planned.status_code == 303, words(planned.text)
    assert asked.number("SELECT count(*) FROM alerts WHERE launch_at IS NOT NULL") == 1


def told(alert: int) -> dict[int, str]:
    """Return what each resident reads as a text message."""
    factories.resolve(alert, datetime.now(UTC))
    rows = asked.rows(
        """SELECT c.subscriber_id, w.text FROM deliveries d JOIN contacts c ON c.id = d.contact_id
             JOIN batches b ON b.id = d.batch_id JOIN contents w
               ON (w.alert_id, w.channel, w.language, w.wording) = (b.alert_id, b.channel, b.language, b.wording)
            WHERE d.alert_id = :alert AND d.state IN ('queued', 'held')""",
        alert=alert,
    )
    return {row.subscriber_id: row.text for row in rows}


HOUSES = {  # their days of the week: 0 is Monday
    "1 Elm St": ((0.25, 0.25), 4),  # in the north: Friday
    "2 Elm St": ((0.3, 0.25), 0),  # Monday, which does not change
    "3 Elm St": ((1.25, 0.25), 3),  # in the south: Thursday
    "4 Elm St": ((0.35, 0.25), 4),  # two at one point
    "4R Elm St": ((0.35, 0.25), 0),
}


def test_houses_with_days_of_their_own_read_them_and_not_those_of_their_zone(
    at_desk: Desk, zones: dict[str, int]
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        live = days.own_days(s, HOUSES, ("trash", "recycling"), now)
    desk, friday = at_desk("agent"), next_thursday() + timedelta(days=1)
    shown = words(desk.get(holiday(desk)).text)
    saturday = friday + timedelta(days=1)
    for usual, new in (("Friday", f"Saturday, \\w+ {saturday.day}"), ("Thursday", f"Friday, \\w+ {friday.day}")):
        assert re.search(rf"1 address with days of its own trash and recycling {usual}, .*? {new} 1 1", shown)
    assert "South No change" in shown
    assert "Publish to 6 residents" in shown, shown
    answer = publish(desk, channel="sms")
    assert answer.status_code == 303, words(answer.text)
    (row,) = asked.rows("SELECT id, two_people FROM alerts")
    found = told(row.id)
    assert "move to Saturday" in found[live["1 Elm St"]]
    assert live["2 Elm St"] not in found
    assert "move to Friday" in found[live["3 Elm St"]]
    for address in ("4 Elm St", "4R Elm St"):
        assert "Look up yours" in found[live[address]], "nobody knows which of them it is"
    assert len(found) == 6
    assert "This holiday was told" in words(desk.get(holiday(desk)).text)


def storm(desk: httpx.Client, zone: int, day: date, **given: str) -> httpx.Response:
    """Look at what a decision changes, then publish it."""
    fields = {"zone": str(zone), "stream": ["trash", "recycling"], "first": day.isoformat(), "last": day.isoformat(),
              "cause": "snow", "decision": "unknown", **given}  # fmt: skip
    shown = desk.post("/desk/notices/storm", data=fields)
    edition = re.search(r'name="edition" value="(\d+)"', shown.text)
    assert edition is not None, words(shown.text)
    fields |= {"act": "publish", "edition": edition[1], "channel": ["sms"]}
    return desk.post("/desk/notices/storm", data=fields)


def test_a_storm_suspends_and_recovers_in_one_incident(at_desk: Desk, zones: dict[str, int]) -> None:
    """Other changes that wait for an edition still wait."""
    desk, monday = at_desk("agent"), next_thursday() + timedelta(days=4)
    with transaction() as s:
        days.take(s, {"zone": "South", "stream": "trash", "weekdays": "Wed"})
    off = storm(desk, zones["North"], monday)
    assert off.status_code == 303
    shown = words(desk.get(off.headers["location"]).text)
    assert "We will tell you the new day." in shown
    menu = re.findall(r'<a href="(/desk/\w+)" aria-current="(\w+)"', desk.get(off.headers["location"]).text)
    assert menu == [("/desk/notices", "true")], "it is a notice of snow, and not the page Snow"
    assert "Snow" in shown
    page = f"/collections/zones/{zones['North']}"
    assert "The new day is not known yet: Snow." in words(desk.get(page).text)
    assert "nieve" in words(desk.get(f"{page}?lang=es").text).lower()
    assert f"/collections/zones/{zones['South']}" in desk.get("/collections").text
    assert "Wednesday" not in words(desk.get(f"/collections/zones/{zones['South']}").text)
    incident = asked.number("SELECT id FROM incidents")
    comes_next = desk.get(f"/desk/notices/storm?incident={incident}").text
    assert 'value="snow" selected' in comes_next
    tuesday = monday + timedelta(days=1)
    assert f'name="to" value="{tuesday.isoformat()}"' in comes_next, "not a day before the collection"
    factories.resolve(asked.number("SELECT id FROM alerts"), datetime.now(UTC))
    to = monday + timedelta(days=1)
    again = {"incident": str(incident), "decision": "day", "to": to.isoformat()}
    back = storm(desk, zones["North"], monday, **again)
    assert back.status_code == 303, words(back.text)
    assert words(desk.get("/desk/notices").text).count(": North") == 2
    rows = asked.rows("SELECT incident_id, phase, state FROM alerts ORDER BY id")
    assert [(one.incident_id, one.phase) for one in rows] == [(incident, "issue"), (incident, "update")]
    assert "moves to Tuesday" in words(desk.get(back.headers["location"]).text)
    first = desk.get(off.headers["location"]).text
    assert "not the last word" in words(first)
    assert f'href="{urlsplit(back.headers["location"]).path}"' in first
    fields = {"zone": zones["North"], "stream": "trash", "first": monday.isoformat(), "cause": "snow", **again}
    same = desk.post("/desk/notices/storm", data=fields)
    assert "days would change" in same.text
    assert at_desk("author").post("/desk/notices/storm", data={}).status_code == 403


def test_what_reaches_more_than_one_may_write_to_alone_waits_for_another(
    at_desk: Desk, zones: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_ALONE_MOST", "1")
    settings.cache_clear()
    desk = at_desk("agent")
    assert publish(desk, when="later", on="9999-12-31", at="10:00").status_code == 422
    where = publish(desk).headers["location"]
    assert "It waits for another person" in words(desk.get(where).text)
    number = asked.number("SELECT id FROM alerts WHERE state = 'draft'")
    assert desk.post(f"{where}/cancel").status_code == 303
    assert publish(desk, when="later", on=next_thursday().isoformat(), at="04:00").status_code == 303
    assert "It goes out by itself at" in words(desk.get("/desk/notices/2").text)
    again = asked.number("SELECT id FROM alerts WHERE state = 'draft' AND launch_at IS NOT NULL")
    assert (number, again) == (1, 2)


@pytest.mark.parametrize(("when", "state"), [("now", "sending"), ("later", "scheduled"), ("passed", "sending")])
def test_an_approved_notice_goes_out_when_its_author_chose(
    at_desk: Desk, zones: dict[str, int], monkeypatch: pytest.MonkeyPatch, when: str, state: str
) -> None:
    monkeypatch.setenv("TOCSIN_ALONE_MOST", "1")
    settings.cache_clear()
    at = {"on": next_thursday().isoformat(), "at": "04:00"}
    where = publish(at_desk("agent"), when="now" if when == "now" else "later", **at).headers["location"]
    if when == "passed":
        as_owner("UPDATE alerts SET launch_at = now() - interval '2 hours'")
        assert "has passed: it goes out as soon as" in words(at_desk("agent").get(where).text)
    shown = at_desk("approver").get("/console/alerts/1").text
    assert ("with your approval it goes out at once" if when == "passed" else "With your approval it goes out") in shown
    with transaction() as s:
        found = linting.findings(s, s.get_one(Alert, 1), settings())
    assert found == [], "nobody can change the words of a notice, so the check of words must not object to them"
    fields = dict(re.findall(r'name="(area_hash|messages)" value="([^"]+)"', shown))
    answer = at_desk("approver").post("/console/alerts/1/approve", data=fields)
    assert answer.status_code == 303, words(answer.text)
    assert asked.rows("SELECT state FROM alerts")[0].state == state
    assert "approved and not sent" not in words(at_desk("agent").get(where).text)


def restrict(zone: int, to: date) -> None:
    """Another edition: the collection of the holiday goes to another day by hand."""
    now = datetime.now(UTC)
    with transaction() as s:
        by_hand = DayException(next_thursday(), "A. Perez", "a crew works", zone=str(zone), moved_to=to)
        rule_store.add_exception(s, by_hand, now)
        days.publish(s, "by hand", now)


def test_a_waiting_notice_goes_out_only_while_it_is_true(at_desk: Desk, zones: dict[str, int]) -> None:
    """It stays through an edition that does not touch its days; else it is cancelled, with an alarm, and told anew."""
    desk, saturday = at_desk("agent"), next_thursday() + timedelta(days=2)
    assert publish(desk, when="later", on=next_thursday().isoformat(), at="04:00").status_code == 303
    with transaction() as s:
        days.take(s, {"zone": "South", "stream": "bulky", "weekdays": "Wed", "season": "02-01..02-28"})
        days.publish(s, "bulky items")
    launch.run()
    assert asked.rows("SELECT state FROM alerts")[0].state == "scheduled"
    restrict(zones["North"], saturday)
    launch.run()
    assert asked.rows("SELECT state FROM alerts")[0].state == "cancelled"
    assert asked.number("SELECT count(*) FROM alarms WHERE kind = 'notice-outdated'") == 1
    assert "Saturday" in words(desk.get(publish(desk).headers["location"]).text)
    assert [one.phase for one in asked.rows("SELECT phase FROM alerts ORDER BY id")] == ["issue", "issue"]


def test_what_a_storm_notice_that_waits_says_is_not_told_once_it_is_decided_otherwise(
    at_desk: Desk, zones: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No alarm rings where the later decision has a notice of its own."""
    monkeypatch.setenv("TOCSIN_ALONE_MOST", "1")
    settings.cache_clear()
    desk, monday = at_desk("agent"), next_thursday() + timedelta(days=4)
    assert storm(desk, zones["North"], monday).status_code == 303
    with transaction() as s:
        days.take(s, {"zone": "South", "stream": "bulky", "weekdays": "Wed", "season": "02-01..02-28"})
        days.publish(s, "bulky items")
    launch.run()
    assert [one.state for one in asked.rows("SELECT state FROM alerts")] == ["draft"]
    incident = str(asked.number("SELECT id FROM incidents"))
    assert storm(desk, zones["North"], monday, incident=incident, decision="usual").status_code == 303
    launch.run()
    assert [one.state for one in asked.rows("SELECT state FROM alerts ORDER BY id")] == ["cancelled", "draft"]
    assert asked.number("SELECT count(*) FROM alarms") == 0
    with transaction() as s:
        off = DayException(monday, "A. Perez", "a crew works", zone=str(zones["North"]), state=State.SUSPENDED)
        rule_store.add_exception(s, off, datetime.now(UTC))
        days.publish(s, "by hand", datetime.now(UTC))
    launch.run()
    assert [one.state for one in asked.rows("SELECT state FROM alerts ORDER BY id")] == ["cancelled", "cancelled"]
    assert asked.number("SELECT count(*) FROM alarms WHERE kind = 'notice-outdated'") == 1


def test_a_holiday_that_was_told_is_corrected_where_it_differs(at_desk: Desk, zones: dict[str, int]) -> None:
    desk = at_desk("agent")
    assert publish(desk).status_code == 303
    factories.resolve(asked.number("SELECT id FROM alerts"), datetime.now(UTC))
    restrict(zones["North"], next_thursday())
    back = publish(desk)
    assert back.status_code == 303, words(back.text)
    assert "collected on the usual day, Thursday" in words(desk.get(back.headers["location"]).text)
    assert [one.phase for one in asked.rows("SELECT phase FROM alerts ORDER BY id")] == ["issue", "update"]


def test_a_day_changed_by_hand_is_told_from_the_rules(at_desk: Desk, zones: dict[str, int]) -> None:
    """Its reason was typed, so somebody else must approve it."""
    desk, now, monday = at_desk("agent"), datetime.now(UTC), next_thursday() + timedelta(days=4)
    with transaction() as s:
        by_hand = DayException(monday, "A. Perez", "a crew works", zone=str(zones["North"]), stream="trash",
                               moved_to=monday + timedelta(days=1))  # fmt: skip
        rule_store.add_exception(s, by_hand, now)
        assert holidays.upcoming(s, now)[-1].name != "a crew works", "it is not public yet"
        days.publish(s, "by hand", now)
    address = re.findall(r'href="(/desk/notices/holiday\?key=[^"]+)">Tell residents', desk.get("/desk/rules").text)[0]
    listed = words(desk.get("/desk/notices").text)
    assert re.search(r"Days changed by hand .* a crew works Monday, [^T]* Not told yet", listed)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', desk.get(address).text))
    look = words(desk.get(address).text)
    assert "Its reason was typed: another person is asked to approve it first." in look
    assert "Somebody typed “a crew works”, and it has no translation" in look
    assert "(Español)" in look
    assert "a holiday of the city" not in look
    answer = desk.post("/desk/notices/holiday", data={**fields, "channel": "sms", "when": "now"})
    shown = words(desk.get(answer.headers["location"]).text)
    assert re.search(r"North Your trash of Monday, \w+ \d+ moves to Tuesday", shown), shown
    assert "it has a reason that somebody typed" in shown
    assert "Tell residents" not in desk.get("/desk/rules").text


def test_two_holidays_of_a_week_are_told_once(at_desk: Desk, zones: dict[str, int]) -> None:
    """One that is over is not offered; one that moves nothing says so."""
    now, thanksgiving = datetime.now(UTC), next_thursday()
    over = calendars.today(now) - timedelta(days=6)  # so is all that it moves
    with transaction() as s:
        for name, day in (("B", thanksgiving), ("Nothing", thanksgiving + timedelta(days=17)), ("Over", over)):
            rule_store.add_holiday(s, name, [day], "x", now)
        rule_store.add_rule(s, Rule(frozenset({"B", "Nothing", "Over"}), Effect.SLIDE), "x", now)
        days.publish(s, "x", now)
    desk = at_desk("agent")
    assert publish(desk).status_code == 303
    shown = words(desk.get("/desk/notices").text)
    assert re.search(r"Thanksgiving Day Thursday, \w+ \d+(, \d+)? Notice draft", shown)
    assert re.search(r"B Thursday, \w+ \d+(, \d+)? Notice draft", shown)
    assert re.search(r"Nothing Sunday, \w+ \d+(, \d+)? Changes no day", shown)
    assert "Over" not in shown


def test_two_holidays_of_a_week_told_at_once_are_told_once(door: httpx.Client, zones: dict[str, int]) -> None:
    now, thursday = datetime.now(UTC), next_thursday()
    with transaction() as s:
        by = factories.operator(s, "agent")
        rule_store.add_holiday(s, "B", [thursday], "x", now)
        rule_store.add_rule(s, Rule(frozenset({"B"}), Effect.SLIDE), "x", now)
        days.publish(s, "x", now)
    ready = []
    for name in ("Thanksgiving Day", "B"):
        with transaction() as s:
            changed = holidays.changed_by(s, f"{thursday} {name}", now)
            areas = publishing.shapes(s, changed.notice)
        notice = Notice(name, changed.parts, changed.notice.names, ("en",))
        wanted = Wanted("holiday", name, thursday, changed.edition, notice, ["sms"])
        ready.append(publishing.prepare(wanted, areas, by, now, settings()))
    with transaction() as s:
        publishing.publish(s, ready[0], by, now, settings())
    with pytest.raises(Refused, match="told already"), transaction() as s:
        publishing.publish(s, ready[1], by, now, settings())


def test_two_clicks_tell_it_once(at_desk: Desk, zones: dict[str, int]) -> None:
    desk = at_desk("agent")
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', desk.get(holiday(desk)).text))
    fields |= {"channel": "sms", "when": "now"}
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: desk.post("/desk/notices/holiday", data=fields).status_code, range(3)))
    assert sorted(answers) == [303, 409, 409]
    assert asked.number("SELECT count(*) FROM alerts") == 1


def test_a_holiday_that_somebody_named_needs_two_people(
    at_desk: Desk, zones: dict[str, int], key: Callable[..., dict[str, str]]
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        rule_store.add_holiday(s, "Founders Day", [next_thursday() + timedelta(days=5)], "x", now)
        rule_store.add_rule(s, Rule(frozenset({"Founders Day"}), Effect.SLIDE), "x", now)
        days.publish(s, "x", now)
    desk = at_desk("agent")
    address = re.findall(r'href="(/desk/notices/holiday\?key=[^"]+Founders[^"]+)"', desk.get("/desk/notices").text)[0]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', desk.get(address).text))
    assert "It names a holiday of the city's own: another person is asked" in words(
        html.unescape(desk.get(address).text)
    )
    look = desk.post("/api/v1/collections/notices/look", json={"holiday": "Founders Day"}, headers=key("agent")).json()
    assert look["untranslated"] == ["es"]
    shown = CliRunner().invoke(commands, ["notice", "Founders Day"]).stdout
    assert "has no translation: it stands as it is in es" in " ".join(shown.split())
    desk.post("/desk/notices/holiday", data={**fields, "channel": "sms", "when": "now"})
    (row,) = asked.rows("SELECT state, two_people FROM alerts")
    assert (row.state, list(row.two_people)) == ("draft", ["free-words"])


def test_a_notice_is_looked_at_and_published_by_rest_and_by_command(
    at_desk: Desk, zones: dict[str, int], key: Callable[..., dict[str, str]]
) -> None:
    """All three show the same numbers and words, and a storm goes on where it began."""
    asked_as, root = key("agent"), "/api/v1/collections/notices"
    desk = at_desk("agent")
    page = desk.get(holiday(desk)).text
    (listed,) = [
        one for one in desk.get(root, headers=asked_as).json()["holidays"] if one["date"] == str(next_thursday())
    ]
    assert (listed["name"], listed["notice"], listed["changes"]) == ("Thanksgiving Day", None, True)
    look = desk.post(f"{root}/look", json={"holiday": "thanksgiving day"}, headers=asked_as).json()
    command = ["notice", listed["date"]]
    shown = json.loads(CliRunner().invoke(commands, [*command, "--json"]).stdout)
    assert {name: shown[name] for name in look} == look
    assert look["told"] is None
    assert look["untranslated"] == []
    assert (look["residents"], look["messages"]) == (2, {"email": 2, "sms": 2})
    assert [(one["zone"], len(one["moves"]) > 0) for one in look["zones"]] == [("North", True), ("South", False)]
    assert sorted(html.unescape(one) for one in re.findall(r'<blockquote lang="\w+">([^<]+)', page)) == sorted(
        look["texts"][0]["words"].values()
    )
    told = {"holiday": listed["key"], "edition": look["edition"], "channels": ["sms"]}
    assert desk.post(root, json={**told, "edition": 99}, headers=asked_as).status_code == 409
    made = desk.post(root, json=told, headers=asked_as)
    assert (made.status_code, made.json()["state"], made.json()["notice"]) == (201, "sending", 1)
    assert desk.post(root, json=told, headers=asked_as).status_code == 409
    look = desk.post(f"{root}/look", json={"holiday": "thanksgiving day"}, headers=asked_as).json()
    assert (look["told"], look["zones"]) == (made.json()["alert"], [])
    shown = " ".join(CliRunner().invoke(commands, command).stdout.split())
    assert "It was told already: notice 1, alert 1, sending. No day has changed since" in shown
    page = words(desk.get(holiday(desk)).text)
    assert "This holiday was told. See its notice No day has changed since. There is nobody to tell." in page
    monday = str(next_thursday() + timedelta(days=4))
    off = ["storm", "--zone", "North", "--first", monday, "--cause", "snow", "--publish", "--channels", "sms"]
    refused = CliRunner().invoke(commands, [*off, "--json"])
    assert "--as is missing" in str(refused.exception)
    with transaction() as s:
        secret = operators.add_key(s, "at a desk", datetime.now(UTC), factories.operator(s, "agent"))
    done = CliRunner().invoke(commands, [*off, "--json"], env={"TOCSIN_OPERATOR_KEY": secret})
    published = json.loads(done.stdout)["published"]
    assert (published["state"], published["notice"]) == ("sending", 2)
    tuesday = str(next_thursday() + timedelta(days=5))
    next_one = {"incident": published["incident"], "decision": "day", "to": tuesday}
    look = desk.post(f"{root}/look", json={"storm": next_one}, headers=asked_as).json()
    assert [one["new"].split(",")[0] for one in look["zones"][0]["moves"]] == ["Tuesday"]
    told_back = {"storm": next_one, "edition": look["edition"]}
    assert desk.post(root, json=told_back, headers=asked_as).json()["incident"] == published["incident"]
    assert "notice 1, sending" in CliRunner().invoke(commands, ["notices"]).stdout


def test_an_agent_may_do_without_the_reminder(at_desk: Desk, zones: dict[str, int]) -> None:
    desk = at_desk("agent")
    assert 'name="remind" value="true" checked' in desk.get(holiday(desk)).text
    where = publish(desk).headers["location"]  # without the tick
    assert "reminded" not in words(desk.get(where).text)
    assert asked.rows("SELECT remind_days FROM collection_notices")[0].remind_days == []
