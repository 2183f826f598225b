"""The public list of alerts and its archive."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.core import alarms
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.api.test_pages import launched
from tests.owner import as_owner, owning

HOUR = timedelta(hours=1)


def over(now: datetime, **draft: object) -> int:
    """An alert whose time is over."""
    then = now - 3 * HOUR
    number = launched(then, expires_at=then + HOUR, **draft)
    with transaction() as s:
        lifecycle.expire_due(s, now)
    return number


def test_a_quiet_day_says_so(door: httpx.Client) -> None:
    assert "There is no alert in force." in door.get("/alerts").text
    assert "No alert that is over matches." in door.get("/alerts/past").text


def test_each_alert_has_its_area_its_end_and_a_short_address(door: httpx.Client, city: datetime) -> None:
    number = launched(city, blanks={"hazard": "tornado"})
    page = door.get("/alerts").text
    assert "Tornado danger" in page
    assert "<dd>Riverside</dd>" in page
    assert re.search(r"<dt>Until</dt><dd><time datetime=", page)
    assert f">{str(door.base_url).partition('//')[2].rstrip('/')}/alerts/{number}</a>" in page
    spanish = door.get("/alerts?lang=es").text
    assert "peligro de tornado" in spanish.lower()
    assert "Avisos ahora" in spanish


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_practice_is_neither_on_the_list_nor_in_the_archive(door: httpx.Client, city: datetime, status: str) -> None:
    launched(city, status=status)
    over(city, status=status)
    assert 'class="notice' not in door.get("/alerts").text
    assert 'class="notice' not in door.get("/alerts/past").text


def test_the_archive_has_what_was_said_last_and_what_ended_it(door: httpx.Client, city: datetime) -> None:
    cancelled, cleared = launched(city), launched(city, blanks={"hazard": "tornado"})
    ended = over(city, blanks={"hazard": "hurricane"})
    incident = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=cleared)
    with transaction() as s:
        lifecycle.cancel(s, cancelled, None, city)
        clear = factories.alert_ready(s, now=city, incident=incident, phase="all-clear").id
        lifecycle.launch(s, clear, None, city + timedelta(seconds=5))
    page = door.get("/alerts/past").text
    items = {int(re.findall(r'href="/alerts/(\d+)', one)[0]): one for one in page.split("<li class=")[1:]}
    assert set(items) == {cancelled, cleared, ended}
    assert "The city called it off:" in items[cancelled]
    assert f'href="/alerts/{clear}"' in items[cleared]
    assert "Its time was over:" in items[ended]
    assert "Flying objects can kill." in items[cleared]
    assert f'href="/alerts/{clear}?' not in page, "an all-clear that holds is not over"


def test_the_archive_is_read_page_by_page(door: httpx.Client, city: datetime) -> None:
    numbers = [over(city) for _ in range(23)]
    first, second = door.get("/alerts/past").text, door.get("/alerts/past?page=2").text
    assert [int(n) for n in re.findall(r'<h2[^>]*><a href="/alerts/(\d+)', first + second)] == numbers[::-1]
    assert "Page 1 of 2" in first
    assert 'rel="next" href="/alerts/past?lang=en&amp;page=2"' in first
    assert 'rel="next"' not in second


def test_the_archive_is_sifted_by_month_and_topic(door: httpx.Client, city: datetime) -> None:
    storm = over(city)
    night = datetime(2026, 2, 1, 6, tzinfo=UTC)
    snow = over(night, event="snow", blanks={"rule": "street", "starts": "2026-01-31T22:10"})
    page = door.get("/alerts/past?topic=snow").text
    assert f'href="/alerts/{snow}?' in page
    assert f'href="/alerts/{storm}?' not in page
    month = door.get("/alerts/past?month=2026-01").text  # in the city it was still January
    assert f'href="/alerts/{snow}?' in month
    assert f'href="/alerts/{storm}?' not in month
    assert '<option value="2026-01" selected>January 2026</option>' in month


@pytest.mark.parametrize("query", ["month=13", "page=0", "page=-1", "page=99999999999", "topic=%27", "month=9-9-9"])
def test_a_filter_without_sense_is_no_error(door: httpx.Client, query: str) -> None:
    assert door.get(f"/alerts/past?{query}").status_code == 200


def test_one_that_cannot_be_read_takes_no_page_down(door: httpx.Client, city: datetime) -> None:
    bad, good = over(city), over(city)
    with owning() as s:
        s.execute(text("UPDATE alerts SET finished_at = '20000-01-01' WHERE id = :id"), {"id": bad})
    page = door.get("/alerts/past")
    assert page.status_code == 200
    assert f'href="/alerts/{good}?' in page.text
    assert f'href="/alerts/{bad}?' not in page.text
    with transaction() as s:
        assert bad in [one.alert_id for one in alarms.ringing(s) if one.kind == alarms.UNREADABLE_ROW]


def test_practice_that_runs_is_named_as_practice_where_one_looks_first(door: httpx.Client, city: datetime) -> None:
    assert "practising" not in door.get("/").text
    number = launched(city, status="Exercise", blanks={"hazard": "tornado"})
    page = door.get("/").text
    assert re.search(rf'class="practice".*EXERCISE.*not real.*href="/alerts/{number}"', page)
    assert "There is no alert in force." in page
    assert 'class="notice' not in page
    assert "La ciudad está practicando" in door.get("/?lang=es").text
    with transaction() as s:
        lifecycle.cancel(s, number, None, city)
    assert "practising" not in door.get("/").text


def test_the_page_of_an_alert_draws_its_area_without_a_script(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        for n in range(3):
            factories.zone(s, f"Quarter {n}", factories.square(n, 0), kind="neighbourhood", now=city)
    page = door.get(f"/alerts/{launched(city)}").text
    drawing = re.search(r"<figure class=\"map\">.*?</figure>", page, re.DOTALL)
    assert drawing is not None
    assert 'aria-label="Where it is in the city: Riverside"' in drawing[0]
    assert drawing[0].count('class="zone"') == 3
    assert drawing[0].count('class="area"') == 1
    assert len(drawing[0]) < 20_000


def test_an_area_or_a_zone_that_cannot_be_read_leaves_the_words(door: httpx.Client, city: datetime) -> None:
    number, other = launched(city), launched(city)
    with transaction() as s:
        factories.zone(s, "Damaged", factories.square(3, 0), kind="neighbourhood", now=city)
    as_owner(
        "ALTER TABLE zone_versions DISABLE TRIGGER USER",
        "UPDATE zone_versions SET geometry = 'x' WHERE id = (SELECT max(id) FROM zone_versions)",
        "ALTER TABLE zone_versions ENABLE TRIGGER USER",
    )
    page = door.get(f"/alerts/{number}")
    assert page.status_code == 200
    assert 'class="area"' in page.text
    as_owner(
        "ALTER TABLE alerts DISABLE TRIGGER USER",
        "UPDATE alerts SET area = 'x' WHERE id = :id",
        "ALTER TABLE alerts ENABLE TRIGGER USER",
        id=other,
    )
    page = door.get(f"/alerts/{other}")  # one that no process keeps yet
    assert page.status_code == 200
    assert 'class="map"' not in page.text
