"""Exercise mode and drills at the console."""

import re
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import httpx
import pytest

from notify.core.db import transaction
from tests import factories
from tests.api import asked

Desk = Callable[[str], httpx.Client]
PAGES = ("/console", "/console/alerts", "/console/roster", "/console/you", "/console/compose", "/console/alerts/99")


@pytest.fixture
def training(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.scenario_zones(s, "storm", now=city)


def test_every_page_says_that_the_session_is_in_exercise_mode(training: None, at_desk: Desk) -> None:
    desk = at_desk("approver")
    for path in PAGES:
        assert "EXERCISE MODE" not in desk.get(path).text
    assert desk.post("/console/exercise", data={"mode": "on"}).status_code == 303
    for path in PAGES:
        page = desk.get(path).text
        assert " exercising" in page, path
        assert path.endswith("99") or "EXERCISE MODE" in page, path
    other = at_desk("approver")
    assert "EXERCISE MODE" not in other.get("/console").text, "the mode belongs to one session"


def test_a_drill_from_start_to_form(training: None, at_desk: Desk) -> None:
    desk = at_desk("author")
    form = {"scenario": "storm", "form": str(uuid4())}
    for _ in range(2):
        assert desk.post("/console/drills", data=form).status_code == 303
    assert asked.number("SELECT count(*) FROM drills") == 1
    assert "Drill under way" in desk.get("/console").text
    drill = asked.number("SELECT id FROM drills")
    joined = desk.post(f"/console/drills/{drill}/join")
    assert joined.status_code == 303
    page = desk.get(joined.headers["location"]).text
    assert "EXERCISE MODE" in page
    assert asked.rows("SELECT fields->'status'->>'value' AS status FROM working_drafts")[0].status == "Exercise"


def test_a_drill_is_described_before_it_is_started(training: None, at_desk: Desk) -> None:
    page = at_desk("author").get("/console/drills").text
    (storm,) = re.findall(r"<details><summary><strong>Tornado.*?</details>", page, re.DOTALL)
    assert "The weather service has seen a tornado" in storm
    assert "Start it for everybody now?" in storm
    assert storm.index("</summary>") < storm.index('name="scenario" value="storm"')


def test_in_exercise_mode_every_page_names_the_drill_and_its_form_the_task(training: None, at_desk: Desk) -> None:
    desk = at_desk("author")
    desk.post("/console/drills", data={"scenario": "storm", "form": str(uuid4())})
    form = desk.post(f"/console/drills/{asked.number('SELECT id FROM drills')}/join").headers["location"]
    for path in ("/console", "/console/alerts", form):
        (banner,) = re.findall(r'<aside class="practice".*?</aside>', desk.get(path).text, re.DOTALL)
        assert re.search(r"Tornado over the south, ends in (30|29) minutes, at ", banner), path
        assert '<a href="/console/drills">' in banner
    assert "The weather service has seen a tornado" in desk.get(form).text
    asked.do("UPDATE drills SET ends_at = now()")
    assert "The weather service has seen a tornado" not in desk.get(form).text


@pytest.mark.parametrize(
    ("path", "data", "status", "told"),
    [
        ("/console/drills", {"scenario": "storm", "form": "x"}, 422, "This form has no valid id."),
        ("/console/drills", {"scenario": "quake", "form": str(uuid4())}, 422, "There is no scenario"),
        ("/console/exercise", {"mode": "perhaps"}, 422, "There is no mode"),
        ("/console/drills/99/end", {}, 404, "There is no drill 99."),
        ("/console/drills/99/join", {}, 404, "There is no drill 99."),
    ],
)
def test_a_bad_form_says_what_is_wrong(
    training: None, at_desk: Desk, path: str, data: dict[str, str], status: int, told: str
) -> None:
    answer = at_desk("admin").post(path, data=data)
    assert answer.status_code == status
    assert told in answer.text


def test_an_exercise_has_a_word_of_its_own_to_confirm(training: None, at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        alert = factories.alert_ready(s, now=city, status="Exercise")
        number, seen = alert.id, alert.area_hash
    desk = at_desk("approver")
    assert "Type EXERCISE to confirm" in desk.get(f"/console/alerts/{number}").text
    refused = desk.post(f"/console/alerts/{number}/launch", data={"sure": "yes", "area_hash": seen, "word": "yes"})
    assert refused.status_code == 409
    assert "Type EXERCISE to launch it." in refused.text
    assert asked.rows("SELECT state::text FROM alerts")[0].state == "approved"
    desk.post(f"/console/alerts/{number}/launch", data={"area_hash": seen, "word": " exercise "})
    assert asked.rows("SELECT state::text FROM alerts")[0].state == "sending"


def test_who_may_not_write_it_does_not_enter_the_mode_either(training: None, at_desk: Desk) -> None:
    at_desk("author").post("/console/drills", data={"scenario": "storm", "form": str(uuid4())})
    drill = asked.number("SELECT id FROM drills")
    agent = at_desk("agent")
    assert agent.post(f"/console/drills/{drill}/join").status_code == 403
    assert asked.number("SELECT count(*) FROM sessions WHERE exercise_since IS NOT NULL") == 0
    author = at_desk("author")
    assert author.post(f"/console/drills/{drill}/end").status_code == 303
    over = author.post(f"/console/drills/{drill}/join")
    assert over.status_code == 409
    assert "Start a new one." in over.text
