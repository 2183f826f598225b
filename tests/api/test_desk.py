"""The desk of 311: search, the caller's card, what is changed on their word, and what is noted of it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from api import desk
from notify.accounts import tries
from notify.core import crypto
from notify.core.db import transaction
from notify.delivery import sender_pool
from notify.service311.answers import store
from notify.service311.answers.store import Text, Written
from notify.service311.desk import limits
from notify.service311.reminders import sending
from notify.service311.reminders.sending import Reminder
from notify.service311.reminders.words import Words
from notify.subscribers import addresses
from tests import factories
from tests.api import asked
from tests.api.joins import sent_code
from tests.notify.city.geocoder import town
from tests.notify.service311 import days

Desk = Callable[[str], httpx.Client]
PHONE, MAIL = "+12155550142", "maria.lopez@example.org"
HOUSE = days.NORTH


@pytest.fixture
def agent(at_desk: Desk) -> httpx.Client:
    """An agent in a city with collection days, a street, a storm warning in force, and one resident."""
    now = datetime.now(UTC)
    town.settle(houses=[town.house("120", "MAIN ST", *HOUSE), town.house("120", "MAIN CT", 0.6, 0.5)])
    days.settle(now)
    with transaction() as s:
        factories.sender(s, "twilio", now=now)
        factories.sender(s, "sendgrid", now=now)
        factories.resident(s, phone=PHONE, email=MAIL, at=(HOUSE,), topics=("storm", "collection"), now=now)
    sender_pool.read_anew()
    factories.alert_resolved(now=now, zones=["North"], channels=("sms", "email"))
    return at_desk("agent")


def found(agent: httpx.Client, sought: str, **more: str) -> str:
    """What the desk shows for it, without marks."""
    answer = agent.post("/desk", data={"sought": sought, **more}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return words(answer.text)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def resident() -> int:
    return asked.number("SELECT min(id) FROM subscribers")


def acts() -> list[str]:
    return [row.action for row in asked.rows("SELECT action FROM audit WHERE subject = 'subscriber' ORDER BY id")]


def test_the_menu_lists_what_is_served_and_what_one_may_do(at_desk: Desk) -> None:
    page = at_desk("agent").get("/desk").text
    listed = re.findall(r'<a href="(/desk[^"]*)"', page[page.index('class="places"') : page.index("</nav>")])
    assert listed == list(desk.MENU)
    refused = at_desk("author").get("/desk")
    assert refused.status_code == 403
    assert 'href="/console">Console</a>' in refused.text
    for role, first in (("agent", "/desk"), ("author", "/desk/answers"), ("approver", "/desk/answers")):
        assert f'<a href="{first}">311 desk</a>' in at_desk(role).get("/console").text


def test_a_phone_or_email_shows_all_of_the_caller_on_one_screen(agent: httpx.Client) -> None:
    for sought in ("(215) 555-0142", MAIL):
        shown = found(agent, sought)
        assert addresses.masked("sms", PHONE) in shown
        assert PHONE not in shown
        assert MAIL not in shown
        assert "Trash:" in shown, "the day line"
        assert "in force" in shown
        assert "It waits to be sent." in shown, "the real state of the last message"
        [exact] = asked.rows("SELECT text FROM contents WHERE channel = 'sms' AND language = 'en'")
        assert " ".join(exact.text.split()) in shown, "its exact words"
    assert acts() == ["find", "find"]
    clear = words(agent.post(f"/desk/residents/{resident()}/clear").text)
    assert PHONE in clear
    assert MAIL in clear
    assert acts()[2:] == ["unmask"]
    assert PHONE not in words(agent.get(f"/desk/residents/{resident()}").text)


def test_a_card_gives_a_call_its_zone_and_shows_the_answers_about_what_is_in_force(agent: httpx.Client) -> None:
    now, incident = datetime.now(UTC), asked.number("SELECT incident_id FROM alerts")
    said = {"en": Text("Where is a shelter?", "At the school."), "es": Text("¿Dónde hay refugio?", "En la escuela.")}
    other = {"en": Text("Is the library open?", "Yes, until six."), "es": Text("¿Abre la biblioteca?", "Sí.")}
    with transaction() as s:
        by = factories.operator(s, "approver")
        store.save(s, Written(said, incident_id=incident), now, by)
        store.save(s, Written(other), now, by)
    page = agent.post("/desk", data={"sought": PHONE}).text
    assert "Where is a shelter? At the school." in words(page)
    assert "library" not in words(page), "which is about nothing in force"
    looked = agent.post("/desk/answers", data={"asked": "library", "language": "en"}).text
    assert "Yes, until six." in looked.partition('id="answers-found"')[2]
    zones = re.findall(r'name="zones_of_place" value="([^"]*)" data-on-screen', page)
    assert not re.search(r'name="place" value="[^"]+" data-on-screen', page), "the address stays masked"
    agent.post("/desk/calls", data={"keys": "w1", "zones_of_place": zones})
    north, south = (asked.number("SELECT id FROM zones WHERE name = :name", name=name) for name in ("North", "South"))
    agent.post("/desk/calls", data={"keys": "w1", "zones_of_place": [str(north), str(south)]})
    assert [row.zone_id for row in asked.rows("SELECT zone_id FROM calls ORDER BY id")] == [north, None]
    at_place = agent.post("/desk", data={"sought": "120 Main", "place": f"{HOUSE[0]} {HOUSE[1]} 120 Main St"}).text
    assert "At the school." in words(at_place)
    assert "At the school." in words(agent.get("/desk").text)


def test_an_address_a_zone_and_a_code_show_what_holds_there_but_nobody(agent: httpx.Client) -> None:
    asked_back = found(agent, "120 Main")
    assert "Which one is it?" in asked_back
    shown = found(agent, "120 Main", place=f"{HOUSE[0]} {HOUSE[1]} 120 Main St")
    assert "Trash:" in shown
    assert "in force" in shown
    assert "Resident" not in shown
    assert addresses.masked("sms", PHONE) not in shown
    assert "Trash:" in found(agent, "north")
    assert "Trash:" in found(agent, "/north"), "the key that leads to the box, pressed within it"
    number = asked.number("SELECT min(id) FROM alerts")
    assert f"Alert {number}" in found(agent, f"alert {number}")
    assert "nobody is signed up with it." in found(agent, "+12155550199")
    answer = agent.post("/desk", data={"sought": "Nowhere at all"})
    assert answer.status_code == 422
    assert "Nothing is found for Nowhere at all." in answer.text
    for sought, told in (
        ("215 555 014", "215 555 014 is not a phone number. Type its area code and number, such as 202 555 0107"),
        ("+1 215 555 01422", "is not a phone number."),
        ("maria@", "maria@ is not an email address. Type it as in ana@example.org."),
    ):
        answer = agent.post("/desk", data={"sought": sought})
        assert answer.status_code == 422
        assert told in words(answer.text), sought


def test_a_zone_with_the_number_of_an_alert_is_found_by_its_name(agent: httpx.Client) -> None:
    number = asked.number("SELECT min(id) FROM alerts")
    with transaction() as s:
        factories.zone(s, f"Zone {number}", factories.square(5, 5), "collection", now=datetime.now(UTC))
    assert "What holds here" in found(agent, f"zone {number}")
    assert f"Alert {number}" in found(agent, f"alert {number}")


def test_a_stop_needs_no_code_and_stops(agent: httpx.Client) -> None:
    contact = asked.number("SELECT id FROM contacts WHERE channel = 'sms' AND subscriber_id IS NOT NULL")
    page = agent.post(f"/desk/residents/{resident()}/stop", data={"contact": contact}, follow_redirects=True)
    assert "Stopped." in words(page.text)
    assert asked.rows("SELECT topic, how FROM consents WHERE kind = 'opt-out'") == [(None, "operator: call to 311")]
    assert acts() == ["opt-out", "find"]


def test_after_a_stop_nothing_offers_to_send_there_but_what_the_caller_asks_for(agent: httpx.Client) -> None:
    home = f"/desk/residents/{resident()}"
    contact = asked.number("SELECT id FROM contacts WHERE channel = 'sms' AND subscriber_id IS NOT NULL")
    page = agent.post(f"{home}/code", data={"contact": contact}).text
    [token] = re.findall(r'name="token" value="([^"]+)"', page)
    page = agent.post(f"{home}/prove", data={"token": token, "code": sent_code()}, follow_redirects=True).text
    assert "Send it to ***42" in page
    assert "again <kbd" not in page
    page = agent.post(f"{home}/stop", data={"contact": contact}, follow_redirects=True).text
    assert "Send it to ***42" not in page
    assert "Send it to m***" in page
    assert re.search(r'data-keys="x g"[^>]*>Send to \*\*\*42 again', page)
    assert 'data-keys="x s"' not in page, "pressed twice, it stops nothing else"
    page = agent.post(f"{home}/start", follow_redirects=True).text
    assert "Send it to ***42" in page


def test_what_became_of_a_message_is_said_in_the_language_of_the_agent(agent: httpx.Client) -> None:
    agent.headers["Accept-Language"] = "es"
    shown = found(agent, PHONE)
    assert "En espera" in shown
    assert "queued" not in shown


def test_texts_are_shown_first_because_they_are_read_to_callers(agent: httpx.Client) -> None:
    shown = agent.get(f"/desk/alerts/{asked.number('SELECT max(id) FROM alerts')}").text
    assert re.findall(r"<h5>(\w+), (\w+)", shown)[:2] == [("Texts", "English"), ("Emails", "English")]


def test_the_keys_stop_what_was_looked_up_and_ask_first_about_an_unknown_number(agent: httpx.Client) -> None:
    for sought in (PHONE, MAIL):
        page = agent.post("/desk", data={"sought": sought}).text
        first = re.findall(r'data-keys="x s".*?name="contact" value="(\d+)"', page, re.DOTALL)[0]
        channel = "sms" if sought == PHONE else "email"
        assert int(first) == asked.number("SELECT id FROM contacts WHERE channel = :c AND subscriber_id > 0", c=channel)
    for path in ("/desk", "/desk/stop"):
        shown = agent.post(path, data={"sought": "+12155550100"}).text
        assert "It is not known here" in words(shown)
        assert '<summary data-keys="x s"' in shown
    assert asked.number("SELECT count(*) FROM suppressions") == 0


def test_a_page_that_found_nothing_still_tells_what_is_in_force(agent: httpx.Client) -> None:
    for path, sought in (("/desk", "?"), ("/desk/stop", "+12155550100")):
        shown = words(agent.post(path, data={"sought": sought, "sure": "yes"}).text)
        assert "in force" in shown, path
        assert "No alert since yesterday" not in shown, path


def test_a_code_of_a_contact_that_nobody_proved_opens_nothing_and_says_what_to_do(agent: httpx.Client) -> None:
    asked.do("UPDATE contacts SET verified_at = NULL WHERE channel = 'sms' AND subscriber_id IS NOT NULL")
    home = f"/desk/residents/{resident()}"
    contact = asked.number("SELECT id FROM contacts WHERE channel = 'sms' AND subscriber_id IS NOT NULL")
    [token] = re.findall(r'name="token" value="([^"]+)"', agent.post(f"{home}/code", data={"contact": contact}).text)
    refused = agent.post(f"{home}/prove", data={"token": token, "code": sent_code()})
    assert refused.status_code == 409
    assert "Ask for an address that they signed up with" in words(refused.text)
    assert agent.post(f"{home}/mute", data={"until": ""}).status_code == 409


def test_a_code_that_is_read_back_opens_the_changes_of_this_resident_alone(agent: httpx.Client) -> None:
    home = f"/desk/residents/{resident()}"
    mail = asked.number("SELECT id FROM contacts WHERE channel = 'email' AND subscriber_id IS NOT NULL")
    calendar = {"contact": f"{mail}", "place": f"{asked.number('SELECT id FROM places')}"}
    changes: list[tuple[str, dict[str, str]]] = [
        ("topics", {"topic": "snow", "language": "es"}),
        ("mute", {"until": f"{datetime.now(UTC).date() + timedelta(days=30)}"}),
        ("places", {"label": "work", "address": "120 Main Ct"}),
        ("start", {}),
        ("calendar", calendar),
        ("reminders", {"hour": "20", "channel": "sms"}),
    ]
    for path, fields in changes:
        refused = agent.post(f"{home}/{path}", data=fields)
        assert refused.status_code == 409, path
        assert "has not read back a code" in refused.text
    contact = asked.number("SELECT id FROM contacts WHERE channel = 'sms' AND subscriber_id IS NOT NULL")
    page = agent.post(f"{home}/code", data={"contact": contact}).text
    [token] = re.findall(r'name="token" value="([^"]+)"', page)
    [said] = asked.rows("SELECT text FROM direct_messages WHERE kind = 'join-code'")
    assert "Read it to the agent" in said.text
    assert agent.post(f"{home}/prove", data={"token": token, "code": "000000"}).status_code == 409
    code = sent_code()
    proven = agent.post(f"{home}/prove", data={"token": token, "code": code}, follow_redirects=True)
    assert "The code is right" in words(proven.text)
    for path, fields in changes:
        changed = agent.post(f"{home}/{path}", data=fields)
        assert changed.status_code == 303, words(changed.text)
    assert asked.rows("SELECT topic::text, muted_until IS NULL FROM preferences") == [("snow", False)]
    [agreed] = asked.rows("SELECT words FROM consents WHERE topic = 'snow' AND how LIKE 'code read back%'")
    assert "¿Está de acuerdo?" in agreed.words, "in the language that they chose"
    assert asked.number("SELECT count(*) FROM places") == 2
    assert {"prove by call", "choose", "mute", "add-place"} <= set(acts())
    [by] = asked.rows("""SELECT o.role::text FROM audit a JOIN operators o ON o.id = operator_id
                           WHERE action = 'mail calendar'""")
    assert by.role == "agent"
    assert "Reminded of collections by text, at 8:00 PM the day before." in words(agent.get(home).text)
    [kept] = asked.rows("SELECT words, how FROM consents WHERE topic = 'collection' ORDER BY id DESC LIMIT 1")
    assert "a la hora que usted elija" in kept.words, "the words in their language, which were read aloud"
    assert kept.how.startswith("code read back")
    assert agent.post(f"{home}/reminders/stop").status_code == 303
    assert asked.number("SELECT count(*) FROM reminder_wishes WHERE until_day IS NULL") == 0
    assert {"reminders-on", "reminders-off"} <= set(acts())
    sent_again = {"alert": str(asked.number("SELECT max(id) FROM alerts")), "contact": str(mail)}
    for _ in range(2):  # a double click
        assert agent.post(f"{home}/resend", data=sent_again).status_code == 303
    assert asked.rows("""
        SELECT m.subject = x.subject AND m.text = x.text FROM direct_messages m
          JOIN contents x ON (x.alert_id, x.channel, x.language, x.wording) = (m.alert_id, 'email', 'en', 0)
         WHERE m.kind = 'resend'""") == [(True,)], "the same words, once"
    with transaction() as s:
        other = factories.resident(s).id
    assert agent.post(f"/desk/residents/{other}/mute", data={"until": ""}).status_code == 409


def test_who_looks_up_number_after_number_is_stopped_and_an_alarm_rings(agent: httpx.Client) -> None:
    most = tries.BUCKETS[limits.MISS].most
    by = asked.number("SELECT id FROM operators WHERE role = 'agent'")
    with transaction() as s:
        for _ in range(most):
            tries.count(s, tries.of_agent(limits.MISS, by), datetime.now(UTC))
    refused = agent.post("/desk", data={"sought": "+12155550199"})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    stopped = agent.post("/desk/stop", data={"sought": "+12155550199", "sure": "yes"})
    assert "Nothing is sent there any more." in stopped.text, "a stop is never refused"
    assert asked.number("SELECT count(*) FROM suppressions") == 1
    [alarm] = asked.rows("SELECT kind, about FROM alarms WHERE resolved_at IS NULL")
    assert alarm == ("desk-many-looks", "agent@tocsin.example.org")


def test_the_last_reminder_of_collections_stands_there_in_its_exact_words(agent: httpx.Client) -> None:
    with transaction() as s:
        s.execute(text("UPDATE places SET address_sealed = :sealed"), {"sealed": crypto.seal("120 Main Ct", "address")})
        who, contact = resident(), asked.number("SELECT id FROM contacts WHERE channel = 'sms' AND subscriber_id > 0")
        place, now = asked.number("SELECT min(id) FROM places"), datetime.now(UTC)
        said = Words("", "Tomorrow: trash at {place1}.")
        edition = asked.number("SELECT max(number) FROM collection_editions")
        sending.write(
            s, [Reminder(who, contact, "sms", "evening", now.date(), edition, (), [place], said, now)], now
        )  # fmt: skip
    page = words(agent.get(f"/desk/residents/{who}").text)
    assert "Last reminder" in page
    assert "waits to be sent" in page
    assert "Tomorrow: trash at Main Ct." in page, "without the house, until it is shown in clear"
    assert "Tomorrow: trash at 120 Main Ct." in words(agent.post(f"/desk/residents/{who}/clear").text)
