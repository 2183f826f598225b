"""What a later alert of its incident has replaced or ended, on Now, its page, and the list of alerts."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from notify.alerts import lifecycle
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.api.test_incidents import incident_of, words
from tests.api.test_now import part

Desk = Callable[[str], httpx.Client]


def sent(now: datetime, **draft: object) -> int:
    """One whose messages have all left: an all-clear does not cancel it."""
    number = factories.alert_launched(now=now, **draft)
    asked.do("UPDATE alerts SET state = 'sent', finished_at = launched_at WHERE id = :id", id=number)
    return number


def section(page: str, heading: str) -> str:
    return words(page.split(f'<h2 id="{heading}">')[1].partition("</section>")[0])


def test_only_the_alert_in_force_tells_a_zone_and_stands_beside_others(at_desk: Desk, city: datetime) -> None:
    """The minutes of a zone beside it run from the first alert on. What an update leaves out is told by the first."""
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0), now=city)
        factories.zone(s, "Hilltop", factories.square(-1, 0), now=city)
    first = factories.alert_launched(
        now=city - timedelta(minutes=12), zones=("Riverside", "Hilltop"), expires_at=city + timedelta(hours=5)
    )
    incident = incident_of(first)
    update = factories.alert_launched(now=city, incident=incident, phase="update")
    client = at_desk("author")
    told = section(client.get(f"/console/incidents/{incident}").text, "reach-title")
    assert f"Riverside custom: alert {update}" in told
    assert f"Hilltop custom: alert {first}" in told
    assert f"alert {first}, alert {update}" not in told
    assert f"alert {update}, alert {first}" not in told
    gaps = part(client.get("/console").text, "gaps")
    assert gaps.startswith(f"Beside a danger, without a message Harbor custom zone beside alert {update} 12 minutes")


def test_what_an_all_clear_ended_stays_ended_when_it_expires(at_desk: Desk, city: datetime) -> None:
    """Its zone is not told of the danger again, and had its message: it is no gap beside the danger that goes on."""
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0), now=city)
    first = sent(city, zones=("Riverside", "Harbor"), expires_at=city + timedelta(hours=6))
    incident = incident_of(first)
    client = at_desk("author")
    assert "Harbor" in part(client.get("/console").text, "zones"), "and what was seen then is not shown again"
    short = {"zones": ("Harbor",), "expires_at": city + timedelta(minutes=2)}
    factories.alert_launched(now=city + timedelta(seconds=1), incident=incident, phase="all-clear", **short)
    with transaction() as s:
        lifecycle.expire_due(s, city + timedelta(minutes=3))
    told = section(client.get(f"/console/incidents/{incident}").text, "reach-title")
    assert f"Riverside custom: alert {first}" in told
    assert "Harbor" not in told
    page = client.get("/console").text
    assert part(page, "gaps") == ""
    assert "Harbor custom" not in part(page, "zones")
    again = sent(city + timedelta(seconds=2), incident=incident, phase="update", zones=("Harbor",))
    told = section(client.get(f"/console/incidents/{incident}").text, "reach-title")
    assert f"Harbor custom: alert {again}" in told


def test_an_exercise_tells_no_zone_of_a_real_incident(at_desk: Desk, city: datetime) -> None:
    first = factories.alert_launched(now=city)
    factories.alert_launched(now=city, incident=incident_of(first), phase="update", status="Exercise")
    told = section(at_desk("author").get(f"/console/incidents/{incident_of(first)}").text, "reach-title")
    assert told.endswith(f"Riverside custom: alert {first}")


def test_a_zone_that_another_incident_has_cleared_is_named_beside_a_danger(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0), now=city)
    over = sent(city, zones=("Harbor",))
    factories.alert_launched(
        now=city + timedelta(seconds=1), incident=incident_of(over), phase="all-clear", zones=("Harbor",)
    )
    factories.alert_launched(now=city + timedelta(seconds=2))
    assert "Harbor" in part(at_desk("author").get("/console").text, "gaps")


def test_replaced_alerts_stand_apart_and_name_what_replaced_them(at_desk: Desk, city: datetime) -> None:
    first = sent(city)
    incident = incident_of(first)
    update = sent(city + timedelta(seconds=1), incident=incident, phase="update", corrects=True)
    client = at_desk("author")
    page = client.get("/console").text
    assert f'id="force-{update}"' in page.split('id="now-force"')[1].split('id="now-')[0]
    assert part(page, "force").count("Severe thunderstorm") == 1
    assert "correction" in part(page, "force")
    assert f"replaced by alert {update}" in part(page, "replaced")
    assert "ends" not in part(page, "replaced")
    clear = factories.alert_launched(now=city + timedelta(seconds=2), incident=incident, phase="all-clear")
    replaced = part(client.get("/console").text, "replaced")
    assert replaced.count(f"ended by all-clear {clear}") == 2


def test_an_all_clear_is_no_danger_that_goes_on(at_desk: Desk, city: datetime) -> None:
    first = factories.alert_launched(now=city)
    assert 'class="key clear"' not in at_desk("author").get("/console").text
    factories.alert_launched(now=city + timedelta(seconds=1), incident=incident_of(first), phase="all-clear")
    page = at_desk("author").get("/console").text
    assert 'class="area clear"' in page
    assert "All-clear" in part(page, "map")
    assert "the danger there is over; launched" in part(page, "force")
    assert "ends" not in part(page, "force")
    present = section(at_desk("author").get(f"/console/incidents/{incident_of(first)}").text, "present-title")
    assert present.startswith("An all-clear is the last word")
    assert "ends" not in present.split("Launched")[1].split(".")[0]


def test_the_list_says_what_each_alert_is_to_its_incident(at_desk: Desk, city: datetime) -> None:
    first = sent(city)
    incident = incident_of(first)
    fixed = sent(city + timedelta(seconds=1), incident=incident, phase="update", corrects=True)
    clear = factories.alert_launched(now=city + timedelta(seconds=2), incident=incident, phase="all-clear")
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
    rows = {
        int(number): words(row)
        for row in at_desk("author").get("/console/alerts").text.split("<tr")[2:]
        for number in re.findall(r'<td class="n">(\d+)', row)
    }
    assert f"ended by all-clear {clear}" in rows[first]
    assert "Severe thunderstorm update correction" in rows[fixed]
    assert f"ended by all-clear {clear}" in rows[fixed]
    assert "Severe thunderstorm all-clear" in rows[clear]
    assert "ed by" not in rows[clear]
    assert asked.rows("SELECT count(*) AS n FROM alerts")[0].n == len(rows)
    page = at_desk("author").get("/console/alerts").text
    assert page.count('data-label="Launched"><time') == 3
    assert f"{draft} Severe thunderstorm alert" in rows[draft]


def test_an_all_clear_to_a_part_is_replaced_by_what_reaches_that_part(at_desk: Desk, city: datetime) -> None:
    """Not by an update for the rest; but a new alert of the incident says that the danger begins anew."""
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0), now=city)
    first = sent(city, zones=("Riverside", "Harbor"))
    incident = incident_of(first)
    clear = sent(city + timedelta(seconds=1), incident=incident, phase="all-clear", zones=("Harbor",))
    update = sent(city + timedelta(seconds=2), incident=incident, phase="update")
    client = at_desk("author")
    page = client.get("/console").text
    assert f'id="force-{clear}"' in page
    assert part(page, "replaced").startswith("Replaced 1 alert"), f"{first}, which the two replace together"
    assert f"replaced by alert {update}" in part(page, "replaced")
    anew = sent(city + timedelta(seconds=3), incident=incident, phase="issue", zones=("Harbor",))
    assert f"replaced by alert {anew}" in part(client.get("/console").text, "replaced")


def test_danger_cleared_in_parts_is_the_last_word_until_the_last_part(
    at_desk: Desk, door: httpx.Client, city: datetime
) -> None:
    """At the desk, and for residents who open the link that they got."""
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0), now=city)
    first = sent(city, zones=("Riverside", "Harbor"), expires_at=city + timedelta(hours=6))
    incident = incident_of(first)
    clears = []
    client = at_desk("author")
    for second, zone in enumerate(("Harbor", "Riverside"), 1):
        at = city + timedelta(seconds=second)
        clears.append(sent(at, incident=incident, phase="all-clear", zones=(zone,)))
        page = client.get(f"/console/incidents/{incident}").text
        present = section(page, "present-title")
        if zone == "Harbor":
            assert '<h2 id="present-title">In force now</h2>' in page
            assert f"{first} in Riverside and Harbor Now only in Riverside" in present
            assert f"all-clear {clears[0]}" not in present
    assert '<h2 id="present-title">An all-clear is the last word</h2>' in page
    assert all(f"all-clear {one}" in present for one in clears)
    public = door.get(f"/alerts/{first}").text
    assert '<article class="notice whole past">' in public
    assert "This alert is not in force any more." in public
    assert [f'href="/alerts/{one}"' in public for one in clears] == [True, True]
    assert "Until" not in words(public)
    assert "What it said" in public


def test_an_alert_that_was_replaced_does_not_say_when_it_ends(at_desk: Desk, city: datetime) -> None:
    first = sent(city, expires_at=city + timedelta(hours=6))
    client = at_desk("author")
    assert "It ends" in words(client.get(f"/console/alerts/{first}").text)
    sent(city + timedelta(seconds=1), incident=incident_of(first), phase="update")
    page = words(client.get(f"/console/alerts/{first}").text)
    assert "It is not in force any more." in page
    assert "It ends" not in page
