"""Several operators see who else is here, and who is writing."""

import re
import time
from collections.abc import Callable
from datetime import datetime

import httpx
import redis as redis_client

from notify.accounts import presence
from notify.core.db import transaction
from tests import factories
from tests.api.test_compose import started
from tests.api.test_compose_saves import save

Desk = Callable[[str], httpx.Client]


def seen(desk: httpx.Client, place: str) -> str:
    answer = desk.get(f"/console/presence/{place}")
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def asks_for(desk: httpx.Client, page: str) -> str:
    """The address that the page asks for who is here."""
    (address,) = re.findall(r'hx-get="/console/presence/([^"]*)"', desk.get(page).text)
    return str(address)


def test_who_is_on_an_alert_or_its_incident_is_seen_by_the_others(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        alert = factories.alert_draft(s, now=city)
        pages = (f"/console/alerts/{alert.id}", f"/console/incidents/{alert.incident_id}")
    for page in pages:
        assert seen(at_desk("author"), asks_for(at_desk("author"), page)) == "", "oneself is no news"
        place = asks_for(at_desk("approver"), page)
        assert seen(at_desk("approver"), place) == "author@tocsin.example.org is here, too."
        assert seen(at_desk("agent"), place).endswith(" are here, too.")


def test_who_writes_is_said_on_the_draft_and_on_its_incident(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        incident = factories.alert_draft(s, now=city).incident_id
    path = started(at_desk("author"), "storm update", incident=str(incident))
    place = asks_for(at_desk("approver"), path)
    save(at_desk("author"), path, {})
    assert seen(at_desk("approver"), place) == ""
    save(at_desk("author"), path, {"blank.shelter": "Library"})
    for where in (place, f"incident/{incident}"):
        assert seen(at_desk("approver"), where) == "author@tocsin.example.org is writing."


def test_who_has_gone_is_forgotten(redis: "redis_client.Redis") -> None:
    now_s = time.time()
    presence.note(redis, "alert:1", 7, now_s - presence.HERE_S - 1)
    presence.note(redis, "alert:1", 8, now_s - presence.WRITING_S - 1, writing=True)
    presence.note(redis, "alert:1", 9, now_s, writing=True)
    assert presence.others(redis, "alert:1", 5, now_s) == [presence.Here(9, True), presence.Here(8, False)]
    assert 0 < redis.ttl("tocsin:presence:here:alert:1") <= presence.HERE_S


def test_it_tells_no_more_than_the_page(at_desk: Desk, city: datetime) -> None:
    path = started(at_desk("author"))
    assert at_desk("agent").get(f"/console/presence/draft/{path.rpartition('/')[2]}").status_code == 403
    for place in ("alert/99", "incident/99", "draft/99"):
        assert at_desk("admin").get(f"/console/presence/{place}").status_code == 404
    assert at_desk("admin").get("/console/presence/resident/1").status_code == 404


def test_without_redis_nobody_is_shown() -> None:
    away = redis_client.Redis(port=1)
    presence.note(away, "alert:1", 7, time.time(), writing=True)
    assert presence.others(away, "alert:1", 5, time.time()) == ()
