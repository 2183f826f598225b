"""Compose without scripts: from a template to an alert, and all that may go wrong on the way."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from markupsafe import escape
from sqlalchemy import text

from api.console.writing import compose
from notify.alerts import lifecycle
from notify.alerts.words import linting
from notify.alerts.writing import working_drafts
from notify.alerts.writing.working_drafts import Change, Saved
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alert
from tests import factories
from tests.api import asked
from tests.api.filling import Form
from tests.owner import owning

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def desk(at_desk: Desk, city: datetime) -> httpx.Client:
    return at_desk("author")


def started(door: httpx.Client, template: str = "storm issue", **more: str) -> str:
    answer = door.post("/console/compose", data={"template": template} | more)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def form_of(door: httpx.Client, path: str) -> Form:
    page = door.get(path)
    assert page.status_code == 200, page.text
    return Form(page.text)


def zone_field() -> str:
    return f"zone.{asked.number('SELECT min(id) FROM zones')}"


def filled(door: httpx.Client, path: str) -> Form:
    form = form_of(door, path)
    form.values["blank.hazard"] = "tornado"
    form.tick(zone_field())
    return form


def test_the_whole_way_from_a_template_to_an_alert(desk: httpx.Client) -> None:
    path = started(desk)
    assert filled(desk, path).send(desk, path).status_code == 303
    page = desk.get(path).text
    assert "Complete. Review makes the alert" in page
    assert "Tornado" in page
    assert "Residents who get nothing" in page
    answer = Form(page).send(desk, path, "review")
    assert answer.status_code == 303
    alert = desk.get(answer.headers["location"])
    assert "draft" in alert.text
    assert asked.rows("SELECT state::text, event FROM alerts") == [("draft", "storm")]
    assert desk.get(path).headers["location"] == answer.headers["location"]


def test_a_missing_blank_is_named_as_the_form_names_it(desk: httpx.Client) -> None:
    page = desk.get(started(desk)).text
    assert "Choose: What is dangerous." in page
    assert "hazard=" not in page


def test_the_count_is_exact_and_small_numbers_are_neither_told_nor_to_be_subtracted(desk: httpx.Client) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    page = desk.get(path).text
    assert page.split('id="who-said"')[1].partition("</strong>")[0].endswith("<strong>40")
    assert asked.number("SELECT count(*) FROM alerts") == 0
    statement = """SELECT count(*) FROM contacts c JOIN preferences p USING (subscriber_id)
                     JOIN subscribers s ON s.id = c.subscriber_id
                    WHERE c.channel = 'sms' AND p.topic = 'storm' AND c.verified_at IS NOT NULL AND s.language = :l"""
    english, spanish = (asked.number(statement, l=language) for language in ("en", "es"))
    assert spanish < 10 < english
    assert f"<b>{(english + spanish) // 10 * 10}</b>" in page, "the Spanish ones could be subtracted"
    assert f">{english // 10 * 10}</td>" in page
    assert "fewer than 10" in page
    with transaction() as s:
        for _ in range(3):
            factories.resident(s, language="es", now=datetime.now(UTC))
    page = desk.get(path).text
    assert f"<b>{english + spanish + 3}</b>" in page
    assert f">{english}</td>" in page


# Residents to whom no text about a storm goes.
NOTHING = """SELECT count(*) FROM subscribers r WHERE NOT EXISTS (
    SELECT FROM contacts c JOIN preferences p USING (subscriber_id)
     WHERE c.subscriber_id = r.id AND c.channel = 'sms' AND p.topic = 'storm' AND c.verified_at IS NOT NULL)"""


def test_residents_with_nothing_on_the_channels_are_counted(desk: httpx.Client) -> None:
    with transaction() as s:
        for _ in range(12):
            factories.resident(s, phone=None, email="")
    path = started(desk)
    form = filled(desk, path)
    form.values.pop("channel.email"), form.values.pop("channel.social")
    form.send(desk, path)
    row = '<th scope="row">Residents with nothing on these channels</th><td class="n">'
    assert f"{row}10</td>" in desk.get(path).text
    square = '{"type":"Polygon","coordinates":[[[0.4,0.4],[0.6,0.4],[0.6,0.6],[0.4,0.6],[0.4,0.4]]]}'
    drawn = started(desk)
    form = form_of(desk, drawn)
    form.values.pop("channel.email"), form.values.pop("channel.social")
    form.send(desk, drawn)
    told = desk.post(f"{drawn}/count", json={"area": square}).json()["words"]
    assert told.startswith("52 residents")
    nothing = asked.number(NOTHING)
    assert nothing > 20, "those without a contact, and those with one that is left out"
    assert told.endswith(f"; {nothing // 10 * 10} get nothing")
    review = desk.get(Form(desk.get(path).text).send(desk, path, "review").headers["location"]).text
    assert f'{row}<data id="no-contact" value="12">12</data>' in review
    assert f'<data id="without" value="{nothing}">' in review
    people = " ".join(re.sub(r"<[^>]+>", "", review.partition('<p class="people">')[2].partition("</p>")[0]).split())
    reasons = dict(re.findall(r"([a-z][a-z ]*): (\d+)[,)]", people.partition("(")[2]))
    assert people.startswith(f"52 residents in the area: {52 - nothing} get it, {nothing} get nothing (")
    assert set(reasons) == {"not subscribed to this topic", "not verified", "no contact on these channels"}
    assert sum(map(int, reasons.values())) == nothing


def test_the_alert_says_what_the_preview_said(desk: httpx.Client) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    page = desk.get(path).text
    Form(page).send(desk, path, "review")
    for (words,) in asked.rows("SELECT text FROM contents WHERE channel = 'sms'"):
        assert words.partition("http")[0].replace("'", "&#39;") in page


def test_what_the_linter_will_say_is_said_while_writing(desk: httpx.Client) -> None:
    path = started(desk)
    form = filled(desk, path)
    form.values |= {"blank.details": "SEE HTTPS://BIT.LY/X NOW!!! TBD", "blank.shelter": "TBD"}
    form.send(desk, path)
    page = desk.get(path).text
    answer = Form(page).send(desk, path, "review")
    with transaction() as s:
        found = linting.findings(s, s.get_one(Alert, int(answer.headers["location"].rpartition("/")[2])), settings())
    assert found
    for one in found:
        assert str(escape(one.wrong)) in page
        assert str(escape(one.instead)) in page
    named = {one.blank for one in found} - {None}
    assert {"details", "shelter"} & named
    for blank in named:
        assert f'<a href="#blank.{blank}">To the blank</a>' in page
        assert f'id="blank.{blank}"' in page


def test_two_reviews_at_once_make_one_alert(desk: httpx.Client) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    form, answers = form_of(desk, path), []

    def review() -> None:
        answers.append(form.send(desk, path, "review"))

    pressed = [threading.Thread(target=review) for _ in range(4)]
    for one in pressed:
        one.start()
    for one in pressed:
        one.join()
    assert asked.number("SELECT count(*) FROM alerts") == 1
    assert {one.status_code for one in answers} == {303}
    assert len({one.headers["location"] for one in answers}) == 1


def test_fields_that_the_sender_did_not_change_are_not_overwritten(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    mine, theirs = form_of(desk, path), form_of(desk, path)
    theirs.values["blank.shelter"] = "Library"
    theirs.send(desk, path)
    mine.values["blank.hazard"] = "wind"
    assert "#conflicts" not in mine.send(desk, path).headers["location"]
    kept = form_of(desk, path).values
    assert (kept["blank.shelter"], kept["blank.hazard"]) == ("Library", "wind")


def test_the_same_field_changed_by_two_shows_both_until_somebody_chooses(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    late = form_of(desk, path)
    first = form_of(at_desk("approver"), path)
    first.values["blank.shelter"] = "Central Library"
    first.send(desk, path)
    door = at_desk("author")
    late.values["blank.shelter"] = "City Hall"
    assert late.send(door, path).headers["location"].endswith("#conflicts")
    page = door.get(path).text
    assert "approver@tocsin.example.org changed this field while author@tocsin.example.org wrote something else" in page
    assert "Central Library" in page
    assert "City Hall" in page
    refused = filled(door, path).send(door, path, "review")
    assert refused.status_code == 409
    assert "wait for a choice" in refused.text
    value = asked.number("SELECT id FROM working_draft_values")
    chosen = {"value": str(value), "seen": "1", "use": "yes"}
    assert door.post(f"{path}/choose", data=chosen).status_code == 303
    assert door.post(f"{path}/choose", data=chosen).status_code == 303  # pressed twice
    assert form_of(door, path).values["blank.shelter"] == "City Hall"
    history = asked.rows("SELECT value FROM working_draft_values WHERE settled_at IS NOT NULL ORDER BY id")
    assert history == [("City Hall",), ("Central Library",)]


def test_the_same_person_in_two_windows_is_told_too(desk: httpx.Client) -> None:
    path = started(desk)
    one, other = form_of(desk, path), form_of(desk, path)
    one.values["blank.shelter"] = "Library"
    other.values["blank.shelter"] = "City Hall"
    one.send(desk, path)
    assert other.send(desk, path).headers["location"].endswith("#conflicts")
    one.values["blank.shelter"] = "Library, room 2"  # back in the first window, which has sent before
    one.send(desk, path)
    assert form_of(desk, path).values["blank.shelter"] == "Library, room 2"


def test_review_shows_first_what_a_colleague_changed(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    mine = form_of(desk, path)
    theirs = form_of(at_desk("approver"), path)
    theirs.values["blank.wind_mph"] = "90"
    theirs.send(desk, path)
    door = at_desk("author")
    refused = mine.send(door, path, "review")
    assert refused.status_code == 409
    assert "Strongest wind, in miles an hour: by approver@tocsin.example.org" in refused.text
    assert Form(refused.text).send(door, path, "review").status_code == 303


def test_what_a_colleague_changes_after_the_look_is_not_made_an_alert(
    desk: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They save between the check of what was shown and the making of the alert."""
    path = started(desk)
    filled(desk, path).send(desk, path)
    look = compose._require_seen

    def then_a_colleague_saves(saved: Saved, *shown: Any) -> None:
        look(saved, *shown)
        change = {"blank.hazard": Change("hurricane", saved.draft.fields["blank.hazard"]["version"])}
        with transaction() as s:
            colleague = factories.operator(s, "approver")
            working_drafts.save(s, saved.draft.id, change, colleague, datetime.now(UTC), tab="theirs")

    with monkeypatch.context() as patched:
        patched.setattr(compose, "_require_seen", then_a_colleague_saves)
        refused = form_of(desk, path).send(desk, path, "review")
    assert (refused.status_code, asked.number("SELECT count(*) FROM alerts")) == (409, 0)
    assert "Somebody changed this draft in the meantime." in refused.text
    assert Form(refused.text).send(desk, path, "review").status_code == 303


def test_unticked_zones_are_gone(desk: httpx.Client) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    form = form_of(desk, path)
    del form.values[zone_field()]
    form.send(desk, path)
    assert zone_field() not in form_of(desk, path).values
    assert "Choose where" in desk.get(path).text


def test_zones_that_the_filter_hides_are_kept(desk: httpx.Client) -> None:
    with transaction() as s:
        factories.zone(s, "Dockside", factories.square(3, 0))
    path = started(desk)
    filled(desk, path).send(desk, path)
    form = form_of(desk, path)
    form.values["find"] = "dock"
    found = form.send(desk, path, "find")
    page = desk.get(found.headers["location"]).text
    assert "Dockside" in page
    assert "Riverside" in page  # ticked, so it stays
    Form(page).send(desk, path)
    assert zone_field() in form_of(desk, path).values


def test_line_ends_of_browsers_are_no_change(desk: httpx.Client) -> None:
    path = started(desk)
    form = form_of(desk, path)
    form.values["blank.details"] = "\nFirst.\n\nSecond."
    form.send(desk, path)
    version = asked.number("SELECT version FROM working_drafts")
    form_of(desk, path).send(desk, path)
    assert asked.number("SELECT version FROM working_drafts") == version
    assert asked.rows("SELECT fields #>> '{blank.details,value}' FROM working_drafts") == [("\nFirst.\n\nSecond.",)]


def test_a_doubt_is_confirmed_for_one_area_only(desk: httpx.Client) -> None:
    path = started(desk)
    form = form_of(desk, path)
    form.values |= {"blank.hazard": "wind", "area": "10,10\n11,10\n11,11", "area_name": "Out there"}
    form.send(desk, path)
    form = form_of(desk, path)
    form.tick("confirm.outside-city")
    form.send(desk, path)
    page = desk.get(path).text
    assert "Yes, I mean this area" not in page
    form = Form(page)
    form.values["area"] = "20,10\n21,10\n21,11"
    form.send(desk, path)
    assert "Yes, I mean this area" in desk.get(path).text


def test_each_language_has_its_own_name_of_the_area(desk: httpx.Client) -> None:
    path = started(desk)
    form = form_of(desk, path)
    form.values |= {"blank.hazard": "wind", "around": "0.5, 0.5", "radius": "2,000 m", "area_name.es": "Casas viejas"}
    form.send(desk, path)
    page = desk.get(path).text
    assert "Name in English" in page
    assert "The area has no name in English. Give that, too." in page
    form = Form(page)
    form.values["area_name"] = "Homes along the river"
    form.send(desk, path)
    Form(desk.get(path).text).send(desk, path, "review")
    assert asked.rows("SELECT area_names FROM alerts") == [({"en": "Homes along the river", "es": "Casas viejas"},)]


def test_union_and_exclusion(desk: httpx.Client) -> None:
    with transaction() as s:
        factories.zone(s, "Dockside", factories.square(1, 0))
    path = started(desk)
    form = filled(desk, path)
    form.values |= {"around": "1.5, 0.5", "radius": "2,000 m", "area_name": "The harbor"}
    form.values |= {"but_area": '{"type":"Polygon","coordinates":[[[0,0],[0.6,0],[0.6,0.6],[0,0.6],[0,0]]]}'}
    form.send(desk, path)
    page = desk.get(path).text
    assert "<strong>none or fewer than 10</strong> residents" in page  # they live at 0.5, 0.5
    assert "Complete." in page


BAD = [
    ("radius", "500", "A radius is given without an address"),
    ("around", "Nowhere Street 5", "The circle has no radius"),
    ("streets", "N BROAD ST 1-" + "9" * 5000, "There is no street"),
    ("streets", "NO SUCH ST 5-9", "There is no street"),
    ("area", "{", "GeoJSON"),
    ("area", "1,2", "three corners"),
    ("area", "here", "not a pair of coordinates"),
    ("lasts", "soon", "not a duration"),
    ("expires_at", "tomorow", "not a valid time"),
    ("launch_at", "2020-01-01T00:00", "in the past"),
    ("blank.wind_mph", "much", "must be a whole number"),
    ("blank.starts", "2027-13-40T99:99", "must be a day and time"),
    *(
        ("blank.starts", value, "must be in a year from 2000 to 2200")
        for value in ("0001-01-01T00:00+00:00", "9999-12-31T23:59-12:00", "0001-01-01T00:00", "1999-12-31T23:59")
    ),
    ("severity", "Worst", "There is no severity"),
    ("status", "Really", "There is no status"),
]


def test_bad_input_is_kept_and_named(desk: httpx.Client) -> None:
    path = started(desk)
    for name, value, told in BAD:
        form = filled(desk, path)
        form.values[name] = value[:5000]
        assert form.send(desk, path).status_code == 303, name
        page = desk.get(path)
        assert told in page.text, name
        form = Form(page.text)
        assert form.send(desk, path, "review").status_code in {404, 409, 422}, name
        form.values[name] = ""
        form.send(desk, path)
    assert asked.number("SELECT count(*) FROM alerts") == 0


def test_fields_that_the_form_does_not_have_are_refused(desk: httpx.Client) -> None:
    path = started(desk)
    for name in ("blank.nonsense", "zone.999999", "zone.²", "confirm.x", "channel.pigeon", "created_by"):
        form = form_of(desk, path)
        form.values |= {"seen": f'{{"{name}": [0, ""]}}', name: "x"}
        answer = form.send(desk, path)
        assert answer.status_code == 422, name
        assert "There is no field" in answer.text
    form = form_of(desk, path)
    for seen in ("[", "[1]", '{"a": 1}', '{"a": ["x", 2]}', "null", '{"blank.hazard": [9e99, ""]}'):
        assert form.send(desk, path, seen=seen).status_code == 422, seen


def test_what_cannot_be_stored_is_left_out(desk: httpx.Client) -> None:
    path = started(desk)
    form = form_of(desk, path)
    form.values["blank.shelter"] = "Library\x00"
    assert form.send(desk, path).status_code == 303
    assert form_of(desk, path).values["blank.shelter"] == "Library"


def test_a_template_that_is_gone_from_the_catalogue(desk: httpx.Client) -> None:
    path = started(desk)
    with owning() as s:
        s.execute(text("UPDATE working_drafts SET event = 'eclipse'"))
    page = desk.get(path)
    assert page.status_code == 404
    assert "eclipse issue is no longer in the catalogue" in page.text
    assert desk.post(path, data={"seen": "{}", "do": "review"}).status_code == 404
    assert desk.get("/console/compose").status_code == 200
    assert desk.post(f"{path}/drop").status_code == 303


def test_a_session_that_ended_loses_nothing(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    form = filled(desk, path)
    form.values["blank.details"] = "Written\nin vain?"
    cookies = dict(desk.cookies)
    desk.cookies.clear()
    answer = form.send(desk, path)
    assert answer.status_code == 401
    assert "What you wrote is still in this page." in answer.text
    again = Form(answer.text.replace('<form method="post">', '<form method="post" id="draft">'))
    for name, value in cookies.items():
        desk.cookies.set(name, value)
    assert again.send(desk, path).status_code == 303
    assert form_of(desk, path).values["blank.details"] == "Written\nin vain?"


def test_agents_compose_collection_notices_only(at_desk: Desk, city: datetime) -> None:
    path = started(at_desk("author"))
    door = at_desk("agent")
    assert door.post("/console/compose", data={"template": "storm issue"}).status_code == 403
    own = started(door, "collection issue")
    assert door.get(path).status_code == 403
    assert door.post(path, data={"seen": "{}"}).status_code == 403
    assert door.post(f"{path}/drop").status_code == 403
    form = form_of(door, own)
    form.tick(zone_field())
    form.send(door, own)
    page = door.get(own).text
    assert "does not count residents" in page
    listed = door.get("/console/compose").text
    assert own in listed
    assert f'"{path}"' not in listed


def test_an_approver_may_compose_but_a_stranger_may_not(at_desk: Desk, city: datetime) -> None:
    started(at_desk("approver"))
    door = at_desk("author")
    door.cookies.clear()
    assert door.get("/console/compose").status_code == 303
    assert door.post("/console/compose", data={"template": "storm issue"}).status_code == 303
    assert asked.number("SELECT count(*) FROM working_drafts") == 1


def test_a_count_is_audited_once_for_an_area_and_its_channels(desk: httpx.Client) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    count = "SELECT count(*) FROM audit WHERE action = 'count'"
    for _ in range(3):
        desk.get(path)
    assert asked.number(count) == 1
    form = form_of(desk, path)
    del form.values["channel.email"]
    form.send(desk, path)
    desk.get(path)
    assert asked.number(count) == 2


def test_an_update_is_filled_in_from_its_incident(desk: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        first = factories.alert_draft(s, now=city, blanks={"hazard": "flood", "wind_mph": "80"}, status="Exercise")
    path = started(desk, "storm update", incident=str(first.incident_id))
    form = form_of(desk, path)
    assert form.values["blank.hazard"] == "flood"
    assert form.values["blank.wind_mph"] == "80"
    assert "channel.email" not in form.values
    page = desk.get(path).text
    assert f"The area of alert {first.id} (Riverside)" in page
    assert "<strong>40</strong> residents" in page
    assert form.send(desk, path, "review").status_code == 303
    assert asked.rows("SELECT phase, status, incident_id FROM alerts ORDER BY id DESC LIMIT 1") == [
        ("update", "Exercise", first.incident_id)
    ]
    for template, incident in (("snow update", str(first.incident_id)), ("storm update", "77"), ("storm update", "")):
        refused = desk.post("/console/compose", data={"template": template, "incident": incident})
        assert refused.status_code in {404, 422}


def test_the_zones_of_an_earlier_alert(desk: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        first = factories.alert_draft(s, now=city).id
    path = started(desk, "snow issue", zones_of=str(first))
    assert form_of(desk, path).values[zone_field()] == "on"
    assert desk.post("/console/compose", data={"template": "snow issue", "zones_of": "9e9"}).status_code == 422


def test_a_zone_that_was_retired_is_named_and_can_be_unticked(desk: httpx.Client) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    asked.do("UPDATE zones SET retired_at = now()")
    page = desk.get(path).text
    assert "has been retired" in page
    form = Form(page)
    del form.values[zone_field()]
    assert form.send(desk, path).status_code == 303
    assert "has been retired" not in desk.get(path).text


def test_sample_addresses_inside_and_just_outside(desk: httpx.Client) -> None:
    asked.do("""INSERT INTO address_points (source, number, street, lon, lat) VALUES
        ('t', 1, 'IN ST', 0.5, 0.5), ('t', 3, 'EDGE ST', 1.0005, 0.5), ('t', 5, 'FAR ST', 1.5, 0.5)""")
    path = started(desk)
    filled(desk, path).send(desk, path)
    page = desk.get(path).text
    assert "1 IN ST" in page
    assert "3 EDGE ST" in page
    assert "FAR ST" not in page


def test_a_drawn_area_may_be_uploaded(desk: httpx.Client) -> None:
    path = started(desk)
    form = form_of(desk, path)
    square = b'{"type":"Polygon","coordinates":[[[0,0],[0.9,0],[0.9,0.9],[0,0.9],[0,0]]]}'
    data = form.values | {"do": "save", "area_name": "Old Town"}
    assert desk.post(path, data=data, files={"file": ("a.geojson", square)}).status_code == 303
    assert "<strong>40</strong> residents" in desk.get(path).text
    data = form_of(desk, path).values | {"do": "save"}
    for content in (b"\xff\xfe\x00", b"x" * 600_000):
        assert desk.post(path, data=data, files={"file": ("a.geojson", content)}).status_code == 422


def test_a_draft_that_was_thrown_away_cannot_be_used(desk: httpx.Client) -> None:
    path = started(desk)
    form = filled(desk, path)
    assert desk.post(f"{path}/drop").status_code == 303
    answer = form.send(desk, path)
    assert answer.status_code == 409
    assert "thrown away" in answer.text
    assert f'"{path}"' not in desk.get("/console/compose").text


def test_old_drafts_are_forgotten(desk: httpx.Client) -> None:
    started(desk)
    with transaction() as s:
        working_drafts.forget_old(s, datetime.now(UTC) + timedelta(days=29))
    assert asked.number("SELECT count(*) FROM working_drafts") == 1
    with transaction() as s:
        working_drafts.forget_old(s, datetime.now(UTC) + timedelta(days=31))
    assert asked.number("SELECT count(*) FROM working_drafts") == 0


def test_a_price_is_shown_only_when_the_city_has_set_one(desk: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = started(desk)
    assert filled(desk, path).send(desk, path).status_code == 303
    page = desk.get(path).text
    assert "Will get it" in page
    assert ">Price<" not in page
    monkeypatch.setenv("TOCSIN_PRICES", "sms=0.02")
    settings.cache_clear()
    page = desk.get(path).text
    assert ">Price<" in page
    assert "about $" in page


def test_it_says_what_is_in_force_there_already(desk: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.sender(s, now=city)
        other = factories.alert_ready(s, event="snow", now=city).id
        lifecycle.launch(s, other, None, city)
    path = started(desk)
    assert "In force there already" not in desk.get(path).text
    assert filled(desk, path).send(desk, path).status_code == 303
    page = desk.get(path).text
    assert "In force there already" in page
    assert f'href="/console/alerts/{other}">Snow alert {other}</a>' in page.replace("\n", "")
    assert "all of this area" in page
    made = Form(page).send(desk, path, "review").headers["location"]
    assert "In force there already" in desk.get(made).text
