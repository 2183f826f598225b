"""What residents are asked by text: by day, behind codes, and only while it is being asked."""

from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_client
from sqlalchemy import text

from notify.core.db import transaction
from notify.delivery import direct_messages, sender_pool
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.subscribers import addresses, conversations, questions
from tests.database import sql
from tests.factories import Resident, resident, sender
from tests.notify.conftest import Providers
from tests.owner import owning


@pytest.fixture(autouse=True)
def _sender(database: str) -> None:
    with transaction() as s:
        sender(s, now=datetime.now(UTC))
    sender_pool.read_anew()


def asked(place: str = "120 Main St", *, quiet: bool = False, any_hour: bool = False) -> Resident:
    now = datetime.now(UTC)
    with transaction() as s:
        tom = resident(s, now=now)
        if quiet:
            hours = {"begin": (now - timedelta(hours=1)).time(), "end": (now + timedelta(hours=1)).time(), "id": tom.id}
            choices = (
                "INSERT INTO choices (subscriber_id, quiet_from, quiet_to, timezone) VALUES (:id, :begin, :end, 'UTC')"
            )
            s.execute(text(choices), hours)
        ask(s, tom, place, any_hour=any_hour)
    return tom


def ask(s: object, tom: Resident, place: str, *, any_hour: bool = False) -> None:
    index = addresses.index("sms", tom.phone)
    questions.ask(
        s, "sms", index, questions.STILL_THERE, text="Still at {place}?", now=datetime.now(UTC), place=place,  # type: ignore[arg-type]
        any_hour=any_hour,
    )  # fmt: skip


def send(redis: "redis_client.Redis", providers: Providers, transport: Transport) -> list[str]:
    """Run the job; return what has arrived."""
    direct_messages.send(providers.settings(), Throttle(redis), lambda: transport, direct_messages.ASKED)
    return [message["body"] for message in providers.received()]


def test_a_question_goes_out_with_its_place(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    asked()
    assert send(redis, providers, transport) == ["Still at 120 Main St?"]
    assert sql("SELECT state FROM direct_messages") == [("accepted",)]


def test_a_question_waits_for_the_end_of_the_quiet_hours_and_does_not_grow_too_old(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    tom = asked(quiet=True)
    asked("7 Elm St", quiet=True, any_hour=True)
    with owning() as s:
        s.execute(text("UPDATE direct_messages SET made_at = made_at - interval '10 hours'"))
    assert send(redis, providers, transport) == ["Still at 7 Elm St?"], "who has just asked for it is asked at any hour"
    sql("DELETE FROM choices WHERE subscriber_id = :id", id=tom.id)
    assert send(redis, providers, transport)[-1] == "Still at 120 Main St?"


def test_only_the_newest_question_of_a_number_is_sent(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    tom = asked()
    with transaction() as s:
        ask(s, tom, "7 Elm St")
    assert send(redis, providers, transport) == ["Still at 7 Elm St?"]
    assert sql("SELECT state, reason FROM direct_messages ORDER BY id") == [("failed", "not-needed"), ("accepted", "")]


def test_a_question_is_not_sent_to_who_is_in_the_middle_of_something_else(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    tom, now = asked(), datetime.now(UTC)
    with transaction() as s:
        index = addresses.index("sms", tom.phone)
        talk = conversations.read(s, "sms", index, now).asking("where", now + timedelta(days=1))
        conversations.keep(s, "sms", index, talk, now)
    assert send(redis, providers, transport) == []
    assert sql("SELECT state, reason FROM direct_messages") == [("failed", "not-needed")]


def test_who_joins_does_not_wait_behind_questions() -> None:
    asked()
    assert direct_messages.JOINERS[0] != direct_messages.ASKED[0]
    found = sql(f"SELECT m.kind FROM direct_messages m WHERE {direct_messages.JOINERS[0]}")
    assert found == []
