"""A reviewed draft is changed in its form, and the alert made of that replaces it: two of them never wait."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from notify.alerts import lifecycle, warn_requests
from notify.alerts.writing import working_start
from notify.cli import alert as commands
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.filling import Form
from tests.owner import owning

Desk = Callable[[str], httpx.Client]
SQUARE = '{"type":"Polygon","coordinates":[[[0.4,0.4],[0.6,0.4],[0.6,0.6],[0.4,0.6],[0.4,0.4]]]}'


@pytest.fixture
def desk(at_desk: Desk, city: datetime) -> httpx.Client:
    return at_desk("author")


def reviewed(desk: httpx.Client, template: str = "storm issue", **fields: str) -> str:
    """Fill in a form and press Review; returns the page of its alert."""
    path = desk.post("/console/compose", data={"template": template}).headers["location"]
    form = Form(desk.get(path).text)
    form.values |= {"blank.hazard": "tornado", **fields}
    form.tick(f"zone.{asked.number('SELECT min(id) FROM zones')}")
    return review(desk, path, form)


def review(desk: httpx.Client, path: str, form: Form) -> str:
    assert form.send(desk, path).status_code == 303
    answer = Form(desk.get(path).text).send(desk, path, "review")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def change(desk: httpx.Client, page: str) -> str:
    assert ">Change it<" in desk.get(page).text
    answer = desk.post(f"{page}/change")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def number(path: str) -> int:
    return int(path.rpartition("/")[2])


def states() -> list[tuple[int, str, int | None]]:
    return [tuple(row) for row in asked.rows("SELECT id, state::text, rewrites FROM alerts ORDER BY id")]


def approved(page: str) -> None:
    with transaction() as s:
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider, now=datetime.now(UTC))
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, number(page), factories.operator(s, "approver"), datetime.now(UTC), allowed)


def test_the_form_holds_all_that_the_draft_was_made_from(desk: httpx.Client) -> None:
    more = {
        "blank.details": "Trees fall.", "blank.details.es": "Caen árboles.", "area": SQUARE, "area_name": "Old Town",
        "area_name.es": "Casco Viejo", "but_streets": "", "severity": "Moderate", "lasts": "3h", "channel.email": "",
    }  # fmt: skip
    page = reviewed(desk, **more)
    path = change(desk, page)
    old, new = asked.rows("SELECT fields, event, phase FROM working_drafts ORDER BY id")
    assert {name: one["value"] for name, one in new.fields.items()} == {
        name: one["value"] for name, one in old.fields.items()
    }
    assert new.fields["blank.details.es"]["value"] == "Caen árboles."
    assert (new.event, new.phase) == (old.event, old.phase)
    assert Form(desk.get(path).text).values["area_name.es"] == "Casco Viejo"
    assert f'This changes <a href="{page}">alert {number(page)}</a>' in desk.get(path).text


def test_the_reviewed_change_replaces_the_draft_and_leads_to_the_new_one(desk: httpx.Client, at_desk: Desk) -> None:
    page = reviewed(desk)
    path = change(desk, page)
    assert f'<a href="{path}">draft {number(path)}</a>' in desk.get(page).text
    form = Form(desk.get(path).text)
    form.values["blank.shelter"] = "City Hall"
    newer = review(desk, path, form)
    assert states() == [(number(page), "cancelled", None), (number(newer), "draft", number(page))]
    assert asked.number("SELECT count(DISTINCT incident_id) FROM alerts") == 1
    assert asked.rows("SELECT subject_id FROM audit WHERE action = 'withdraw'") == [(number(page),)]
    door = at_desk("approver")
    assert f'Replaced by <a href="{newer}">alert {number(newer)}</a>' in door.get(page).text
    assert "Replaced before its approval" in door.get(page).text
    assert "City Hall" in door.get(newer).text
    waits = door.get("/console").text
    assert f'"{newer}"' in waits
    assert f'"{page}"' not in waits


def test_programs_and_the_command_name_the_two_alerts(
    desk: httpx.Client, key: Callable[..., dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    page = reviewed(desk)
    newer = review(desk, path := change(desk, page), Form(desk.get(path).text))
    old, new = number(page), number(newer)
    read = [desk.get(f"/api/v1/alerts/{one}", headers=key()).json() for one in (old, new)]
    assert [(one["replaces"], one["replaced_by"]) for one in read] == [(None, new), (old, None)]
    commands.show(old, as_json=True)
    assert json.loads(capsys.readouterr().out)["replaced_by"] == new
    commands.show(old)
    assert f"Changed before its approval: alert {new} replaces it." in capsys.readouterr().out
    commands.show(new)
    told = capsys.readouterr().out
    assert f"It replaces alert {old}," in told
    assert "Changed before" not in told


def test_a_second_press_opens_the_same_form(desk: httpx.Client, at_desk: Desk) -> None:
    page = reviewed(desk)
    path = change(desk, page)
    assert desk.post(f"{page}/change").headers["location"] == path
    assert at_desk("approver").post(f"{page}/change").headers["location"] == path
    assert asked.number("SELECT count(*) FROM working_drafts WHERE rewrites IS NOT NULL") == 1


def test_a_change_that_was_thrown_away_leaves_the_draft_as_it_is(desk: httpx.Client) -> None:
    page = reviewed(desk)
    path = change(desk, page)
    desk.post(f"{path}/drop")
    assert states() == [(number(page), "draft", None)]
    assert change(desk, page) != path


def test_an_alert_approved_meanwhile_is_not_replaced_and_nothing_is_made(desk: httpx.Client) -> None:
    page = reviewed(desk)
    path = change(desk, page)
    approved(page)
    answer = Form(desk.get(path).text).send(desk, path, "review")
    assert answer.status_code == 409
    assert f"Alert {number(page)} is approved meanwhile, so it is not replaced. Nothing was made." in answer.text
    assert states() == [(number(page), "approved", None)]
    with transaction() as s:
        lifecycle.launch(s, number(page), None, datetime.now(UTC))
    assert "is sending meanwhile" in Form(desk.get(path).text).send(desk, path, "review").text
    assert states() == [(number(page), "sending", None)]


def test_an_alert_cancelled_by_hand_does_not_stand_in_the_way(desk: httpx.Client) -> None:
    page = reviewed(desk)
    path = change(desk, page)
    desk.post(f"{page}/cancel", data={"sure": "yes"})
    newer = Form(desk.get(path).text).send(desk, path, "review").headers["location"]
    assert states() == [(number(page), "cancelled", None), (number(newer), "draft", number(page))]


def test_only_a_draft_can_be_changed(desk: httpx.Client) -> None:
    page = reviewed(desk)
    approved(page)
    assert ">Change it<" not in desk.get(page).text
    answer = desk.post(f"{page}/change")
    assert answer.status_code == 409
    assert f"Alert {number(page)} is approved: it cannot be changed." in answer.text


def test_a_form_that_is_not_kept_any_more_is_told(desk: httpx.Client) -> None:
    page = reviewed(desk)
    with owning() as s:
        s.execute(text("DELETE FROM working_drafts"))
    assert "The form that it was made from is not kept" in desk.get(page).text
    answer = desk.post(f"{page}/change")
    assert answer.status_code == 404
    assert "Cancel the alert, and write it again." in answer.text


def test_whoever_was_asked_for_a_routine_alert_is_asked_about_the_one_that_replaces_it(desk: httpx.Client) -> None:
    quiet = {"severity": "Minor", "urgency": "Future", "blank.details": "Rain."}
    page = reviewed(desk, **quiet)
    with transaction() as s:
        factories.operator(s, "approver")
    assert asked.number("SELECT count(*) FROM direct_messages") == 0
    assert desk.post(f"{page}/ask").status_code == 303
    path = change(desk, page)
    newer = review(desk, path, Form(desk.get(path).text))
    assert asked.number("SELECT count(*) FROM direct_messages WHERE alert_id = :a", a=number(newer)) > 0


def test_an_updates_earlier_area_is_that_of_the_alert_before_the_draft(desk: httpx.Client) -> None:
    """Not that of the draft that is changed, which the change may want to make smaller."""
    with transaction() as s:
        first = factories.alert_draft(s, now=datetime.now(UTC))
        fairview = f"zone.{factories.zone(s, 'Fairview', factories.square(20, 20, 3)).id}"
        author = factories.operator(s, "author")
        opened = working_start.start(s, "storm", "update", author, datetime.now(UTC), incident=first.incident_id)
        path = f"/console/compose/{opened.id}"
    form = Form(desk.get(path).text)
    form.tick(fairview)
    page = review(desk, path, form)
    again = change(desk, page)
    form = Form(desk.get(again).text)
    form.values.pop(fairview)
    newer = review(desk, again, form)
    hashes = {row.id: row.area_hash for row in asked.rows("SELECT id, area_hash FROM alerts")}
    assert hashes[number(newer)] == hashes[first.id] != hashes[number(page)]


def test_a_correction_stays_one_and_still_answers_its_request(desk: httpx.Client) -> None:
    with transaction() as s:
        wanted = warn_requests.Asked("Engine 4", "field", "Water rises", "Mill St", None, None, uuid4())
        request = warn_requests.take(s, wanted, factories.operator(s), datetime.now(UTC)).id
    page = reviewed(desk)
    with owning() as s:
        s.execute(text("UPDATE working_drafts SET corrects = true, request_id = :r"), {"r": request})
    change(desk, page)
    assert asked.rows("SELECT corrects, request_id FROM working_drafts ORDER BY id") == [(True, request)] * 2
