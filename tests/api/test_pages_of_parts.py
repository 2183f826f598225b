"""What residents read of an incident in which a part of the area was told something else."""

import re
from datetime import datetime, timedelta

import httpx
import pytest

from notify.alerts import follow_up, lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.test_incidents import incident_of, words

BOTH = ("Riverside", "Docks")


@pytest.fixture
def first(city: datetime) -> int:
    """A danger in both zones."""
    with transaction() as s:
        factories.zone(s, "Docks", factories.square(2, 0), now=city)
    return factories.alert_launched(now=city, zones=BOTH, blanks={"hazard": "tornado"}, expires_at=at(city, hours=6))


def at(city: datetime, **later: float) -> datetime:
    return city + timedelta(**later)


def then(first: int, now: datetime, phase: str, *zones: str, **draft: object) -> int:
    """The next one of its incident."""
    return factories.alert_launched(now=now, incident=incident_of(first), phase=phase, zones=zones, **draft)


def leading(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<article [^>]*aria-labelledby="alert-(\d+)"', page)]


def article(page: str, number: int) -> str:
    return words(page.split(f'aria-labelledby="alert-{number}">')[1].split("</article>")[0])


def test_what_is_said_later_to_another_area_is_not_news_here(door: httpx.Client, city: datetime) -> None:
    """Also of an alert that is replaced: what its successor says elsewhere is none, either. A border is no area."""
    with transaction() as s:
        factories.zone(s, "Docks", factories.square(1, 0), now=city)
    first = factories.alert_launched(now=city, blanks={"hazard": "tornado"}, expires_at=at(city, hours=6))
    elsewhere = then(first, at(city, seconds=1), "update", "Docks")
    for page in (words(door.get(f"/alerts/{first}").text), article(door.get("/").text, first)):
        assert "newer information" not in page
    whole = then(first, at(city, seconds=2), "update", "Docks", "Riverside")
    docks = then(first, at(city, seconds=3), "update", "Docks")
    page = door.get(f"/alerts/{first}").text
    assert re.findall(r'class="newer">[^<]*<a href="/alerts/(\d+)"', page) == [str(whole)]
    page = door.get(f"/alerts/{elsewhere}").text
    assert str(docks) in re.findall(r'class="newer">[^<]*<a href="/alerts/(\d+)"', page)


def test_an_all_clear_to_a_part_leads_over_no_danger_and_hides_none(
    door: httpx.Client, city: datetime, first: int
) -> None:
    clear = then(first, at(city, seconds=1), "all-clear", "Docks")
    page = door.get("/").text
    assert leading(page) == [first, clear]
    for shown in (page, door.get("/alerts").text):
        assert "1 alert is in force. 1 message says that a danger is over." in shown, "an all-clear is none"
    assert article(page, first).count("Until") == 1
    assert "Until" not in article(page, clear)
    assert "<details>" not in page
    assert "There is newer information, only for Docks: " in article(page, first)
    assert f'<a href="/alerts/{clear}"' in page.split("<article")[1]
    assert "Where Riverside and Docks" in article(page, first)
    assert "Where Docks" in article(page, clear)
    assert "newer information" not in article(page, clear)
    alone = words(door.get(f"/alerts/{first}").text)
    assert "There is newer information, only for Docks: " in alone
    assert "There is newer information:" not in alone


def test_it_is_the_same_in_spanish(door: httpx.Client, city: datetime, first: int) -> None:
    then(first, at(city, seconds=1), "all-clear", "Docks")
    said = "Hay noticias más recientes, solo para esta zona: Docks. "
    assert said in article(door.get("/?lang=es").text, first)
    assert said in words(door.get(f"/alerts/{first}?lang=es").text)


def test_an_update_to_each_part_leaves_the_all_clear_to_the_other(
    door: httpx.Client, city: datetime, first: int
) -> None:
    """The way that the console advises: an all-clear to a part, then an update for the rest."""
    clear = then(first, at(city, seconds=1), "all-clear", "Docks")
    update = then(first, at(city, seconds=2), "update", "Riverside")
    page = door.get("/").text
    assert leading(page) == [update, clear], "the two of them replace the first"
    assert f'<a href="/alerts/{first}"' in page.split("<details>")[1]
    again = then(first, at(city, seconds=3), "update", "Docks")
    page = door.get("/").text
    assert leading(page) == [again, update], "there is danger again, and its all-clear is past"
    assert f'<a href="/alerts/{clear}"' in page.split("<details>")[1]


def test_what_is_said_to_all_leads_alone_and_every_page_before_leads_there(
    door: httpx.Client, city: datetime, first: int
) -> None:
    second = then(first, at(city, seconds=1), "update", *BOTH)
    part = then(first, at(city, seconds=2), "update", "Docks")
    third = then(first, at(city, seconds=3), "update", *BOTH)
    page = door.get("/").text
    assert leading(page) == [third]
    assert "1 alert is in force." in page
    folded = words(page.split("<details>")[1].split("</details>")[0])
    assert folded.count("Riverside and Docks, ") == 2
    assert folded.count(" Docks, ") == 3
    for number in (first, second, part):
        told = door.get(f"/alerts/{number}").text
        assert "There is newer information:" in told
        assert re.search(rf'class="newer">There is newer information: <a href="/alerts/{third}"', told)
        assert told.count('class="newer"') == 1
    assert "newer information" not in door.get(f"/alerts/{third}").text


def test_an_all_clear_does_not_wear_off(door: httpx.Client, city: datetime, first: int) -> None:
    """To all of the area it ends the danger for good; to a part, the danger elsewhere says so as long as it runs."""
    asked.do("UPDATE alerts SET state = 'sent', finished_at = launched_at WHERE id = :id", id=first)
    then(first, at(city, seconds=1), "all-clear", "Docks", expires_at=at(city, minutes=2))
    with transaction() as s:
        lifecycle.expire_due(s, at(city, minutes=3))
    page = door.get("/").text
    assert leading(page) == [first]
    assert "only for Docks: " in article(page, first)
    then(first, at(city, seconds=3), "all-clear", *BOTH, expires_at=at(city, minutes=2))
    with transaction() as s:
        lifecycle.expire_due(s, at(city, minutes=3))
    assert "There is no alert in force." in door.get("/").text


def test_danger_leads_over_the_all_clear_of_another_incident(door: httpx.Client, city: datetime, first: int) -> None:
    snow = factories.alert_launched(now=city, event="snow")
    other = factories.alert_launched(now=city, zones=("Docks",))
    grave = {"severity": "Severe", "urgency": "Immediate"}
    clear = then(other, at(city, seconds=9), "all-clear", "Docks", **grave)
    assert leading(door.get("/").text) == [first, snow, clear]


def test_a_follow_up_repeats_and_stands_only_for_what_was_cancelled(
    door: httpx.Client, city: datetime, first: int
) -> None:
    with transaction() as s:
        factories.sender(s, "sendgrid", now=city)
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        again = follow_up.make(s, first, factories.operator(s), city, allowed).id
        lifecycle.approve(s, again, factories.operator(s, "approver"), city, allowed)
        lifecycle.launch(s, again, None, at(city, seconds=1))
    page = door.get("/").text
    assert leading(page) == [first]
    assert "newer information" not in page
    assert f'href="/alerts/{again}"' not in page
    assert "newer information" not in door.get(f"/alerts/{first}").text
    with transaction() as s:
        lifecycle.cancel(s, first, None, at(city, seconds=2))
    assert leading(door.get("/").text) == [again]


def test_the_name_of_an_area_is_words_and_never_html(door: httpx.Client, city: datetime, first: int) -> None:
    area = {"type": "Polygon", "coordinates": [[[2, 0], [2.5, 0], [2.5, 0.5], [2, 0.5], [2, 0]]]}
    then(first, at(city, seconds=1), "all-clear", area=area, area_description="Pier <b>4</b>")
    for path in ("/", f"/alerts/{first}"):
        assert "only for Pier &lt;b&gt;4&lt;/b&gt;:" in door.get(path).text


def test_an_exercise_says_nothing_of_what_is_real(door: httpx.Client, city: datetime, first: int) -> None:
    then(first, at(city, seconds=1), "all-clear", *BOTH, status="Exercise")
    page = door.get("/").text
    assert leading(page) == [first]
    assert "newer information" not in page + door.get(f"/alerts/{first}").text
