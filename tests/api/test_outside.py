"""What other agencies say stands beside our own, with its age. None of it is trusted, and none of it sends anything."""

import html
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from notify.alerts import lifecycle
from notify.cli import outside
from notify.core.db import transaction
from notify.models import OutsideFeed, OutsideWarning
from notify.outside.messages import Words
from tests import factories
from tests.api import asked
from tests.factories import square
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]
Keys = Callable[..., dict[str, str]]
FLOOD = Words(
    "en-US", "Flood Warning", "Brook Creek is rising", "Water reaches Mill Street.", "Move to higher ground now."
)
INUNDACION = Words("es-US", "Aviso de inundación", "Sube el arroyo", "El agua llega a Mill Street.", "Suba ahora.")
EVIL = Words("en-US", "<script>alert(1)</script>", "<b>high</b>", "'\"><img src=x>", "{{ 7 * 7 }}")


def warned(area: Any = None, **more: Any) -> int:
    with transaction() as s:
        return factories.outside_warning(s, area, **more)


def launched(now: datetime, **draft: Any) -> int:
    with transaction() as s:
        alert = factories.alert_ready(s, now=now, **draft)
        lifecycle.launch(s, alert.id, None, now)
        return alert.id


def section(page: str, name: str) -> str:
    """A section by the id of its heading, in plain words."""
    found = re.search(rf'<section[^>]*aria-labelledby="{name}-title".*?</section>', page, re.DOTALL)
    return plain(found[0]) if found else ""


def plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_without_feeds_nothing_is_shown(at_desk: Desk, city: datetime) -> None:
    launched(city)
    page = at_desk("author").get("/console").text
    assert ("outside-title" in page, 'class="outside"' in page) == (False, False)


def test_now_shows_who_says_what_where_for_how_long_and_since_when(at_desk: Desk, city: datetime) -> None:
    number = warned(square(0.2, 0.2, 0.5), now=city, words=[FLOOD])
    page = at_desk("agent").get("/console").text
    said = section(page, "outside")
    assert said.startswith("What others say Flood Warning Brook County Severe; Riverside; until ")
    assert " 7 minutes since " in said
    assert said.endswith("Brook County: read just now.")
    assert f'href="/console/outside/{number}"' in page
    assert page.count('<path class="outside"') == 1
    assert "Flood Warning" not in section(page, "force")


def test_one_without_an_area_stands_with_its_own_words_for_the_place(at_desk: Desk, city: datetime) -> None:
    warned(now=city)
    page = at_desk("agent").get("/console").text
    assert "; Mill Street (no area drawn) ;" in section(page, "outside")
    assert 'class="outside"' not in page


def test_a_feed_that_fails_and_messages_that_cannot_be_read_are_named(at_desk: Desk, city: datetime) -> None:
    warned(now=city)
    with transaction() as s:
        feed = s.scalars(select(OutsideFeed)).one()
        feed.error, feed.unreadable = "it answers 503", ["brook-2: <b>bad</b>"]
    page = at_desk("agent").get("/console").text
    assert "Brook County cannot be read: it answers 503. It was last read" in section(page, "outside")
    assert "1 message could not be read : Brook County brook-2: <b>bad</b>" in section(page, "outside")


def test_what_is_over_is_gone_from_now_but_keeps_its_page(at_desk: Desk, city: datetime) -> None:
    launched(city)
    number = warned(square(0, 0), now=city)
    asked.do("UPDATE outside_warnings SET ended_at = now()")
    desk = at_desk("agent")
    assert "No other agency warns the city." in section(desk.get("/console").text, "outside")
    assert "This warning is over" in desk.get(f"/console/outside/{number}").text
    assert desk.get("/console/outside/99").status_code == 404


def test_its_page_has_the_whole_text_in_every_language(at_desk: Desk, city: datetime) -> None:
    number = warned(square(0, 0), now=city, words=[FLOOD, INUNDACION])
    page = at_desk("agent").get(f"/console/outside/{number}").text
    assert '<article lang="es-US">' in page
    assert all(words in plain(page) for words in (*vars_of(FLOOD), *vars_of(INUNDACION)))
    assert "No alert of ours is in force" in page


def vars_of(words: Words) -> list[str]:
    return [words.headline, words.description, words.instruction]


def test_it_is_laid_beside_one_of_our_alerts(at_desk: Desk, city: datetime) -> None:
    first = launched(city, channels=("sms",))
    with transaction() as s:
        factories.zone(s, "Elsewhere", square(3, 3), now=city)
    second = launched(city + timedelta(seconds=1), zones=("Elsewhere",), channels=("sms",))
    number = warned(square(0, 0), now=city, words=[FLOOD, INUNDACION])
    desk = at_desk("author")
    page = desk.get(f"/console/outside/{number}").text
    assert re.search(rf'<option value="{first}" selected>', page)  # ours in its area
    theirs, ours = re.findall(
        r'<blockquote class="as-sent compared" lang="en[^"]*">(.*?)</blockquote>', page, re.DOTALL
    )
    assert plain(theirs) == " ".join(vars_of(FLOOD))
    sent = asked.rows(f"SELECT text FROM contents WHERE alert_id = {first} AND language = 'en'")[0].text
    assert plain(ours) == " ".join(sent.split())
    assert re.search(r'lang="es-US">', page)  # our Spanish message beside theirs
    other = desk.get(f"/console/outside/{number}?alert={second}").text
    assert re.search(rf'<option value="{second}" selected>', other)
    assert desk.get(f"/console/outside/{number}?alert=999").status_code == 200


def test_the_words_of_each_side_alone_are_marked_if_they_share_enough(at_desk: Desk, city: datetime) -> None:
    alert = launched(city, channels=("sms",))
    sent = asked.rows(f"SELECT text FROM contents WHERE alert_id = {alert} AND language = 'en'")[0].text
    like = Words("en-US", "Storm", "", f"{sent} Bring a lamp.", "")
    number = warned(square(0, 0), now=city, words=[like])
    page = at_desk("author").get(f"/console/outside/{number}").text
    assert "<del> Bring a lamp.</del>" in page
    assert "Struck words are" in plain(page)
    unlike = warned(square(0, 0), now=city, words=[FLOOD], identifier="another")
    page = at_desk("author").get(f"/console/outside/{unlike}").text
    assert "<del>" not in page
    assert "are shown without marks" in page


def test_replaced_alerts_and_all_clears_are_not_offered(at_desk: Desk, city: datetime) -> None:
    first = launched(city, channels=("sms",))
    number = warned(square(0, 0), now=city, words=[FLOOD])
    incident = asked.number(f"SELECT incident_id FROM alerts WHERE id = {first}")
    second = launched(city + timedelta(seconds=1), phase="update", incident=incident)
    page = at_desk("author").get(f"/console/outside/{number}").text
    assert re.findall(r'<option value="(\d+)"', page) == [str(second)]
    launched(city + timedelta(seconds=2), phase="all-clear", incident=incident)
    assert "No alert of ours is in force" in at_desk("author").get(f"/console/outside/{number}").text


@pytest.mark.parametrize("phase", ["update", "all-clear"])
def test_what_went_to_a_part_hides_no_danger_that_goes_on(at_desk: Desk, city: datetime, phase: str) -> None:
    with transaction() as s:
        factories.zone(s, "Elsewhere", square(3, 3), now=city)
    both = ("Riverside", "Elsewhere")
    first = launched(city, channels=("sms",), zones=both)
    number = warned(square(0, 0), now=city, words=[FLOOD])
    incident = asked.number(f"SELECT incident_id FROM alerts WHERE id = {first}")
    later = launched(city + timedelta(seconds=1), phase=phase, incident=incident, zones=("Elsewhere",))
    page = at_desk("author").get(f"/console/outside/{number}").text
    offered = [str(first), *([str(later)] if phase == "update" else [])]
    assert re.findall(r'<option value="(\d+)"', page) == offered
    assert re.search(rf'<option value="{first}" selected>', page)
    launched(city + timedelta(seconds=2), phase="all-clear", incident=incident, zones=both)
    assert "No alert of ours is in force" in at_desk("author").get(f"/console/outside/{number}").text


def test_practice_is_laid_beside_nothing(at_desk: Desk, city: datetime) -> None:
    launched(city, status="Exercise")
    number = warned(square(0, 0), now=city, words=[FLOOD])
    assert "No alert of ours is in force" in at_desk("author").get(f"/console/outside/{number}").text


def test_all_of_it_is_a_strangers_text(at_desk: Desk, key: Keys, city: datetime) -> None:
    launched(city)
    number = warned(square(0, 0), now=city, words=[EVIL], agency="<u>County")
    desk = at_desk("author")
    for path in ("/console", f"/console/outside/{number}"):
        page = desk.get(path).text
        assert "&lt;script&gt;alert(1)" in page
        assert not re.search(r"<script>alert|<u>County|<img src=x", page)
    assert "{{ 7 * 7 }}" in desk.get(f"/console/outside/{number}").text


def test_compose_and_review_show_it_where_it_meets_the_area(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Elsewhere", square(3, 3), now=city)
        draft = factories.alert_draft(s, now=city).id
        away = factories.alert_draft(s, zones=("Elsewhere",), now=city).id
    number = warned(square(0, 0, 0.5), now=city, words=[FLOOD])
    desk = at_desk("author")
    said = "What others say there: Brook County: Flood Warning"
    assert said in plain(desk.get(f"/console/alerts/{draft}").text)
    assert said not in plain(desk.get(f"/console/alerts/{away}").text)
    opened = desk.post("/console/compose", data={"template": "storm issue", "outside": str(number)})
    page = plain(desk.get(opened.headers["location"]).text)
    assert said in page
    assert "all of this area" in page.partition(said)[2]


def test_an_alert_about_its_area_starts_with_its_polygon(at_desk: Desk, city: datetime) -> None:
    number, unknown = warned(square(0.25, 0.25, 0.5), now=city), warned(identifier="codes", now=city)
    desk = at_desk("author")
    assert f'href="/console/compose?outside={number}"' in desk.get(f"/console/outside/{number}").text
    assert "/console/compose?outside" not in desk.get(f"/console/outside/{unknown}").text
    assert f'name="outside" value="{number}"' in desk.get(f"/console/compose?outside={number}").text
    opened = desk.post("/console/compose", data={"template": "storm issue", "outside": str(number)})
    assert opened.status_code == 303
    area = asked.rows("SELECT fields->'area'->>'value' AS area FROM working_drafts")[0].area
    assert asked.rows("SELECT CAST(:area AS jsonb)->>'type' AS type", area=area)[0].type == "Polygon"
    assert "0.75" in area
    for wrong, why in (
        (str(unknown), "only by codes of places"),
        ("99", "There is no warning 99"),
        ("x", "'x' is not the number of a warning"),
    ):
        refused = desk.post("/console/compose", data={"template": "storm issue", "outside": wrong})
        assert why in plain(refused.text)
    assert asked.number("SELECT count(*) FROM alerts") == 0


def test_a_damaged_area_hides_no_other_and_breaks_no_page(at_desk: Desk, key: Keys, city: datetime) -> None:
    launched(city)
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
    whole, damaged = warned(square(0, 0), now=city), warned(square(0, 0), identifier="damaged", now=city)
    as_owner(f"UPDATE outside_warnings SET area = 'x' WHERE id = {damaged}")
    desk = at_desk("author")
    assert section(desk.get("/console").text, "outside").count("Flood Warning") == 2
    assert [one["properties"]["id"] for one in desk.get("/console/outside/areas").json()["features"]] == [whole]
    assert f'href="/console/outside/{whole}"' in desk.get(f"/console/alerts/{draft}").text
    assert desk.get(f"/console/outside/{damaged}").status_code == 200
    found = desk.get("/api/v1/outside-warnings", headers=key("agent")).json()["warnings"]
    assert {one["id"]: one["area"] is None for one in found} == {whole: False, damaged: True}


def test_an_agent_sees_it_and_writes_nothing(at_desk: Desk, city: datetime) -> None:
    number = warned(square(0, 0), now=city)
    assert "Write an alert about this area" not in at_desk("agent").get(f"/console/outside/{number}").text


def test_the_maps_get_its_area(at_desk: Desk, city: datetime) -> None:
    number = warned(square(0, 0), now=city)
    warned(identifier="codes", now=city)
    found = at_desk("agent").get("/console/outside/areas").json()
    assert [one["properties"]["id"] for one in found["features"]] == [number]


def test_programs_and_the_gravest_first(door: httpx.Client, key: Keys, city: datetime) -> None:
    newer = warned(square(0, 0), now=city, words=[FLOOD])
    warned(identifier="older", now=city, sent=city - timedelta(hours=1))
    graver = warned(identifier="graver", now=city, sent=city - timedelta(hours=2))
    as_owner(f"UPDATE outside_warnings SET severity = 'Extreme' WHERE id = {graver}")
    found = door.get("/api/v1/outside-warnings", headers=key("agent")).json()
    assert [one["id"] for one in found["warnings"]][:2] == [graver, newer]
    one = found["warnings"][1]
    assert (one["agency"], one["zones"], one["area"]["type"]) == ("Brook County", ["Riverside"], "Polygon")
    assert one["words"][0]["instruction"] == "Move to higher ground now."
    assert found["feeds"][0]["failures"] == 0
    as_owner("UPDATE outside_warnings SET end_given = false")
    assert door.get("/api/v1/outside-warnings", headers=key("agent")).json()["warnings"][0]["ends_at"] is None


def test_how_many_are_left_out_is_said(
    at_desk: Desk, key: Keys, city: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    number = warned(now=city)
    fields = ", ".join(OutsideWarning.__table__.columns.keys()[1:])
    copies = fields.replace("identifier", "'n' || n").replace(" key", " 'k' || n")
    as_owner(
        f"INSERT INTO outside_warnings ({fields}) SELECT {copies} FROM outside_warnings, generate_series(1, 204) AS n"
        f" WHERE id = {number}"
    )
    desk = at_desk("agent")
    assert "and 165 more" in section(desk.get("/console").text, "outside"), "40 of 205 are listed"
    found = desk.get("/api/v1/outside-warnings", headers=key("agent")).json()
    assert (len(found["warnings"]), found["left_out"]) == (200, 5)
    outside.list_()
    assert "and 5 more, none of them graver than these" in capsys.readouterr().out
    outside.list_(as_json=True)
    assert json.loads(capsys.readouterr().out)["left_out"] == 5


def test_a_message_of_two_feeds_stands_once_with_both_named(
    at_desk: Desk, key: Keys, city: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = city - timedelta(minutes=3)
    number = warned(square(0, 0), now=city, sent=sent)
    with transaction() as s:
        there = s.scalars(select(OutsideWarning)).one()
        s.add(OutsideFeed(address="x", agency="State Police", asked_at=city, read_at=city))
        values = {name: getattr(there, name) for name in OutsideWarning.__table__.columns.keys()[1:]}
        s.add(OutsideWarning(**values | {"feed": "x", "agency": "State Police"}))
    desk = at_desk("agent")
    both = "Brook County and State Police"
    said = section(desk.get("/console").text, "outside")
    assert (said.count("Flood Warning"), said.count(both)) == (1, 1)
    assert both in plain(desk.get(f"/console/outside/{number}").text)
    found = desk.get("/api/v1/outside-warnings", headers=key("agent")).json()["warnings"]
    assert [(one["agency"], one["agencies"]) for one in found] == [("Brook County", ["Brook County", "State Police"])]
    outside.list_(as_json=True)
    assert [one["agencies"] for one in json.loads(capsys.readouterr().out)["warnings"]] == [found[0]["agencies"]]


@pytest.mark.parametrize("language", ["es"])
def test_in_spanish_the_spanish_words_come_first(at_desk: Desk, city: datetime, language: str) -> None:
    number = warned(square(0, 0), now=city, words=[FLOOD, INUNDACION])
    desk = at_desk("author")
    desk.post("/console/language", data={"language": language})
    assert "Aviso de inundación" in section(desk.get("/console").text, "outside")
    assert '<h1><span lang="es-US">Aviso de inundación</span>' in desk.get(f"/console/outside/{number}").text
