"""Feeds: one test for each rule of their formats that a reader relies on."""

import json
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import shapely
from shapely.geometry import Polygon, shape

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.test_pages import launched
from tests.api.test_public_alerts import over

A = "{http://www.w3.org/2005/Atom}"
KINDS = {
    "atom": "application/atom+xml", "rss": "application/rss+xml", "json": "application/feed+json",
    "geojson": "application/geo+json",
}  # fmt: skip


def parsed(body: bytes) -> ET.Element:
    return ET.fromstring(body)  # noqa: S314  our own


def atom(door: httpx.Client, name: str = "active", language: str = "en") -> ET.Element:
    return parsed(door.get(f"/feeds/{name}.atom?lang={language}").content)


def items(door: httpx.Client, name: str = "active", language: str = "en") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = door.get(f"/feeds/{name}.json?lang={language}").json()["items"]
    return found


@pytest.mark.parametrize(("kind", "media"), KINDS.items())
def test_each_format_has_its_media_type_and_is_open_to_other_sites(door: httpx.Client, kind: str, media: str) -> None:
    for name in ("active", "recent"):
        answer = door.get(f"/feeds/{name}.{kind}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{media}; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "*"


def test_pages_lead_to_the_feeds(door: httpx.Client) -> None:
    for path in ("/", "/alerts"):
        for kind, media in KINDS.items():
            assert f'<link rel="alternate" type="{media}"' in door.get(path).text
            assert f'href="/feeds/active.{kind}?lang=en"' in door.get(path).text


def test_what_is_no_feed_is_not_found(door: httpx.Client) -> None:
    assert door.get("/feeds/active.csv").status_code in {404, 422}
    assert door.get("/feeds/secret.atom").status_code in {404, 422}


def test_an_atom_feed_has_exactly_one_id_title_and_updated(door: httpx.Client, city: datetime) -> None:
    launched(city)
    feed = atom(door)
    (entry,) = feed.findall(f"{A}entry")
    for element in (feed, entry):  # RFC 4287 sections 4.1.1 and 4.1.2
        for name in ("id", "title", "updated"):
            assert len(element.findall(A + name)) == 1, name
    assert datetime.fromisoformat(entry.findtext(f"{A}updated") or "") == city.replace(microsecond=0)
    assert feed.findtext(f"{A}author/{A}name") == settings().city


def test_an_atom_feed_has_a_link_to_itself_and_one_to_the_page(door: httpx.Client) -> None:
    links = {link.get("rel"): link.get("href") for link in atom(door).findall(f"{A}link")}
    assert links == {
        "self": f"{settings().public_url}/feeds/active.atom?lang=en",
        "alternate": f"{settings().public_url}/alerts?lang=en",
    }


def test_an_alert_has_the_same_id_in_every_feed_and_language(door: httpx.Client, city: datetime) -> None:
    number = launched(city)
    url = f"{settings().public_url}/alerts/{number}"
    for name in ("active", "recent"):
        for language in ("en", "es"):
            assert atom(door, name, language).findtext(f"{A}entry/{A}id") == url
            assert [one["id"] for one in items(door, name, language)] == [url]
            rss = parsed(door.get(f"/feeds/{name}.rss?lang={language}").content)
            assert rss.findtext("channel/item/guid") == url


def test_a_cancelled_alert_leaves_one_feed_and_is_updated_in_the_other(door: httpx.Client, city: datetime) -> None:
    number = launched(city - timedelta(minutes=5))
    before = datetime.fromisoformat(atom(door).findtext(f"{A}updated") or "")
    with transaction() as s:
        lifecycle.cancel(s, number, None, city)
    assert items(door) == []
    (entry,) = items(door, "recent")
    assert entry["_tocsin"]["status"] == "cancelled"
    assert entry["content_text"].startswith("This alert was cancelled.")
    assert datetime.fromisoformat(entry["date_modified"]) == city.replace(microsecond=0)
    after = datetime.fromisoformat(atom(door).findtext(f"{A}updated") or "")
    assert after > before


def test_what_replaced_an_alert_is_when_it_was_updated(door: httpx.Client, city: datetime) -> None:
    launched(city - timedelta(minutes=5))
    incident = asked.number("SELECT incident_id FROM alerts")
    with transaction() as s:
        update = factories.alert_ready(s, now=city, incident=incident, phase="update")
        lifecycle.launch(s, update.id, None, city)
    newest, first = items(door, "recent")
    assert newest["id"].endswith(f"/{update.id}")
    assert (first["_tocsin"]["status"], newest["_tocsin"]["status"]) == ("replaced", "in force")
    assert first["date_modified"] == newest["date_published"]


def test_a_feed_does_not_change_while_nothing_happens(door: httpx.Client, city: datetime) -> None:
    over(city)
    for kind in KINDS:
        first = door.get(f"/feeds/active.{kind}").content
        settings.cache_clear()  # everything is rendered again
        assert door.get(f"/feeds/active.{kind}").content == first


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_practice_is_in_no_feed(door: httpx.Client, city: datetime, status: str) -> None:
    launched(city, status=status)
    over(city, status=status)
    for name in ("active", "recent"):
        assert items(door, name) == []


def test_rss_dates_are_those_of_rfc_822(door: httpx.Client, city: datetime) -> None:
    launched(city)
    channel = parsed(door.get("/feeds/recent.rss").content).find("channel")
    assert channel is not None
    for name in ("title", "link", "description"):  # required
        assert channel.findtext(name)
    assert parsedate_to_datetime(channel.findtext("item/pubDate") or "") == city.replace(microsecond=0)
    assert channel.findtext("lastBuildDate", "").endswith(" GMT")


def test_words_are_html_in_xml_and_never_markup_of_their_own(door: httpx.Client, city: datetime) -> None:
    launched(city, blanks={"hazard": "tornado", "shelter": "<script>alert(1)</script> & more"})
    for kind in ("atom", "rss"):
        body = door.get(f"/feeds/active.{kind}").content
        content = parsed(body).findtext(f"{A}entry/{A}content" if kind == "atom" else "channel/item/description")
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in (content or "")


def test_a_json_feed_names_its_version_and_its_own_address(door: httpx.Client, city: datetime) -> None:
    launched(city, blanks={"hazard": "tornado"})
    feed = door.get("/feeds/active.json?lang=es").json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == f"{settings().public_url}/feeds/active.json?lang=es"
    (item,) = feed["items"]
    assert feed["language"] == item["language"] == "es"
    assert "tornado" in item["title"].lower()
    assert item["_tocsin"]["severity"]


def test_areas_keep_to_the_rules_of_geojson(door: httpx.Client, city: datetime) -> None:
    ring = [[0.1234567891, 0.1], [0.1, 0.9], [0.9, 0.9], [0.9, 0.1], [0.1234567891, 0.1]]  # clockwise
    hole = [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6], [0.4, 0.4]]
    number = launched(
        city, zones=(), area=json.dumps({"type": "Polygon", "coordinates": [ring, hole]}), area_description="Hill"
    )
    found = door.get("/feeds/active.geojson").json()
    assert found["type"] == "FeatureCollection"
    (feature,) = found["features"]
    assert feature["id"] == feature["properties"]["alert"] == number
    assert feature["properties"]["look"] == "emergency"
    area = shape(feature["geometry"])
    assert isinstance(area, Polygon)
    assert area.exterior.is_ccw, "RFC 7946 section 3.1.6"
    assert not area.interiors[0].is_ccw
    for x, y in shapely.get_coordinates(area).tolist():
        assert round(x, 6) == x
        assert round(y, 6) == y
    assert "crs" not in found


def test_an_alert_that_cannot_be_read_keeps_no_other_out_of_a_feed(door: httpx.Client, city: datetime) -> None:
    bad, good = launched(city), launched(city)
    asked.do("UPDATE alerts SET state = 'cancelled', finished_at = '20000-01-01' WHERE id = :id", id=bad)
    assert [one["id"] for one in items(door, "recent")] == [f"{settings().public_url}/alerts/{good}"]
    assert asked.number("SELECT count(*) FROM alarms WHERE kind = 'unreadable-row' AND resolved_at IS NULL") == 1
