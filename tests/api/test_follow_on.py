"""One click from an alert opens its update, correction or all-clear, complete and ready for the review."""

import html
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from shapely.geometry import box, shape

from notify.alerts import lifecycle
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.api.filling import Form

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def sent(door: httpx.Client, city: datetime) -> int:
    """An alert in force that all forty residents with a phone were sent, one of whom has moved away since."""
    with transaction() as s:
        alert = factories.alert_ready(s, now=city, expires_at=city + timedelta(hours=5))
        lifecycle.launch(s, alert.id, None, city)
        number = alert.id
    factories.resolve(number, city)
    with transaction() as s:
        mover = asked.number(
            """SELECT min(c.subscriber_id) FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                WHERE d.alert_id = :a AND d.state = 'queued'""",
            a=number,
        )
        factories.move(s, mover, 50, 50)
    return number


def press(desk: httpx.Client, page: str, label: str) -> str:
    """Press a button of the page as a browser would; returns where the form is."""
    forms = [part.partition("</form>")[0] for part in page.split('<form method="post" action="/console/compose">')[1:]]
    (form,) = (one for one in forms if f">{label}<" in one)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = desk.post("/console/compose", data=fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize(("label", "phase"), [("Update", "update"), ("Correct", "update"), ("All clear", "all-clear")])
@pytest.mark.parametrize("from_page", ["alerts", "incidents"])
def test_one_click_opens_a_complete_form(at_desk: Desk, sent: int, label: str, phase: str, from_page: str) -> None:
    desk = at_desk("author")
    number = sent if from_page == "alerts" else asked.number("SELECT incident_id FROM alerts")
    path = press(desk, desk.get(f"/console/{from_page}/{number}").text, label)
    page = desk.get(path).text
    assert "Complete. Review makes the alert" in page
    assert f"everybody to whom alert {sent} was sent" in page
    assert "<strong>40</strong> residents" in page  # with the one who has moved away
    review = Form(page).send(desk, path, "review").headers["location"]
    assert f"everybody to whom alert {sent} was sent" in desk.get(review).text
    rows = asked.rows("SELECT phase, channels, told_before, expires_at FROM alerts WHERE id <> :a", a=sent)
    assert [(row.phase, row.channels, row.told_before) for row in rows] == [(phase, ["sms"], [sent])]
    ends = asked.rows("SELECT expires_at FROM alerts WHERE id = :a", a=sent)[0].expires_at
    assert (abs(rows[0].expires_at - ends) < timedelta(minutes=1)) == (phase == "update")


@pytest.mark.parametrize("phase", ["update", "all-clear"])
def test_what_is_over_leads_on_and_offers_no_next_message(at_desk: Desk, sent: int, city: datetime, phase: str) -> None:
    """Its buttons would open the form from the last alert of the incident, which is another one."""
    desk = at_desk("author")
    assert ">Correct<" in desk.get(f"/console/alerts/{sent}").text
    with transaction() as s:
        incident = asked.number("SELECT incident_id FROM alerts WHERE id = :a", a=sent)
        later = factories.alert_ready(s, now=city, phase=phase, incident=incident, corrects=phase == "update").id
        lifecycle.launch(s, later, None, city)
    before, after = (desk.get(f"/console/alerts/{one}").text for one in (sent, later))
    assert f'id="after" href="/console/alerts/{later}"' in before
    assert ">Correct<" not in before
    assert "has replaced it" in before or phase == "all-clear"
    assert "The danger is over" in before or phase == "update"
    assert ">Correct<" in after
    assert 'id="after"' not in after
    assert ('<span class="badge">correction</span></h1>' in after) == (phase == "update")


def zones_of(number: int) -> set[str]:
    return {
        row.name
        for row in asked.rows(
            """SELECT z.name FROM alert_zones a JOIN zone_versions v ON v.id = a.zone_version_id
                 JOIN zones z ON z.id = v.zone_id WHERE a.alert_id = :a""",
            a=number,
        )
    }


def test_one_more_zone_is_added_to_the_earlier_area(at_desk: Desk, sent: int) -> None:
    with transaction() as s:
        fairview = f"zone.{factories.zone(s, 'Fairview', factories.square(20, 20, 3)).id}"
    desk = at_desk("author")
    path = press(desk, desk.get(f"/console/alerts/{sent}").text, "Update")
    page = desk.get(path).text
    form = Form(page)
    assert [form.values[one] for one in form.values if one.startswith("zone.")] == ["on"]
    assert "earlier" not in form.values, "its zones are ticked one by one"
    area = json.loads(html.unescape(re.findall(r'name="earlier"[^>]* data-area="([^"]*)"', page)[0]))
    assert shape(area).equals(box(0, 0, 1, 1))
    form.tick(fairview)
    form.send(desk, path)
    page = desk.get(path).text
    assert f"everybody to whom alert {sent} was sent" in page
    assert "leaves out a part" not in page
    review = Form(page).send(desk, path, "review").headers["location"]
    assert "leaves out a part" not in desk.get(review).text
    assert zones_of(int(review.rpartition("/")[2])) == zones_of(sent) | {"Fairview"}


def test_replacing_the_earlier_area_is_said_with_both_numbers(at_desk: Desk, sent: int) -> None:
    with transaction() as s:
        fairview = f"zone.{factories.zone(s, 'Fairview', factories.square(20, 20, 3)).id}"
    desk = at_desk("author")
    path = press(desk, desk.get(f"/console/alerts/{sent}").text, "Update")
    form = Form(desk.get(path).text)
    for ticked in [one for one in form.values if one.startswith("zone.")]:
        form.values.pop(ticked)
    form.send(desk, path)
    assert "Choose where" in desk.get(path).text
    form = Form(desk.get(path).text)
    form.tick(fairview)
    form.send(desk, path)
    page = desk.get(path).text
    said = f"This replaces the area of alert {sent} and leaves out a part of it."
    assert f"{said} Residents: <strong>39 → none or fewer than 10</strong>" in page
    review = Form(page).send(desk, path, "review").headers["location"]
    assert f"{said} Residents: <strong>39 → 0</strong>" in desk.get(review).text


def test_an_all_clear_can_be_corrected_and_agents_are_offered_nothing(at_desk: Desk, sent: int) -> None:
    incident = asked.number("SELECT incident_id FROM alerts")
    with transaction() as s:
        clear = factories.alert_ready(s, incident=incident, phase="all-clear", zones=(), now=datetime.now(UTC))
        lifecycle.launch(s, clear.id, None, datetime.now(UTC))
    desk = at_desk("author")
    path = press(desk, desk.get(f"/console/alerts/{clear.id}").text, "Correct")
    assert "all-clear" in desk.get(path).text
    assert asked.rows("SELECT phase FROM working_drafts") == [("all-clear",)]
    assert 'action="/console/compose"' not in at_desk("agent").get(f"/console/alerts/{sent}").text


def test_an_all_clear_to_the_last_part_says_whom_it_leaves_out(
    at_desk: Desk, door: httpx.Client, city: datetime
) -> None:
    with transaction() as s:
        factories.zone(s, "Cleared", factories.square(7, 7))
    more = {"expires_at": city + timedelta(hours=5)}
    danger = factories.alert_launched(now=city, zones=("Riverside", "Cleared"), **more)
    incident = asked.number("SELECT incident_id FROM alerts WHERE id = :a", a=danger)
    part = factories.alert_launched(now=city, zones=("Cleared",), phase="all-clear", incident=incident)
    desk = at_desk("author")
    path = press(desk, desk.get(f"/console/incidents/{incident}").text, "All clear")
    page = desk.get(path).text
    assert f"everybody to whom alert {danger} was sent" in page
    left_out = f"It does not go to those elsewhere who were told of another part by alert {part}."
    assert left_out in page
    review = Form(page).send(desk, path, "review").headers["location"]
    assert left_out in desk.get(review).text
