"""What a resident has taken away stays away: no older list brings it back."""

from datetime import timedelta

import pytest

from notify.core.db import transaction
from notify.models import Topic
from notify.subscribers import addresses, choices, import_csv, own, record
from notify.subscribers.importing import ImportReport
from tests.database import sql
from tests.factories import NOW
from tests.notify.subscribers.test_importing import lines, row

PHONE = "+12155550100"
pytestmark = pytest.mark.usefixtures("database")


def imported(*rows: dict[str, str], days: int) -> ImportReport:
    return import_csv(lines(*rows), NOW + timedelta(days=days), outside=True)


def listed(label: str = "home", lon: str = "0.5", topics: str = "storm snow", **more: str) -> dict[str, str]:
    place = {"lon": lon, "lat": "0.5", "address": "", "label": label}
    return row(phone=PHONE, email="", topics=topics, consent_at="2026-06-01", **place, **more)


def resident() -> int:
    with transaction() as s:
        return record.owner(s, "sms", addresses.index("sms", PHONE)) or 0


def topics() -> list[str]:
    return [topic for (topic,) in sql("SELECT topic::text FROM preferences ORDER BY topic")]


def test_a_topic_that_was_taken_away_comes_back_by_a_newer_consent_only() -> None:
    imported(listed(), days=1)
    with transaction() as s:
        own.choose(s, resident(), [Topic.STORM], "en", NOW + timedelta(days=2))
    again = imported(listed(), days=3)
    assert (again.bad, again.new.topics, topics()) == ((), 0, ["storm"])
    later = (NOW + timedelta(days=3)).isoformat()
    imported(listed() | {"consent_at": later}, days=4)
    assert topics() == ["snow", "storm"]


def test_a_place_that_was_taken_away_does_not_come_back() -> None:
    imported(listed(), listed("work", "0.6"), days=1)
    with transaction() as s:
        ((work,),) = sql("SELECT id FROM places WHERE label = 'work'")
        own.remove_place(s, resident(), work, NOW + timedelta(days=2))
    again = imported(listed(), listed("work", "0.6"), days=3)
    assert [one.line for one in again.bad] == [3]
    assert sql("SELECT label FROM places") == [("home",)]


def test_a_topic_of_a_list_keeps_the_pause_of_all_others() -> None:
    imported(listed(topics="storm"), days=1)
    with transaction() as s:
        today = (NOW + timedelta(days=1)).date()
        choices.choose(s, resident(), choices.Chosen(muted_until=today + timedelta(days=60)), NOW)
    imported(listed(topics="storm general"), days=2)
    assert sql("SELECT count(*), count(muted_until), count(DISTINCT muted_until) FROM preferences") == [(2, 2, 1)]
