"""What residents read, and how pages keep themselves safe."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import event, inspect
from sqlalchemy.orm import QueryContext

from api.front.kept_page import CACHE
from api.resident import notices
from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.models import StoredContent
from tests import factories
from tests.api import asked

Key = Callable[..., dict[str, str]]


def launched(now: datetime, **draft: object) -> int:
    with transaction() as s:
        alert = factories.alert_ready(s, channels=("sms", "email"), now=now, **draft)
        lifecycle.launch(s, alert.id, None, now)
        return alert.id


def test_a_quiet_day_says_so(door: httpx.Client) -> None:
    answer = door.get("/")
    assert answer.status_code == 200
    assert "There is no alert in force." in answer.text


def test_the_first_page_says_how_one_is_signed_up(door: httpx.Client) -> None:
    assert "ask 311 to sign you up" in door.get("/").text
    assert "pida al 311 que lo inscriba" in door.get("/?lang=es").text


def test_what_is_in_force_stands_on_the_first_page_in_the_readers_language(door: httpx.Client, city: datetime) -> None:
    number = launched(city, blanks={"hazard": "tornado"})
    english = door.get("/").text
    assert "Tornado danger" in english
    assert f'href="/alerts/{number}"' in english
    spanish = door.get("/", headers={"Accept-Language": "fr;q=1, es-MX;q=0.8, en;q=0.3"}).text
    assert '<html lang="es" dir="ltr">' in spanish
    assert "peligro de tornado" in spanish.lower()
    assert "Tornado danger" not in spanish
    assert "-unsubscribe_url-" not in english + spanish


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_practice_is_marked_and_not_among_what_is_in_force(door: httpx.Client, city: datetime, status: str) -> None:
    number = launched(city, status=status)
    home = door.get("/").text
    assert "There is no alert in force." in home
    assert ('<aside class="practice"' in home) is (status == "Exercise")
    page = door.get(f"/alerts/{number}").text
    assert 'class="practice"' in page
    assert status.upper() in page
    assert "You do not need to do anything." in page
    real = launched(city)
    assert '<p class="practice">' not in door.get(f"/alerts/{real}").text


def test_nothing_is_seen_before_its_launch(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        draft, ready = factories.alert_draft(s, now=city).id, factories.alert_ready(s, now=city).id
    for number in (draft, ready, 999):
        assert door.get(f"/alerts/{number}").status_code == 404
    assert "There is no alert in force." in door.get("/").text


def test_what_was_cancelled_or_is_over_is_not_in_force(door: httpx.Client, city: datetime) -> None:
    called_off, over = launched(city), launched(city, expires_at=city + timedelta(hours=1))
    with transaction() as s:
        lifecycle.cancel(s, called_off, None, city)
        lifecycle.expire_due(s, city + timedelta(hours=2))
    assert "There is no alert in force." in door.get("/").text
    page = door.get(f"/alerts/{called_off}").text
    assert "This alert was cancelled." in page
    assert "<dt>Until</dt>" not in page
    ended = re.search(r'<dt>Cancelled</dt><dd><time datetime="([^"]+)"', page)
    assert ended is not None
    assert datetime.fromisoformat(ended[1]) == city.replace(microsecond=0)
    assert "<dt>Until</dt>" in door.get(f"/alerts/{over}").text
    assert "This alert is over." in door.get(f"/alerts/{over}").text


def test_an_update_comes_before_what_it_updates(door: httpx.Client, city: datetime) -> None:
    first = launched(city, blanks={"hazard": "tornado"})
    incident = asked.number("SELECT incident_id FROM alerts")
    later = city + timedelta(seconds=5)
    with transaction() as s:
        update = factories.alert_ready(
            s, channels=("sms",), now=city, incident=incident, phase="update", blanks={"hazard": "tornado"}
        )
        lifecycle.launch(s, update.id, None, later)
    page = door.get("/").text
    assert page.count("<article") == 1
    assert f'aria-labelledby="alert-{update.id}"' in page
    assert f'href="/alerts/{first}"' in page
    assert "There is newer information" in door.get(f"/alerts/{first}").text


def test_no_words_are_read_but_those_that_the_page_shows(door: httpx.Client, city: datetime) -> None:
    first = launched(city, blanks={"hazard": "tornado"}, expires_at=city + timedelta(hours=1))
    incident = asked.number("SELECT incident_id FROM alerts")
    following = [launched(city, incident=incident, phase="update", blanks={"hazard": "tornado"}) for _ in range(2)]
    now = city + timedelta(hours=2)
    read: list[tuple[int, bool]] = []

    def note(content: StoredContent, context: QueryContext) -> None:
        read.append((content.alert_id, "text" not in inspect(content).unloaded))

    event.listen(StoredContent, "load", note)
    try:
        with transaction() as s:
            (thread,) = notices.in_force(s, "en", now)
    finally:
        event.remove(StoredContent, "load", note)
    assert [one.id for one in thread.earlier] == [following[0]]
    assert set(read) == {(following[0], False), (following[1], True)}, f"{first} is over and not on the page"


def test_what_its_all_clear_has_ended_says_so_and_leads_there(door: httpx.Client, city: datetime) -> None:
    first = launched(city)
    incident = asked.number("SELECT incident_id FROM alerts")
    with transaction() as s:
        clear = factories.alert_ready(s, now=city, incident=incident, phase="all-clear").id
        lifecycle.launch(s, clear, None, city + timedelta(seconds=5))
    page = door.get("/").text
    assert f'aria-labelledby="alert-{clear}"' in page
    assert f'aria-labelledby="alert-{first}"' not in page
    page = door.get(f"/alerts/{first}").text
    assert "This alert was cancelled." in page
    assert f'<a href="/alerts/{clear}"' in page


def test_a_page_in_spanish_joins_zones_and_counts_alerts_in_spanish(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Muelle", factories.square(3, 0))
        factories.zone(s, "Centro", factories.square(5, 0))
    number = launched(city, zones=("Muelle", "Centro"))
    page = door.get(f"/alerts/{number}?lang=es").text
    assert "Muelle y Centro" in page
    assert "Muelle and Centro" not in page
    assert re.search(r"<dt>Enviado</dt><dd><time [^>]+>a las? \d", page)
    assert re.search(r"<dt>Hasta</dt><dd><time [^>]+>las? \d", page)
    assert "Hay 1 aviso vigente." in door.get("/?lang=es").text
    launched(city)
    assert "2 alerts are in force." in door.get("/").text


def test_words_from_an_operator_are_words_and_never_html(door: httpx.Client, city: datetime) -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [0.9, 0], [0.9, 0.9], [0, 0.9], [0, 0]]]}
    script = "<script>alert(1)</script>"
    blanks = {"hazard": "tornado", "shelter": script}
    number = launched(city, blanks=blanks, zones=(), area=square, area_description=f"Old Town {script}")
    page = door.get(f"/alerts/{number}").text
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 3  # title, heading, words, facts
    assert "<script>" not in page


def test_every_page_keeps_to_a_strict_policy(
    door: httpx.Client, at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    number = launched(city, status="Exercise")
    at_desk("admin")
    with transaction() as s:
        ready = factories.alert_ready(s, now=city).id
    for path in (
        "/",
        f"/alerts/{number}",
        "/none",
        "/console",
        f"/console/alerts/{number}",
        f"/console/alerts/{ready}",
    ):
        answer = door.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        kept = path in {"/", f"/alerts/{number}"}
        assert answer.headers["cache-control"] == (CACHE if kept else "no-store")
        assert not re.search(r"<style|<script(?![^>]* src=)|\sstyle=|\son[a-z]+=|javascript:", answer.text), path
        assert re.search(r'<html lang="(en|es)" dir="ltr">', answer.text)
        assert '<a class="skip" href="#main">' in answer.text
        assert answer.text.count("<h1") == 1, path


def test_the_console_marks_an_exercise(
    door: httpx.Client, at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    number = launched(city, status="Exercise")
    at_desk("admin")
    page = door.get(f"/console/alerts/{number}").text
    assert '<body class="console practising">' in page
    assert "<title>Exercise: " in page
