"""Asking for approval, break-glass and its review on the page of an alert."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.accounts import roster
from notify.alerts import lifecycle
from notify.alerts.approving import approval_asks
from notify.alerts.words import word_versions
from notify.alerts.words.word_versions import Written
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alert, Operator
from tests import factories
from tests.api import asked
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]
Key = Callable[[str], dict[str, str]]
ADMIN, APPROVER = "admin@tocsin.example.org", "approver@tocsin.example.org"
REASON = "Nobody answers, and the river is at 4 m."


@pytest.fixture
def staff(door: httpx.Client, city: datetime) -> None:
    """The approver is on duty, the admin deputises."""
    with transaction() as s:
        factories.sender(s, now=city)
        factories.operator(s, "approver", now=city)
        by = factories.operator(s, "admin", now=city)
        roster.plan(s, APPROVER, ADMIN, city, city + timedelta(hours=6), by, city)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TWILIO_ACCOUNT_SID", "AC" + "0" * 32), ("TWILIO_AUTH_TOKEN", "not a token")):
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()


def draft(event: str = "storm", author: str = "author@tocsin.example.org") -> int:
    now = datetime.now(UTC)
    with transaction() as s:
        alert = factories.alert_draft(s, event=event, now=now).id
    as_owner("UPDATE alerts SET created_by = (SELECT id FROM operators WHERE email = :email)", email=author)
    return alert


def write_in_english() -> None:
    """Write the city's own storm texts in English only: their translation is now stale."""
    words = {"text": "{{ city }}: {{ hazard.danger }} in {{ area }} until {{ expires }}. Go inside now."}
    with transaction() as s:
        by, now = factories.operator(s), datetime.now(UTC)
        word_versions.save(s, "storm", "issue", {("sms", "en"): Written(words)}, 0, "", by, now, settings())


def state(alert: int) -> str:
    return str(asked.rows("SELECT state FROM alerts WHERE id = :id", id=alert)[0].state)


def plain(page: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def test_the_page_of_an_alert_to_too_many_for_one_person_says_so(
    staff: None, at_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = draft("snow", APPROVER)
    said = "You wrote this alert and it goes to more than 5 contacts, so somebody else must approve it."
    page = at_desk("approver").get(f"/console/alerts/{alert}")
    assert ("Approve area and words" in page.text, said in plain(page)) == (True, False)
    monkeypatch.setenv("TOCSIN_ALONE_MOST", "5")
    settings.cache_clear()
    page = at_desk("approver").get(f"/console/alerts/{alert}")
    assert ("Approve area and words" in page.text, said in plain(page)) == (False, True)
    page = at_desk("admin").get(f"/console/alerts/{alert}")
    assert ("Approve area and words" in page.text, said in plain(page)) == (True, False)


def test_an_author_asks_and_sees_who_is_next(staff: None, at_desk: Desk) -> None:
    desk, alert = at_desk("author"), draft("snow")
    assert "Ask for approval" in desk.get(f"/console/alerts/{alert}").text
    for _ in range(2):
        assert desk.post(f"/console/alerts/{alert}/ask").status_code == 303
    page = plain(desk.get(f"/console/alerts/{alert}"))
    assert f"Waiting for {APPROVER} (on duty), asked" in page
    assert f"{ADMIN} (deputy) next at" in page
    assert "Nobody has been written to: none of them has a verified phone or email." in page
    assert asked.number("SELECT count(*) FROM direct_messages") == 1
    with transaction() as s:
        approval_asks.ask_again(s, datetime.now(UTC) + timedelta(minutes=6), settings())
        approval_asks.ask_again(s, datetime.now(UTC) + timedelta(minutes=12), settings())
    assert "Everybody who may approve has been asked." in plain(desk.get(f"/console/alerts/{alert}"))


def test_who_has_a_verified_contact_is_written_to(staff: None, at_desk: Desk) -> None:
    with transaction() as s:
        factories.own_contact(s, s.query(Operator).filter_by(email=APPROVER).one(), "sms", "+12155550199")
    page = plain(at_desk("author").get(f"/console/alerts/{draft()}"))
    assert f"Waiting for {APPROVER} (on duty)" in page
    assert "Nobody has been written to" not in page


def test_the_phone_of_somebody_who_was_asked_is_shown_and_that_is_recorded(staff: None, at_desk: Desk) -> None:
    with transaction() as s:
        approver = s.query(Operator).filter_by(email=APPROVER).one()
        factories.own_contact(s, approver, "sms", "+12155550199")
        admin = s.query(Operator).filter_by(email=ADMIN).one()
        factories.own_contact(s, admin, "sms", "+12155550198", verified=False)
        who = approver.id
    desk, alert = at_desk("author"), draft()
    assert "Show their phone numbers" not in desk.get(f"/console/alerts/{alert}").text, "others are asked first"
    with transaction() as s:
        approval_asks.ask_again(s, datetime.now(UTC) + timedelta(minutes=6), settings())
    page = desk.get(f"/console/alerts/{alert}").text
    assert "Show their phone numbers" in page
    assert "5550199" not in page
    shown = desk.post(f"/console/alerts/{alert}/phones").text
    assert 'href="tel:+12155550199"' in shown
    assert "5550198" not in shown, "it is not confirmed"
    looked = asked.rows("SELECT subject_id, detail FROM audit WHERE action = 'show phone'")
    assert [(one.subject_id, one.detail) for one in looked] == [(who, {"alert": alert})]
    assert "Show their phone numbers" not in at_desk("agent").get(f"/console/alerts/{alert}").text
    as_owner("UPDATE alerts SET state = 'cancelled' WHERE id = :id", id=alert)
    late = at_desk("author").post(f"/console/alerts/{alert}/phones")
    assert late.status_code == 409
    assert "nobody needs to approve it" in late.text


def test_without_a_confirmed_phone_it_is_said_how_else_to_reach_them(staff: None, at_desk: Desk) -> None:
    shown = plain(at_desk("author").post(f"/console/alerts/{draft()}/phones"))
    assert "no confirmed phone" in shown
    assert "use the city's own list of phones" in shown
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'show phone'") == 0


def test_an_emergency_has_asked_already(staff: None, at_desk: Desk) -> None:
    desk, alert = at_desk("author"), draft()
    page = desk.get(f"/console/alerts/{alert}")
    assert f"Waiting for {APPROVER} (on duty)" in plain(page)
    assert "Ask for approval" not in page.text
    assert "Launch it alone" not in page.text


def test_break_glass_and_review(staff: None, credentials: None, at_desk: Desk) -> None:
    alert = draft(author=APPROVER)
    desk = at_desk("approver")
    page = desk.get(f"/console/alerts/{alert}").text
    assert "Launch it alone" in page
    (area_hash,) = set(re.findall(r'name="area_hash" value="(\w+)"', page))
    number = re.search(r"Type the number of messages, ([\d,]+)", page)
    assert number is not None
    form = {"area_hash": area_hash, "messages": number[1], "reason": REASON, "counted": "yes"}
    for wrong, told in (
        ({"reason": "hurry"}, "The reason has 5 characters"),
        ({"messages": "many"}, "&#39;many&#39; is not a number of messages"),
        ({"messages": "9" * 30}, "is not a number of messages"),
        ({"messages": "1"}, "and you typed 1"),
        ({"area_hash": "x"}, "The area is not the one"),
    ):
        answer = desk.post(f"/console/alerts/{alert}/break-glass", data=form | wrong)
        assert 400 <= answer.status_code < 500
        assert told in answer.text
    assert state(alert) == "draft"
    assert desk.post(f"/console/alerts/{alert}/break-glass", data=form).status_code == 303
    assert state(alert) == "sending"
    assert desk.post(f"/console/alerts/{alert}/break-glass", data=form).status_code == 409
    page = desk.get(f"/console/alerts/{alert}").text
    assert f"{APPROVER} launched this alert alone" in page
    assert "Another person who may approve alerts must review it." in page
    assert desk.post(f"/console/alerts/{alert}/review", data={"review": "I was right."}).status_code == 409
    assert "Somebody else must review it." in desk.get("/console").text
    other = at_desk("admin")
    assert "It must be reviewed." in other.get("/console").text, "it stays on Now until the review is written"
    assert "Write the review" in other.get(f"/console/alerts/{alert}").text
    assert other.post(f"/console/alerts/{alert}/review", data={"review": "ok"}).status_code == 422
    assert other.post(f"/console/alerts/{alert}/review", data={"review": "Right: <it> flooded."}).status_code == 303
    assert "Right: &lt;it&gt; flooded." in other.get(f"/console/alerts/{alert}").text
    assert "launched alone" not in other.get("/console").text


def test_authors_cannot_break_glass(staff: None, credentials: None, at_desk: Desk) -> None:
    desk, alert = at_desk("author"), draft()
    form = {"area_hash": "x", "messages": "1", "reason": REASON, "counted": "yes"}
    assert desk.post(f"/console/alerts/{alert}/break-glass", data=form).status_code == 403
    assert desk.post(f"/console/alerts/{alert}/review", data={"review": REASON}).status_code == 403
    assert state(alert) == "draft"


def test_over_rest_somebody_is_asked_once(staff: None, door: httpx.Client, key: Key) -> None:
    alert, author = draft("snow"), key("author")
    for _ in range(2):
        answer = door.post(f"/api/v1/alerts/{alert}/ask-approval", headers=author)
        assert answer.status_code == 200, answer.text
    waiting = answer.json()
    assert [(one["email"], one["duty"]) for one in waiting["asked"]] == [(APPROVER, "on duty")]
    assert [one["email"] for one in waiting["next"]] == [ADMIN]
    assert waiting["next_at"]
    assert asked.number("SELECT count(*) FROM direct_messages") == 1
    assert door.post("/api/v1/alerts/999/ask-approval", headers=author).status_code == 404


def test_over_rest_glass_is_broken_with_a_reason(staff: None, credentials: None, door: httpx.Client, key: Key) -> None:
    alert, approver = draft(author=APPROVER), key("approver")
    where = f"/api/v1/alerts/{alert}/break-glass"
    for wrong, status, told in (
        ({}, 422, "reason"),
        ({"reason": "hurry"}, 422, "The reason has 5 characters"),
        ({"reason": REASON, "messages": 999}, 409, "and you typed 999"),
        ({"reason": REASON, "area_hash": "x"}, 409, "The area is not the one"),
    ):
        answer = door.post(where, json=wrong, headers=approver)
        assert (answer.status_code, told in answer.text) == (status, True), answer.text
    assert state(alert) == "draft"
    assert door.post(where, json={"reason": REASON}, headers=key("author")).status_code == 403
    answer = door.post(where, json={"reason": REASON}, headers=approver)
    assert answer.json()["state"] == "sending"
    assert asked.rows("SELECT reason FROM break_glass")[0].reason == REASON


def test_the_page_says_which_errors_are_overridden(staff: None, credentials: None, at_desk: Desk) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        alert = factories.alert_draft(s, blanks={"hazard": "tornado", "shelter": "[SHELTER NAME]"}, now=now).id
        misleading = factories.alert_draft(s, blanks={"hazard": "tornado", "shelter": "bit.ly/x"}, now=now).id
    as_owner("UPDATE alerts SET created_by = (SELECT id FROM operators WHERE email = :email)", email=APPROVER)
    desk = at_desk("approver")
    assert "2 errors in its words must be mended first" in plain(desk.get(f"/console/alerts/{misleading}"))
    page = desk.get(f"/console/alerts/{alert}")
    assert "You override 2 errors" in plain(page)
    number = re.search(r"Type the number of messages, ([\d,]+)", page.text)
    (area_hash,) = set(re.findall(r'name="area_hash" value="(\w+)"', page.text))
    assert number is not None
    form = {"area_hash": area_hash, "messages": number[1], "reason": REASON, "counted": "yes"}
    assert desk.post(f"/console/alerts/{alert}/break-glass", data=form).status_code == 303
    shown = plain(at_desk("admin").get(f"/console/alerts/{alert}"))
    assert "The check of the words had found 2 errors:" in shown
    assert shown.count("A blank was left in the text.") == 2


def test_a_stale_translation_is_read_on_the_page_before_it_is_approved(
    staff: None, credentials: None, at_desk: Desk
) -> None:
    write_in_english()
    page, read = draft(), "I have read it, it may be sent"
    desk = at_desk("approver")
    shown = desk.get(f"/console/alerts/{page}")
    assert "It cannot be approved until somebody has read what is marked here" in plain(shown)
    assert "peligro de" in shown.text.partition('id="findings"')[2].partition("</section>")[0]
    finding = re.search(r'name="key" value="(\w+)"', shown.text)
    assert finding is not None
    assert read in shown.text
    assert desk.post(f"/console/alerts/{page}/acknowledge", data={"key": finding[1]}).status_code == 303
    shown = desk.get(f"/console/alerts/{page}")
    assert "Read and confirmed by approver@" in plain(shown)
    assert read not in shown.text
    with transaction() as s:
        lifecycle.approve(s, page, factories.operator(s, "approver"), datetime.now(UTC), settings())


def test_over_rest_a_stale_translation_is_acknowledged_by_its_key(staff: None, door: httpx.Client, key: Key) -> None:
    write_in_english()
    alert, author = draft(), key("author")
    found = door.get(f"/api/v1/alerts/{alert}", headers=author).json()["findings"]
    (stale,) = [one for one in found if one["rule"] == "stale-translation"]
    where = f"/api/v1/alerts/{alert}/acknowledge"
    assert door.post(where, json={"key": stale["key"]}, headers=key("agent")).status_code == 403
    assert door.post(where, json={"key": "00"}, headers=author).status_code == 404
    answer = door.post(where, json={"key": stale["key"]}, headers=author)
    assert answer.status_code == 200, answer.text
    by = {one["rule"]: one["acknowledged_by"] for one in answer.json()["findings"]}
    assert by["stale-translation"] == "author@tocsin.example.org"


def test_an_all_clear_of_an_emergency_is_guarded_as_the_emergency(
    staff: None, credentials: None, city: datetime, at_desk: Desk
) -> None:
    """People are asked at once, the number is typed, the launch counts down, and one person alone breaks glass."""
    with transaction() as s:
        storm = factories.alert_ready(s, now=city)
        lifecycle.launch(s, storm.id, None, city)
        about = {"phase": "all-clear", "incident": storm.incident_id, "zones": ()}
        clear, own = (factories.alert_draft(s, now=city, **about).id for _ in range(2))
        lane = s.get_one(Alert, clear).lane.value
    by = "(SELECT id FROM operators WHERE email = :email)"
    as_owner(f"UPDATE alerts SET created_by = {by} WHERE id = :id", email=ADMIN, id=own)
    assert lane == "routine", "its messages go after those of emergencies, who decides does not"
    assert asked.number("SELECT count(*) FROM direct_messages WHERE kind = 'ask' AND alert_id = :a", a=clear) > 0
    desk = at_desk("admin")
    alone = desk.get(f"/console/alerts/{own}").text
    assert "Launch it alone" in alone
    assert f'action="/console/alerts/{own}/break-glass" data-countdown="5"' in alone
    page = desk.get(f"/console/alerts/{clear}").text
    assert "It ends an emergency: residents will believe that they are safe." in page
    (number,) = re.findall(r"Type how many messages it sends: <strong>(\d+)</strong>", page)
    seen = {"area_hash": asked.rows("SELECT area_hash FROM alerts WHERE id = :id", id=clear)[0].area_hash}
    assert "was not typed" in desk.post(f"/console/alerts/{clear}/approve", data=seen).text
    assert desk.post(f"/console/alerts/{clear}/approve", data=seen | {"messages": number}).status_code == 303
    assert f'action="/console/alerts/{clear}/launch" data-countdown="5"' in desk.get(f"/console/alerts/{clear}").text
    last = desk.post(f"/console/alerts/{clear}/launch", data=seen | {"sure": "yes"})
    assert "Launch this all-clear now?" in last.text
    assert state(clear) == "approved"
    assert (
        desk.post(f"/console/alerts/{clear}/launch", data=seen | {"sure": "yes", "counted": "yes"}).status_code == 303
    )
    assert state(clear) == "sending"
