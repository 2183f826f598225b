"""The page on which 311 staff edit what holidays do to collection days, and publish the next edition."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from notify.core.db import transaction
from notify.core.errors import Refused
from notify.service311 import calendars, editions, rule_store
from notify.service311.outputs import households
from notify.service311.rules import DayException, State
from tests.database import sql
from tests.notify.service311 import days

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def zones(door: httpx.Client) -> dict[str, int]:
    return days.settle(datetime.now(UTC))


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def section(page: str, name: str) -> str:
    return words("<main" + page.split(f'aria-labelledby="{name}"')[1].split("</section>")[0])


def next_due(weekday: int) -> date:
    """A date of that weekday, in two or three weeks."""
    today = datetime.now(UTC).date()
    return today + timedelta(14 + (weekday - today.weekday()) % 7)


def seen(page: str) -> str:
    return re.findall(r'name="seen" value="(\w+)"', page)[0]


def test_a_storm_is_added_previewed_and_published_by_an_agent(at_desk: Desk, zones: dict[str, int]) -> None:
    agent, storm = at_desk("agent"), next_due(1)
    assert "Edition 1 is public, and nothing waits." in words(agent.get("/desk/rules").text)
    added = agent.post("/desk/rules/holidays", data={"name": "Storm Ada", "days": str(storm), "reason": "the mayor"})
    assert added.status_code == 303
    page = agent.get("/desk/rules").text
    assert "No rule names Storm Ada: collections stay on their days." in words(page)
    assert "No day changes in" in section(page, "changes")
    rule = {"holiday": ["Storm Ada"], "effect": "suspend", "zone": [zones["South"]], "reason": "the mayor"}
    assert agent.post("/desk/rules/new", data=rule).status_code == 303
    page = agent.get(f"/desk/rules?year={storm.year}").text
    changes = section(page, "changes")
    assert "South: 1 day changes" in changes
    assert "North" not in changes, "its trash is due on other days"
    assert "No collection" in changes
    assert "Storm Ada" in section(page, "year")
    assert "Tuesday" in words(agent.get("/collections/zones/" + str(zones["South"])).text)
    wanted = {"seen": seen(page), "note": "storm"}
    alone = agent.post("/desk/rules/publish", data=wanted)
    assert alone.status_code == 409, "residents would read a name that nobody else has read"
    assert "Somebody else must publish it." in words(alone.text)
    assert at_desk("approver").post("/desk/rules/publish", data=wanted).status_code == 303
    with transaction() as s:
        calendar = calendars.of_place(s, *days.SOUTH, datetime.now(UTC))
    assert calendar is not None
    (suspended,) = [one for one in calendar.collections if one.nominal == storm]
    assert (suspended.state, calendar.edition.number) == (State.SUSPENDED, 2)
    assert "Edition 2, " in section(agent.get("/desk/rules").text, "editions")


@pytest.mark.parametrize(("reason", "status"), [("Trucks out of service", 303), ("the mayor forgot", 409)])
def test_words_of_ones_own_need_another_publisher(
    at_desk: Desk, zones: dict[str, int], reason: str, status: int
) -> None:
    agent = at_desk("agent")
    one = {"day": str(next_due(1)), "happens": "SUSPENDED", "reason": reason, "author": "A. Perez"}
    assert agent.post("/desk/rules/exception", data=one | {"zone": str(zones["South"])}).status_code == 303
    listed = {"chosen": ["Victoria Day"], "country": "CA", "state": "ON", "reason": "the city's list"}
    assert agent.post("/desk/rules/holidays", data=listed).status_code == 303, "a list needs nobody else"
    wanted = {"seen": seen(agent.get("/desk/rules").text)}
    assert agent.post("/desk/rules/publish", data=wanted).status_code == status
    assert (reason in words(agent.get(f"/collections/zones/{zones['South']}").text)) == (status == 303)


def test_what_was_not_looked_at_is_not_published(at_desk: Desk, zones: dict[str, int]) -> None:
    agent = at_desk("agent")
    one = {"day": str(next_due(1)), "happens": "SUSPENDED", "reason": "a blocked street", "author": "A. Perez"}
    assert agent.post("/desk/rules/exception", data=one).status_code == 303
    old = seen(agent.get("/desk/rules").text)
    assert agent.post("/desk/rules/exception", data=one | {"zone": str(zones["South"])}).status_code == 303
    refused = agent.post("/desk/rules/publish", data={"seen": old, "note": "the street"})
    assert refused.status_code == 409
    assert "others than those you have looked at" in words(refused.text)
    assert 'value="the street"' in refused.text
    assert sql("SELECT max(number) FROM collection_editions") == [(1,)]


def test_an_exception_that_does_nothing_is_told_with_the_day_meant(at_desk: Desk, zones: dict[str, int]) -> None:
    agent = at_desk("admin")
    thanksgiving = next(day for day in days.THANKSGIVINGS if day > datetime.now(UTC).date())
    moved = {"day": str(thanksgiving + timedelta(1)), "happens": "SUSPENDED", "reason": "a storm", "author": "A. Perez",
             "zone": str(zones["North"]), "stream": "trash"}  # fmt: skip
    assert agent.post("/desk/rules/exception", data=moved).status_code == 303
    page = words(agent.get("/desk/rules").text)
    assert "Nothing is due then, so this exception does nothing" in page
    assert "give that date" in page
    (row,) = re.findall(r'action="/desk/rules/(\d+)/remove"[^>]*><button[^>]*>Remove<span class="hidden"> [^<]*a?North',
                        agent.get("/desk/rules").text)  # fmt: skip
    assert agent.post(f"/desk/rules/{row}/remove").status_code == 303
    assert "nothing waits" in words(agent.get("/desk/rules").text)


def test_a_published_row_leaves_with_the_next_edition_and_can_be_kept(at_desk: Desk, zones: dict[str, int]) -> None:
    agent = at_desk("approver")
    (row,) = sql("SELECT id FROM collection_rules WHERE kind = 'rule'")
    assert agent.post(f"/desk/rules/{row[0]}/remove").status_code == 303
    page = words(agent.get("/desk/rules").text)
    assert "leaves with the next edition" in page
    assert "North: 2 days change" in page or "North: 1 day changes" in page
    assert agent.post(f"/desk/rules/{row[0]}/keep").status_code == 303
    assert "nothing waits" in words(agent.get("/desk/rules").text)
    assert agent.post(f"/desk/rules/{row[0]}/keep").status_code == 409


def test_holidays_of_the_library_are_shown_with_their_dates_before_they_are_added(
    at_desk: Desk, zones: dict[str, int]
) -> None:
    agent, year = at_desk("agent"), datetime.now(UTC).year
    shown = agent.get("/desk/rules/holidays?country=US&state=MD").text
    assert f"Dec 25, {year}" in shown
    assert shown.count('value="Martin Luther King Jr. Day"') == shown.count("Birthday of Martin Luther King, Jr.") == 1
    assert 'value="Birthday of Martin Luther King, Jr."' not in shown, "the same day, twice"
    both = {"country": "US", "state": "MD", "chosen": ["Christmas Day", "Labor Day"], "reason": "code 12"}
    assert agent.post("/desk/rules/holidays", data=both).status_code == 303
    assert sql("SELECT body ->> 'name', jsonb_array_length(body -> 'days') FROM collection_rules "
               "WHERE from_edition IS NULL ORDER BY 1") == [("Christmas Day", 3), ("Labor Day", 3)]  # fmt: skip
    again = agent.post("/desk/rules/holidays", data=both)
    assert (again.status_code, "listed already" in again.text) == (409, True)
    unknown = agent.get("/desk/rules/holidays?country=Atlantis")
    assert "are not known" in unknown.text


FORTY_EIGHT = " ".join(f"2027-{month:02}-{day:02}" for month in range(1, 5) for day in range(1, 13))
# The form, what is sent, and what is told.
# fmt: off
WRONG: list[tuple[str, dict[str, str | list[str]], str]] = [
    ("new", {"effect": "slide", "reason": "x"}, "The rule names no holiday"),
    ("new", {"holiday": "A", "effect": "set_out", "reason": "x"}, "has no time"),
    ("new", {"holiday": "A", "effect": "fly", "reason": "x"}, "is not one of the choices"),
    ("new", {"holiday": "A", "effect": "slide", "zone": "Nowhere", "reason": "x"}, "no collection zone"),
    ("new", {"holiday": [f"H{n}" for n in range(41)], "effect": "slide", "reason": "x"}, "at most 40"),
    ("exception", {"day": "soon", "happens": "SUSPENDED", "reason": "x", "author": "A"}, "is not a date"),
    ("exception", {"day": "2026-11-26", "happens": "moved", "reason": "x", "author": "A"}, "is not a date"),
    ("holidays", {"name": "Storm", "days": "2026-11-26", "reason": ""}, "needs a reason"),
    ("exception", {"day": "9999-12-31", "happens": "SUSPENDED", "reason": "x", "author": "A"}, "9999 is too far away"),
    ("exception", {"day": "2026-11-26", "happens": "SUSPENDED", "reason": "http://evil.example pay", "author": "A"},
     "cannot be the reason"),
    ("exception", {"day": "2026-11-26", "happens": "SUSPENDED", "reason": "Call 2155550142", "author": "A"},
     "cannot be the reason"),
    ("exception", {"day": "2026-11-26", "happens": "SUSPENDED", "moved_to": "2026-11-28", "reason": "x", "author": "A"},
     "a new date, or what happens instead"),
    ("holidays", {"name": "Storm, see evil.example", "days": "2026-11-26", "reason": "x"}, "cannot be the name"),
    ("holidays", {"country": "__class__", "chosen": "Storm", "reason": "x"}, "are not known"),
    ("holidays", {"name": "Storm", "reason": "x"}, "no name or no date"),
    ("holidays", {"name": "Storm", "days": FORTY_EIGHT, "reason": "x"}, "40 dates"),
]
# fmt: on


def test_what_cannot_be_read_is_told_and_what_was_typed_stays(at_desk: Desk, zones: dict[str, int]) -> None:
    agent = at_desk("agent")
    for where, given, said in WRONG:
        answer = agent.post(f"/desk/rules/{where}", data=given)
        assert answer.status_code in (409, 422), given
        assert said in words(answer.text)
    assert sql("SELECT count(*) FROM collection_rules WHERE from_edition IS NULL") == [(0,)]


def test_a_rule_is_changed_in_its_place_and_moved_up(at_desk: Desk, zones: dict[str, int]) -> None:
    agent = at_desk("agent")
    own = {"holiday": "Thanksgiving Day", "effect": "suspend", "zone": str(zones["North"]), "reason": "code 13"}
    agent.post("/desk/rules/new", data=own)

    def rules() -> list[tuple[str, str]]:
        with transaction() as s:
            there = [one for one in rule_store.standing(s) if one.kind == "rule"]
            return [(one.body["effect"], one.reason) for one in there]

    ((first,), (own_id,)) = sql("SELECT id FROM collection_rules WHERE kind = 'rule' ORDER BY place")
    assert agent.post(f"/desk/rules/{own_id}/up").status_code == 303
    assert rules() == [("suspend", "code 13"), ("slide", "city code 12")]
    assert "North" in section(agent.get("/desk/rules").text, "changes"), "its own rule decides now"
    form = agent.get(f"/desk/rules/new?instead={first}").text
    assert re.search(r'value="Thanksgiving Day" checked', form)
    changed = {"holiday": "Thanksgiving Day", "effect": "slide", "reason": "city code 14", "instead": str(first)}
    agent.post("/desk/rules/new", data=changed)
    assert rules() == [("suspend", "code 13"), ("slide", "city code 14")]
    assert agent.get(f"/desk/rules/new?instead={first}").status_code == 404, "it leaves"


def test_a_rule_may_name_a_holiday_with_any_sign(at_desk: Desk, zones: dict[str, int]) -> None:
    """Also with one that stands for a value in our own sentences."""
    desk, rule = at_desk("agent"), {"holiday": "7% Day %(x)s", "reason": "x"}
    assert "7% Day %(x)s" in words(desk.post("/desk/rules/new", data=rule).text)
    assert desk.post("/desk/rules/new", data={**rule, "effect": "slide"}).status_code == 303
    assert "A rule names 7% Day %(x)s, which has no date" in words(desk.get("/desk/rules").text)


def test_a_form_that_is_sent_twice_adds_one_rule(at_desk: Desk, zones: dict[str, int]) -> None:
    agent, day = at_desk("agent"), str(next_due(1))
    north = str(zones["North"])
    forms: list[tuple[str, dict[str, str]]] = [
        ("new", {"holiday": "Thanksgiving Day", "effect": "suspend", "zone": north, "reason": "code 13"}),
        ("exception", {"day": day, "zone": north, "happens": "SUSPENDED", "author": "A", "reason": "works"}),
    ]
    for where, given in forms:
        mine = "SELECT max(id), count(*) FROM collection_rules WHERE from_edition IS NULL"
        for _press in range(2):
            assert agent.post(f"/desk/rules/{where}", data=given).status_code == 303
        ((first, one),) = sql(mine)
        instead = given | {"reason": "another reason", "instead": str(first)}
        for _press in range(2):
            assert agent.post(f"/desk/rules/{where}", data=instead).status_code == 303, "the first press did it"
        assert sql(mine)[0][1] == one


def test_who_goes_back_to_a_first_decision_is_heard(at_desk: Desk, zones: dict[str, int]) -> None:
    agent, day = at_desk("agent"), next_due(1)
    first = {"day": str(day), "zone": str(zones["North"]), "happens": "SUSPENDED", "author": "A", "reason": "works"}
    for given in (first, first | {"happens": "moved", "moved_to": str(day + timedelta(days=1))}, first):
        assert agent.post("/desk/rules/exception", data=given).status_code == 303
    with transaction() as s:
        decided = rule_store.read(rule_store.standing(s)).exceptions
    assert [one.state for one in decided] == [State.SUSPENDED, None, State.SUSPENDED], "the last one counts"


def test_households_that_have_not_fetched_a_correction_are_counted(at_desk: Desk, zones: dict[str, int]) -> None:
    agent, now = at_desk("agent"), datetime.now(UTC)
    with transaction() as s:
        tokens = [households.begin(s, "a house", *point, "en", now) for point in (days.NORTH, days.SOUTH, (9.0, 9.0))]
    for token in tokens:
        assert agent.get(f"/collections/feed/{token}.ics").status_code == 200
    assert "has not fetched" not in agent.get("/desk/rules").text
    days.suspend(zones["South"], [next_due(1)], now)
    agent.get(f"/collections/feed/{tokens[0]}.ics")
    behind = section(agent.get("/desk/rules").text, "editions")
    assert "2 household calendars have an older edition" in behind
    assert "South : 1" in behind or "South: 1" in behind
    assert "North" not in behind
    with transaction() as s:
        households.revoke(s, tokens[1], now)
    assert "1 household calendar has" in section(agent.get("/desk/rules").text, "editions")


def test_who_publishes_waits_for_who_edits(at_desk: Desk, zones: dict[str, int]) -> None:
    """Else a row that is committed meanwhile would be published by somebody who has not seen it."""
    now = datetime.now(UTC)
    with transaction() as s:
        rule_store.add_holiday(s, "Storm Ada", [next_due(1)], "the mayor", now)
        looked_at = editions.fingerprint(s)
    with transaction() as other:
        rule_store.add_holiday(other, "Storm Bob", [next_due(2)], "the mayor", now)
        with transaction() as s:
            s.execute(text("SET LOCAL lock_timeout = '200ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                editions.publish(s, "", now, seen=looked_at)
            s.rollback()
    with pytest.raises(Refused, match="others than those"), transaction() as s:
        editions.publish(s, "", now, seen=looked_at)


def test_an_author_may_look_and_not_change(at_desk: Desk, zones: dict[str, int]) -> None:
    author = at_desk("author")
    assert "Add a rule" not in author.get("/desk/rules").text
    refused = author.post("/desk/rules/new", data={"holiday": ["A"], "effect": "slide", "reason": "x"})
    assert refused.status_code == 403
    assert "may not change collection days" in refused.text


def test_a_rule_that_does_nothing_says_which_one_decides_before_it(at_desk: Desk, zones: dict[str, int]) -> None:
    agent = at_desk("agent")
    rule = {"holiday": ["Thanksgiving Day"], "effect": "suspend", "reason": "the mayor"}
    assert agent.post("/desk/rules/new", data=rule).status_code == 303
    year = next(day for day in days.THANKSGIVINGS if day > datetime.now(UTC).date()).year
    page = html.unescape(agent.get(f"/desk/rules?year={year}").text)
    assert (
        f"“No collection” for Thanksgiving Day does nothing in {year}: a rule before it decides each of its days, "
        "“Slide, later” for Thanksgiving Day."
    ) in section(page, "changes")
    assert re.search(rf"No collection comes with the next edition does nothing in {year} ", section(page, "rules"))
    (row,) = re.findall(r'action="/desk/rules/(\d+)/up"', page)
    assert agent.post(f"/desk/rules/{row}/up").status_code == 303
    page = html.unescape(agent.get(f"/desk/rules?year={year}").text)
    assert "“No collection” for Thanksgiving Day does nothing" not in words(page)


def test_an_exception_that_a_later_one_overrules_is_not_called_public(at_desk: Desk, zones: dict[str, int]) -> None:
    agent, day, now = at_desk("agent"), next_due(1), datetime.now(UTC)
    off = DayException(day, "A. Perez", "Snow", str(zones["South"]), "trash", state=State.TO_BE_ANNOUNCED)
    later = replace(off, zone=None, moved_to=day + timedelta(1), state=None)
    with transaction() as s:
        rule_store.add_exception(s, off, now)
        editions.publish(s, "", now)
        rule_store.add_exception(s, later, now)
    shown = section(agent.get("/desk/rules").text, "exceptions")
    assert "day not known yet public overruled with the next edition" in shown
    agent.cookies.set("tocsin-language", "es")
    spanish = section(agent.get("/desk/rules").text, "exceptions")
    agent.cookies.delete("tocsin-language")
    assert "anulada con la próxima edición" in spanish
    assert re.search(r"entra con la próxima edición .* Nieve", spanish)
    with transaction() as s:
        editions.publish(s, "", now + timedelta(seconds=1))
    shown = section(agent.get("/desk/rules").text, "exceptions")
    assert "day not known yet overruled by a later one" in shown
    assert shown.count(" public ") == 1
