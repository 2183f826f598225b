"""The codes of many who join at once leave many at a time, each once, also when the process dies meanwhile."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_client

from notify.core.db import transaction
from notify.delivery import direct_messages, direct_outcomes, sender_pool
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.subscribers import joining
from notify.subscribers.wishes import Wish
from tests.database import sql
from tests.factories import sender, zone
from tests.notify.conftest import Providers
from tests.owner import as_owner, refuse

HERE = Wish(0.5, 0.5, "Home", "120 Main St")
RUNS = 20  # on a busy machine, some miss their slots


@pytest.fixture(autouse=True)
def _city(own_database: str) -> None:
    with transaction() as s:
        zone(s, now=datetime.now(UTC))
        sender(s, "twilio", now=datetime.now(UTC))
        sender(s, "sendgrid", now=datetime.now(UTC))
    sender_pool.read_anew()


class NotingThrottle(Throttle):
    """Notes whether slots are asked for ahead of other routine messages."""

    def __init__(self, client: "redis_client.Redis") -> None:
        super().__init__(client)
        self.asked_ahead: list[bool] = []

    def take(self, *args: Any, ahead: bool = False, **options: Any) -> Any:
        self.asked_ahead.append(ahead)
        return super().take(*args, ahead=ahead, **options)


class Jobs:
    """The jobs that write to who joins, and that look up what is unknown."""

    def __init__(self, providers: Providers, transport: Transport, client: "redis_client.Redis") -> None:
        self._providers, self._transport, self._throttle = providers, transport, NotingThrottle(client)

    @property
    def asked_ahead(self) -> list[bool]:
        return self._throttle.asked_ahead

    def send(self) -> list[dict[str, Any]]:
        """Send until nothing waits. Return all that has arrived so far."""
        for _ in range(RUNS):
            sender_pool.read_anew()
            direct_messages.send(
                self._providers.settings(), self._throttle, lambda: self._transport, direct_messages.JOINERS
            )
            if not sql("SELECT FROM direct_messages WHERE state = 'waiting'"):
                break
        return self._providers.received()

    def look_up(self) -> int:
        ours = self._providers.settings().model_copy(update={"reconcile_after_s": 0.0})
        return direct_outcomes.look_up(ours, lambda: self._transport)


@pytest.fixture
def jobs(providers: Providers, transport: Transport, redis: "redis_client.Redis") -> Jobs:
    return Jobs(providers, transport, redis)


def ask(contact: str) -> str:
    """Return the token of the page that asks for the code."""
    network = f"198.51.100.{abs(hash(contact)) % 250}"
    with transaction() as s:
        return joining.begin(s, contact, HERE, language="en", words="", network=network, now=datetime.now(UTC))


def die_while_sending() -> None:
    """Leave what was sent as a process that was killed before it could record it, once the claim counts as lost."""
    as_owner(
        "UPDATE direct_messages SET state = 'unknown', reason = 'not-recorded', reference = '', settled_at = :before",
        before=datetime.now(UTC) - timedelta(seconds=1),
    )


def enter(token: str, code: str) -> bool:
    with transaction() as s:
        return joining.confirm(s, token, code, datetime.now(UTC)).is_new


def code_in(message: dict[str, Any]) -> str:
    found = re.search(r"\b[0-9]{6}\b", str(message["body"]))
    assert found, message
    return found[0]


def test_each_gets_one_code_of_their_own_that_is_good(jobs: Jobs) -> None:
    asked = {f"+1215{n:03}0142": ask(f"+1215{n:03}0142") for n in range(200, 250)}
    asked |= {f"joiner{n}@example.org": ask(f"joiner{n}@example.org") for n in range(50)}
    arrived = jobs.send()
    assert Counter(message["to"] for message in arrived) == Counter(asked.keys())
    assert sql("SELECT DISTINCT state FROM direct_messages") == [("accepted",)]
    for message in (arrived[0], arrived[49], arrived[-1]):
        assert enter(asked[message["to"]], code_in(message))


def test_codes_ask_for_slots_ahead_of_a_fan_out(jobs: Jobs) -> None:
    ask("+12155550142")
    assert len(jobs.send()) == 1
    assert set(jobs.asked_ahead) == {True}


def test_after_a_kill_a_text_that_was_sent_is_found_and_its_code_stays_good(jobs: Jobs) -> None:
    token = ask("+12155550142")
    (sent,) = jobs.send()
    die_while_sending()
    assert jobs.look_up() == 1
    assert [message["id"] for message in jobs.send()] == [sent["id"]], "not once more"
    assert sql("SELECT state FROM direct_messages") == [("accepted",)]
    assert enter(token, code_in(sent))


def test_after_a_kill_a_text_that_was_not_sent_is_sent(jobs: Jobs, providers: Providers) -> None:
    token = ask("+12155550142")
    jobs.send()
    providers.forget()
    die_while_sending()
    assert jobs.look_up() == 1
    (sent,) = jobs.send()
    assert enter(token, code_in(sent))


def test_after_a_kill_an_email_that_nobody_can_ask_about_is_sent_with_a_new_code(jobs: Jobs) -> None:
    token = ask("maria@example.org")
    jobs.send()
    die_while_sending()
    assert jobs.look_up() == 1
    first, second = jobs.send()
    assert code_in(first) != code_in(second)
    assert enter(token, code_in(second))


def test_a_code_that_nobody_waits_for_any_more_is_not_sent_again(jobs: Jobs) -> None:
    ask("maria@example.org")
    jobs.send()
    die_while_sending()
    as_owner("UPDATE direct_messages SET made_at = made_at - interval '11 minutes'")
    assert jobs.look_up() == 1
    assert len(jobs.send()) == 1
    assert sql("SELECT state, reason FROM direct_messages") == [("unknown", "outcome-unknown")]


def test_one_that_postgresql_refuses_keeps_no_other_waiting(jobs: Jobs) -> None:
    contacts = [f"joiner{n}@example.org" for n in range(8)]
    for contact in contacts:
        ask(contact)
    bad = sql("SELECT id FROM direct_messages ORDER BY id OFFSET 3 LIMIT 1")[0].id
    refuse("direct_messages", f"NEW.id = {bad} AND NEW.state = 'claimed'")
    arrived = {message["to"] for message in jobs.send()}
    assert arrived == set(contacts) - {"joiner3@example.org"}
    assert f"claim message {bad} " in sql("SELECT message FROM alarms WHERE kind = 'refused-row'")[0].message


def test_a_sender_with_a_daily_cap_sends_no_more(jobs: Jobs) -> None:
    sql("UPDATE senders SET daily_cap = 5 WHERE provider = 'sendgrid'")
    sender_pool.read_anew()
    for n in range(9):
        ask(f"joiner{n}@example.org")
    assert len(jobs.send()) == 5
    assert sorted(sql("SELECT state, count(*) AS count FROM direct_messages GROUP BY 1")) == [
        ("accepted", 5), ("waiting", 4),
    ]  # fmt: skip
