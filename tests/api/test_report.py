"""Files of the after-action report, over REST and at the console."""

import csv
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from notify.alerts.counts import RunningCount
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.waiting import until

Headers = dict[str, str]


def test_rest_gives_the_report_as_a_file(door: httpx.Client, key: Callable[..., Headers], city: datetime) -> None:
    number = factories.alert_resolved(now=city, channels=("sms", "email"))
    path, headers = f"/api/v1/alerts/{number}/report", key("author")
    pdf = door.get(path, params={"format": "pdf"}, headers=headers)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    table = door.get(path, params={"format": "csv"}, headers=headers)
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(table.content.decode("utf-8-sig").splitlines()))
    assert rows[0] == ["section", "item", "figure", "value"]
    assert "words" in door.get(path, headers=headers).json(), "without a format it is as it was"


def test_who_and_when(door: httpx.Client, key: Callable[..., Headers], city: datetime) -> None:
    number = factories.alert_resolved(now=city)
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
    path = f"/api/v1/alerts/{number}/report"
    author = key("author")
    assert door.get(path, params={"format": "csv"}, headers=key("agent")).status_code == 403
    assert door.get(path, params={"format": "csv"}, headers=key(None)).status_code == 403
    early = door.get(f"/api/v1/alerts/{draft}/report", params={"format": "csv"}, headers=author)
    assert (early.status_code, early.json()["detail"]) == (409, f"Alert {draft} has not been launched.")
    assert door.get(path, params={"format": "xls"}, headers=author).status_code == 422


def test_rest_gives_the_report_of_an_incident(door: httpx.Client, key: Callable[..., Headers], city: datetime) -> None:
    number = factories.alert_resolved(now=city, channels=("sms",))
    incident = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=number)
    path, headers = f"/api/v1/incidents/{incident}/report", key("author")
    document = door.get(path, headers=headers).json()
    assert [one["progress"]["id"] for one in document["alerts"]] == [number]
    table = door.get(path, params={"format": "csv"}, headers=headers)
    rows = list(csv.reader(table.content.decode("utf-8-sig").splitlines()))
    assert rows[0] == ["alert number", "section", "item", "figure", "value"]
    assert door.get(path, params={"format": "pdf"}, headers=headers).content.startswith(b"%PDF-")
    assert door.get(path, params={"format": "xls"}, headers=headers).status_code == 422
    assert door.get("/api/v1/incidents/999/report", headers=headers).status_code == 404
    assert door.get(path, headers=key("agent")).status_code == 403


def test_the_page_leads_to_the_incident_and_to_the_alert_before(
    at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    """One name for a language in all of its tables."""
    with transaction() as s:
        factories.resident(s, language="es", now=city)
    first = factories.alert_resolved(now=city)
    incident = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=first)
    second = factories.alert_resolved(now=city + timedelta(seconds=1), incident=incident, phase="update")
    page = at_desk("author").get(f"/console/alerts/{second}/report").text
    assert f'<a href="/console/incidents/{incident}/report">' in page
    assert f'<a href="/console/alerts/{first}/report">It updates alert {first}.</a>' in page
    shown = page.split("<main")[1].split("</main>")[0]
    assert "Spanish" in shown
    assert "Español" not in shown
    whole = at_desk("author").get(f"/console/incidents/{incident}/report").text
    assert f'<a href="#alert-{second}">Alert {second} has replaced it.</a>' in whole


def test_the_report_of_an_all_clear_to_a_part_ends_nothing_elsewhere(
    at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    with transaction() as s:
        factories.zone(s, "Docks", factories.square(2, 0), now=city)
    first = factories.alert_resolved(now=city, zones=("Riverside", "Docks"))
    incident = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=first)
    clear = {"incident": incident, "phase": "all-clear"}
    part = factories.alert_resolved(now=city + timedelta(seconds=1), zones=("Docks",), **clear)
    desk = at_desk("author")
    assert "that ends alert" not in desk.get(f"/console/alerts/{part}/report").text
    assert "has ended it" not in desk.get(f"/console/alerts/{first}/report").text
    whole = factories.alert_resolved(now=city + timedelta(seconds=2), zones=("Riverside", "Docks"), **clear)
    ended = desk.get(f"/console/alerts/{first}/report").text
    assert f'<a href="/console/alerts/{whole}/report">All-clear {whole} has ended it.</a>' in ended
    assert f"It is the all-clear that ends alert {first}." in desk.get(f"/console/alerts/{whole}/report").text


def test_a_download_asks_for_a_new_proof(at_desk: Callable[[str], httpx.Client], city: datetime) -> None:
    number = factories.alert_resolved(now=city)
    desk = at_desk("author")
    path = f"/console/alerts/{number}/report.csv"
    assert desk.get(path).status_code == 200
    asked.do("UPDATE sessions SET proven_at = :old", old=city - timedelta(hours=1))
    refused = desk.get(path)
    assert refused.status_code == 303
    assert refused.headers["location"].startswith("/console/prove?next=")
    assert desk.get(f"/console/alerts/{number}/report").status_code == 200, "reading the page needs none"


def test_results_by_zone_renew_themselves_while_it_is_sent(
    at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    number = factories.alert_resolved(now=city)
    path = f"/console/alerts/{number}/zones"
    desk = at_desk("author")
    assert f'hx-get="{path}" hx-trigger="load"' in desk.get(f"/console/alerts/{number}").text
    assert "Residents by zone, so far" in desk.get(path).text
    asked.do("UPDATE alerts SET state = 'cancelled', finished_at = :then", then=city - timedelta(hours=1))
    asked.do(
        "UPDATE deliveries SET state = 'cancelled', reason = 'cancelled', settled_at = now() WHERE batch_id IS NOT NULL"
    )
    until(lambda: "so far" not in desk.get(path).text, 60, "it is over")
    assert desk.get(path).status_code == 200
    assert at_desk("agent").get(path).status_code == 403, "the numbers of a small zone tell of single homes"


def test_results_by_zone_of_very_many_say_when_they_were_counted(
    at_desk: Callable[[str], httpx.Client], city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not counted each second, so they are not as new as the other numbers."""
    number = factories.alert_resolved(now=city)
    monkeypatch.setattr(RunningCount, "AT_ONCE", 3)
    path = f"/console/alerts/{number}/zones"
    desk = at_desk("author")
    page = desk.get(path).text
    assert 'hx-trigger="load delay:5s"' in page
    assert re.search(r"Counted at <time[^>]*>[^<]+</time>; the numbers above may be newer", page)
    asked.do("UPDATE alerts SET state = 'cancelled', finished_at = :then", then=city - timedelta(hours=1))
    asked.do(
        "UPDATE deliveries SET state = 'cancelled', reason = 'cancelled', settled_at = now() WHERE batch_id IS NOT NULL"
    )
    until(lambda: "hx-trigger" not in (page := desk.get(path).text) and "Counted" not in page, 60, "it is over")


def test_results_by_zone_of_a_draft_are_empty(at_desk: Callable[[str], httpx.Client], city: datetime) -> None:
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
    assert "<table" not in at_desk("author").get(f"/console/alerts/{draft}/zones").text
