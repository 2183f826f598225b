"""Who is asked to extend or close an alert that ends, in which order, and that each one is asked once."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from notify.accounts import operators, roster
from notify.alerts import expiry_asks
from notify.alerts.writing import working_drafts
from notify.core import alarms
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import direct_messages
from tests.database import sql
from tests.factories import NOW, alert_resolved, operator, own_contact, square, zone

pytestmark = pytest.mark.usefixtures("database")
ANN, BEN, CAT = (f"{name}@example.org" for name in ("ann", "ben", "cat"))
AUTHOR = "author@tocsin.example.org"
ENDS = NOW + timedelta(hours=4)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _staff(database: str) -> None:
    """Ann is on duty, Ben deputises; Cat may approve, too. The author has a phone."""
    with transaction() as s:
        zone(s)
        people = [operator(s, "approver", email) for email in (ANN, BEN, CAT)]
        roster.plan(s, ANN, BEN, NOW - MINUTE, NOW + timedelta(hours=8), people[2], NOW)
        own_contact(s, operator(s, "author", AUTHOR), "sms", "+12155550001")


@pytest.fixture
def storm() -> int:
    """An emergency that ends at ENDS: from an hour before on, somebody has to act."""
    return alert_resolved(expires_at=ENDS)


def look(before_end: float) -> list[int]:
    with transaction() as s:
        return expiry_asks.ask(s, ENDS - before_end * MINUTE, settings())


def asked() -> list[list[str]]:
    rows = sql("""SELECT array_agg(email ORDER BY email) AS emails FROM direct_messages m
                    JOIN operators o ON o.id = m.operator_id WHERE channel = 'console' AND kind = 'expiry'
                   GROUP BY step ORDER BY step""")
    return [row.emails for row in rows]


def text_of(channel: str) -> str:
    return str(sql("SELECT text FROM direct_messages WHERE kind = 'expiry' AND channel = :c", c=channel)[0].text)


def test_its_author_is_asked_first_and_then_the_roster_each_once(storm: int) -> None:
    assert look(61) == []
    assert look(60) == [storm]
    assert look(56) == []
    for minutes in (55, 50, 45, 40, 35):
        look(minutes)
    approver = "approver@tocsin.example.org"
    admin = "admin@tocsin.example.org"
    assert asked() == [[AUTHOR], [ANN], [BEN], [admin, approver, CAT]]


def test_the_letter_leads_to_a_draft_that_is_filled_in(storm: int) -> None:
    look(60)
    found = re.search(r"/console/compose/(\d+) ", text_of("sms"))
    assert found is not None
    with transaction() as s:
        draft = working_drafts.find(s, int(found[1]), operators.find(s, AUTHOR))
        assert (draft.event, draft.phase) == ("storm", "update")
        assert working_drafts.values_of(draft)["channel.sms"] == "on"
    look(55)
    assert sql("SELECT count(*) AS n FROM working_drafts")[0].n == 1, "all of them are led to the same one"
    assert "ends at 2027-01-11 16:00:00 EST, and nothing follows it" in text_of("sms")


def test_nobody_is_asked_once_something_follows_it(storm: int) -> None:
    look(60)
    incident = sql("SELECT incident_id FROM alerts")[0].incident_id
    alert_resolved(incident=incident, phase="update", now=ENDS - 58 * MINUTE, expires_at=ENDS + 9 * 60 * MINUTE)
    assert look(50) == []
    with transaction() as s:
        direct_messages._close(s, NOW, settings(), direct_messages.OPERATORS[0])
    assert sql("SELECT state, reason FROM direct_messages WHERE channel = 'sms'") == [("failed", "not-needed")]


def test_an_all_clear_to_a_part_ends_no_question_about_the_rest(storm: int) -> None:
    look(60)
    with transaction() as s:
        zone(s, "Old Town", square(0, 0, 0.5))
    incident = sql("SELECT incident_id FROM alerts")[0].incident_id
    alert_resolved(incident=incident, phase="all-clear", zones=("Old Town",), now=ENDS - 58 * MINUTE)
    with transaction() as s:
        direct_messages._close(s, NOW, settings(), direct_messages.OPERATORS[0])
    assert sql("SELECT state FROM direct_messages WHERE channel = 'sms'") == [("waiting",)]
    assert look(50) == [storm], "the next ones are asked"


def test_nobody_is_asked_once_an_operator_has_resolved_the_alarm(storm: int) -> None:
    look(60)
    with transaction() as s:
        alarms.sound(s, alarms.EXPIRES_SOON, "It ends.", NOW, alert_id=storm)
    sql("UPDATE alarms SET resolved_at = now(), resolved_by = (SELECT min(id) FROM operators)")
    assert look(30) == []


def test_a_routine_notice_that_promises_nothing_may_end_by_itself() -> None:
    alert_resolved(event="snow", expires_at=ENDS)
    assert look(30) == []


def test_a_promised_time_is_asked_about_before_it_passes() -> None:
    promised = (NOW + timedelta(hours=2)).isoformat(timespec="minutes")
    number = alert_resolved(
        event="outage", blanks={"utility": "power", "restore_by": promised}, expires_at=NOW + timedelta(hours=9)
    )
    with transaction() as s:
        assert expiry_asks.ask(s, NOW + timedelta(minutes=100), settings()) == [number]
    assert "promised news by 2027-01-11 14:00:00 EST" in text_of("sms")


def test_two_schedulers_ask_once(storm: int) -> None:
    at_once = Barrier(2)

    def run(_number: int) -> Sequence[int]:
        with transaction() as s:
            at_once.wait(timeout=60)
            return expiry_asks.ask(s, ENDS - 60 * MINUTE, settings())

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, range(2)))
    assert sorted(results) == [[], [storm]]
    assert asked() == [[AUTHOR]]
    assert sql("SELECT count(*) AS n FROM working_drafts")[0].n == 1
