"""What cannot be taken back asks again who is there, and then goes on."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import httpx
import pytest

from notify.accounts import links, sessions
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.api.people import PASSWORD, Person, joined, sign_in
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]
STALE = "UPDATE sessions SET proven_at = now() - interval '16 minutes'"


@pytest.fixture
def maria(door: httpx.Client) -> Person:
    """An admin who signed in a while ago."""
    maria = joined()
    sign_in(door, maria.form())
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    as_owner(STALE)
    return maria


def fields(page: str) -> dict[str, str]:
    asked = page.partition("<main")[2].partition("</main>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', asked)
    return {name: unescape(value) for name, value in found}


def action(page: str) -> str:
    found = re.search(r'<form method="post" action="([^"]+)" class="stack">', page)
    assert found
    return unescape(found[1])


def proven(door: httpx.Client, page: str, maria: Person, **wrong: str) -> httpx.Response:
    """Fill in the page that asks."""
    given = {"proof-password": PASSWORD, "proof-code": maria.code()} | wrong
    return door.post(action(page), data=fields(page) | given)


def test_an_emergency_is_launched_after_a_proof_with_the_form_that_was_sent(
    door: httpx.Client, maria: Person, city: datetime
) -> None:
    with transaction() as s:
        alert = factories.alert_ready(s, now=city, launch_at=None)
        form = {"sure": "yes", "counted": "yes", "area_hash": alert.area_hash or ""}
    path = f"/console/alerts/{alert.id}/launch"
    asks = door.post(path, data=form)
    assert asks.status_code == 403
    assert "Confirm that it is you" in asks.text
    assert fields(asks.text) == form
    assert asked.rows("SELECT state FROM alerts")[0].state == "approved"
    for wrong in ({"proof-password": "granite lantern eighteen"}, {"proof-code": "000000"}):
        again = proven(door, asks.text, maria, **wrong)
        assert again.status_code == 403
        assert "is wrong" in again.text
        assert fields(again.text) == form
    assert asked.rows("SELECT state FROM alerts")[0].state == "approved"
    done = proven(door, asks.text, maria)
    assert (done.status_code, done.headers["location"]) == (303, f"/console/alerts/{alert.id}")
    assert asked.rows("SELECT state FROM alerts")[0].state != "approved"


@pytest.mark.parametrize("act", ["launch", "break-glass"])
def test_no_emergency_is_launched_before_the_proof(door: httpx.Client, maria: Person, city: datetime, act: str) -> None:
    with transaction() as s:
        alert = factories.alert_ready(s, now=city) if act == "launch" else factories.alert_draft(s, now=city)
    form = {"sure": "yes", "counted": "yes", "area_hash": alert.area_hash or "", "messages": "0"}
    form["reason"] = "nobody answers"
    asks = door.post(f"/console/alerts/{alert.id}/{act}", data=form)
    assert "Nothing was done yet" in asks.text
    assert asked.rows("SELECT launched_at FROM alerts")[0].launched_at is None


def test_an_exercise_is_launched_without(at_desk: Desk, city: datetime) -> None:
    door = at_desk("admin")
    as_owner(STALE)
    with transaction() as s:
        alert = factories.alert_ready(s, now=city, status="Exercise")
    form = {"word": "exercise", "area_hash": alert.area_hash}
    answer = door.post(f"/console/alerts/{alert.id}/launch", data=form)
    assert answer.status_code == 303


ROUTES = [
    ("/console/operators", {"email": "x@example.gov", "role": "author"}),
    ("/console/operators/{tom}/role", {"role": "approver"}),
    ("/console/operators/{tom}/disable", {}),
    ("/console/operators/{tom}/enable", {}),
    ("/console/operators/{tom}/invite", {}),
    ("/console/operators/{tom}/reset", {}),
    ("/console/audit/export", {"format": "jsonl"}),
    ("/console/you/password", {"password": "another granite lantern"}),
    ("/console/you/recovery-codes", {}),
]


@pytest.mark.parametrize(("path", "form"), ROUTES)
def test_it_asks_again_after_15_minutes_and_nothing_is_done_before(
    door: httpx.Client, maria: Person, path: str, form: dict[str, str]
) -> None:
    with transaction() as s:
        tom = factories.operator(s, "author", "tom@example.gov", now=datetime.now(UTC))
    acts = asked.number("SELECT count(*) FROM audit")
    asks = door.post(path.format(tom=tom.id), data=form)
    assert asks.status_code == 403
    assert "Nothing was done yet" in asks.text
    assert fields(asks.text) == form
    assert asked.number("SELECT count(*) FROM audit") == acts
    done = proven(door, asks.text, maria)
    assert done.status_code in {200, 303, 422}, "enable: tom is not disabled"
    assert "Confirm that it is you" not in done.text
    assert asked.number("SELECT count(*) FROM audit") > acts or "is not disabled" in done.text


def test_every_export_of_the_console_asks_again(door: httpx.Client, maria: Person) -> None:
    """A new route that hands out files is named by its path."""
    from api.app import create_app
    from tests.api import role_table

    exports = [one for one in role_table.routes(create_app()) if "/console" in one and re.search(r"export", one)]
    covered = {path for path, _ in ROUTES}
    assert [one for one in exports if one.partition(" ")[2] not in covered] == []


def test_guesses_at_an_unlocked_desk_are_slowed_down(door: httpx.Client, maria: Person) -> None:
    asks = door.post("/console/you/recovery-codes").text
    answers = [proven(door, asks, maria, **{"proof-code": "000000"}).status_code for _ in range(7)]
    assert answers == [403] * 6 + [429]
    late = proven(door, asks, maria)
    assert late.status_code == 429, "the right one, too"
    assert int(late.headers["retry-after"]) > 0


def test_a_page_that_asks_for_a_proof_leads_back_to_ours_alone(door: httpx.Client, maria: Person) -> None:
    page = door.get("/console/prove", params={"next": "https://evil.example"}).text
    assert fields(page) == {"next": "/console"}
    page = door.get("/console/prove", params={"next": "/console/audit?who=maria"}).text
    done = proven(door, page, maria)
    assert (done.status_code, done.headers["location"]) == (303, "/console/audit?who=maria")
    assert door.post("/console/you/recovery-codes").status_code == 200, "the proof counts for 15 minutes"


def test_a_proof_from_another_site_counts_nothing(door: httpx.Client, maria: Person) -> None:
    asks = door.post("/console/you/recovery-codes").text
    given = {"proof-password": PASSWORD, "proof-code": maria.code()}
    answer = door.post(action(asks), data=given, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert asked.number("SELECT count(*) FROM sessions WHERE proven_at > now() - interval '1 minute'") == 0


def test_in_the_training_city_one_only_confirms(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    with transaction() as s:
        path = links.make(s, factories.operator(s, now=now), "training", now)
    door.post("/console/enter", data={"link": path.partition("=")[2]})
    as_owner(STALE)
    asks = door.post("/console/operators", data={"email": "x@example.gov", "role": "author"})
    assert "who has no password" in asks.text
    assert door.post(action(asks.text), data=fields(asks.text)).status_code == 200
    assert asked.number("SELECT count(*) FROM operators WHERE email = 'x@example.gov'") == 1


def test_a_program_with_a_key_needs_none(
    door: httpx.Client, key: Callable[..., dict[str, str]], city: datetime
) -> None:
    with transaction() as s:
        number = factories.alert_ready(s, now=city).id
    assert door.post(f"/api/v1/alerts/{number}/launch", headers=key()).status_code == 200


def test_a_stream_ends_with_its_session(door: httpx.Client, maria: Person, city: datetime) -> None:
    with transaction() as s:
        number = factories.alert_draft(s, now=city).id
    with door.stream("GET", f"/console/alerts/{number}/events") as stream:
        with transaction() as s:
            sessions.end_all(s, maria.id, datetime.now(UTC))
        assert b"over" in stream.read()
