"""What is written to operators arrives at their phones and inboxes: each message once, and nothing of residents."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_client
from simulator_process import KEY, SID, TOKEN, Simulator
from sqlalchemy import text

from notify.accounts import contacts, inviting, links, operators
from notify.alerts import lifecycle, operator_letters
from notify.alerts.practice import own_tests
from notify.alerts.reporting import reports
from notify.channels.channel import CHANNELS
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import direct_messages, direct_outcomes, sender_pool, usage
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from tests.factories import alert_draft, operator, own_contact, resident, sender, zone
from tests.waiting import until

PHONE, MAIL = "+12155550199", "ann@example.org"
LATE_MOST = 10


class Sending:
    """The job, and what PostgreSQL knows."""

    def __init__(self, throttle: Throttle, transport: Transport) -> None:
        self._throttle, self._transport = throttle, transport

    def run(self) -> int:
        """Run the job, and again for a message that found no processor in its moment: how many were accepted."""
        sent = 0
        for _ in range(LATE_MOST):
            sender_pool.read_anew()
            sent += direct_messages.send(settings(), self._throttle, lambda: self._transport)
            if ("waiting", "") not in self.states().values():
                break
        return sent

    def look_up(self) -> int:
        return direct_outcomes.look_up(settings(), lambda: self._transport)

    def states(self) -> dict[str, tuple[str, str]]:
        with transaction() as s:
            rows = s.execute(text("SELECT channel, state, reason FROM direct_messages WHERE channel <> 'console'"))
            return {row.channel: (row.state, row.reason) for row in rows}


@pytest.fixture
def sending(
    database: str, redis: "redis_client.Redis", simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sending]:
    base = str(simulator.http.base_url).rstrip("/")
    given = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN, "SENDGRID_API_KEY": KEY, "SIMULATOR_URL": base}
    given["PUBLIC_URL"] = simulator.hooks.url
    for name, value in (given | {"TWILIO_BASE_URL": base, "SENDGRID_BASE_URL": base}).items():
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()
    transport = Transport(settings())
    yield Sending(Throttle(redis), transport)
    transport.close()
    settings.cache_clear()


def write(**draft: Any) -> int:
    """An emergency that asks Ann, who has a phone and an email."""
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        sender(s, "twilio", now=now)
        sender(s, "sendgrid", now=now)
        resident(s, phone="+12155550142", email="maria.lopez@example.org", now=now)
        ann = operator(s, "approver", MAIL, now=now)
        own_contact(s, ann, "sms", PHONE, now=now)
        own_contact(s, ann, "email", MAIL, now=now)
        return alert_draft(s, now=now, **draft).id


def sql(statement: str, **values: Any) -> None:
    with transaction() as s:
        s.execute(text(statement), values)


def test_an_ask_reaches_phone_and_inbox_once(sending: Sending, simulator: Simulator) -> None:
    alert = write()
    assert sending.run() == 2
    assert sending.run() == 0
    assert sending.states() == {"sms": ("accepted", ""), "email": ("accepted", "")}
    simulator.settle()
    arrived = simulator.accepted()
    assert sorted(one["to"] for one in arrived) == [PHONE, MAIL]
    for one in arrived:
        assert f"storm alert {alert}, Riverside" in str(one)
        assert f"/console/alerts/{alert}" in str(one)
        assert "maria" not in str(one)
        assert "2155550142" not in str(one)


def test_its_receipt_is_not_taken_for_one_of_a_delivery(sending: Sending, simulator: Simulator) -> None:
    write()
    sending.run()
    simulator.settle()
    told = [arrival for arrival in simulator.http.get("/_sim/requests").json() if "Messages" in arrival["path"]]
    assert all("twilio%2Fstatus%2F-" in arrival["body"] for arrival in told)
    assert told


def test_an_ask_is_not_sent_once_the_alert_is_stopped(sending: Sending, simulator: Simulator) -> None:
    alert = write()
    with transaction() as s:
        lifecycle.cancel(s, alert, None, datetime.now(UTC))
    assert sending.run() == 0
    assert simulator.accepted() == []
    assert sending.states()["sms"] == ("failed", "not-needed")


def test_one_of_unknown_outcome_is_never_sent_again(sending: Sending, simulator: Simulator) -> None:
    write()
    sql("UPDATE direct_messages SET state = 'claimed', claimed_at = :at WHERE channel = 'sms'",
        at=datetime.now(UTC) - timedelta(minutes=3))  # fmt: skip
    sql("UPDATE direct_messages SET state = 'claimed', claimed_at = now() WHERE channel = 'email'")
    assert sending.run() == 0
    assert sending.states() == {"sms": ("unknown", "not-recorded"), "email": ("claimed", "")}
    assert simulator.accepted() == []


def test_a_provider_that_refuses_for_now_is_asked_again(sending: Sending, simulator: Simulator) -> None:
    write()
    sql("DELETE FROM operator_contacts WHERE channel = 'email'")
    simulator.behave(twilio={"next_errors": [{"status": 429, "retry_after": 0}]})
    assert sending.run() == 0
    assert sending.states() == {"sms": ("waiting", "20429"), "email": ("failed", "no-contact")}
    assert sending.run() == 1
    assert [one["to"] for one in simulator.accepted()] == [PHONE]


def test_an_exercise_does_not_reach_a_real_provider(
    sending: Sending, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(status="Exercise")
    monkeypatch.delenv("TOCSIN_SIMULATOR_URL")
    settings.cache_clear()
    assert sending.run() == 0
    assert simulator.accepted() == []
    assert sending.states() == {"sms": ("failed", "exercise"), "email": ("failed", "exercise")}


def test_what_cannot_be_sent_does_not_stand_before_what_can(sending: Sending, simulator: Simulator) -> None:
    alert, now = write(status="Test"), datetime.now(UTC)  # of a test nobody is asked
    with transaction() as s:
        crowd = [operator(s, "approver", f"p{n}@example.org", now=now) for n in range(direct_messages.AT_ONCE)]
        for n, one in enumerate(crowd):
            own_contact(s, one, "sms", f"+1215555{1000 + n}", now=now)
        ann, about = operator(s, "approver", MAIL, now=now), reports.find_alert(s, alert)
        for people in (crowd, [ann]):
            operator_letters.write(s, "break-glass", about, people, 1, now, author="x", reason="y")
    sql("UPDATE senders SET status = 'stopped' WHERE channel = 'sms'")
    until(lambda: sending.run() == 1, 60, "the email goes")
    assert [one["to"] for one in simulator.accepted()] == [MAIL]


def test_the_ask_of_an_emergency_goes_before_older_letters(
    sending: Sending, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(status="Test")
    monkeypatch.setattr(direct_messages, "AT_ONCE", 1)
    now, tom = datetime.now(UTC), "+12155550177"
    with transaction() as s:
        contacts.add(s, operator(s, "author", now=now), "sms", tom, now)  # a code, older than the ask
        alert_draft(s, now=now)
    until(lambda: sending.run() >= 0 and len(simulator.accepted()) == 3, 60, "all go")
    texts = [one["to"] for one in simulator.accepted() if one["to"] != MAIL]
    assert texts == [PHONE, tom]


def test_two_jobs_at_once_send_it_once(sending: Sending, simulator: Simulator) -> None:
    write()
    with ThreadPoolExecutor(4) as all_at_once:
        list(all_at_once.map(lambda _: sending.run(), range(4)))
    assert len(simulator.accepted()) == 2


def test_a_code_and_a_test_reach_their_operator_and_nobody_else(sending: Sending, simulator: Simulator) -> None:
    alert, now = write(status="Test", channels=("sms", "email")), datetime.now(UTC)  # of a test nobody is asked
    with transaction() as s:
        tom = operator(s, "author", now=now)
        contacts.add(s, tom, "sms", "+12155550177", now)
        ann = operator(s, "approver", MAIL, now=now)
        assert own_tests.send(s, alert, ann, now, settings()) == 4  # two channels in two languages
    assert sending.run() == 5
    simulator.settle()
    arrived = simulator.accepted()
    assert sorted(one["to"] for one in arrived) == ["+12155550177", PHONE, PHONE, MAIL, MAIL]
    assert sum("TEST" in str(one) for one in arrived) == 4
    assert "is your code" in str(next(one for one in arrived if one["to"] == "+12155550177"))


def test_a_code_is_made_when_it_is_sent_and_stored_nowhere(sending: Sending, simulator: Simulator) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, "twilio", now=now)
        tom = operator(s, "author", now=now)
        contacts.add(s, tom, "sms", PHONE, now)
    sending.run()
    (arrived,) = simulator.accepted()
    code = re.search(r"\b(\d{6}) is your code", str(arrived))
    assert code is not None
    with transaction() as s:
        (kept,) = s.execute(text("SELECT subject, text FROM direct_messages")).all()
        assert code[1] not in f"{kept.subject} {kept.text}"
        contacts.confirm(s, operator(s, "author", now=now), "sms", code[1], datetime.now(UTC))


def test_an_invitation_is_mailed_with_a_link_that_works(sending: Sending, simulator: Simulator) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, "sendgrid", now=now)
        assert inviting.add(s, "new@example.gov", "author", now)[1] == ""
    assert sending.run() == 1
    (arrived,) = simulator.accepted()
    assert arrived["to"] == "new@example.gov"
    token = re.search(r"/console/join\?link=([\w-]+)", str(arrived))
    assert token is not None
    with transaction() as s:
        assert links.find(s, token[1], "join", datetime.now(UTC)).email == "new@example.gov"
        assert token[1] not in s.scalars(text("SELECT text FROM direct_messages")).one()
        acts = s.scalars(text("SELECT action FROM audit WHERE subject = 'operator'")).all()
    assert acts == ["add"], "the link that is mailed is no act of its own"


def test_an_invitation_is_not_mailed_to_somebody_who_was_disabled(sending: Sending, simulator: Simulator) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, "sendgrid", now=now)
        new, _ = inviting.add(s, "new@example.gov", "author", now)
        operators.disable(s, new.email, now)
    assert sending.run() == 0
    assert sending.states() == {"email": ("failed", "no-contact")}
    assert simulator.accepted() == []


def unknown(channel: str, minutes: float = 1) -> None:
    """What was posted a minute ago, of which nobody knows whether it arrived."""
    sql(
        """UPDATE direct_messages SET state = 'unknown', reason = 'timeout', reference = '', settled_at = :at,
                  claimed_at = coalesce(claimed_at, :at), sender_id = coalesce(sender_id,
                      (SELECT id FROM senders x WHERE x.channel = direct_messages.channel))
            WHERE channel = :channel""",
        channel=channel,
        at=datetime.now(UTC) - timedelta(minutes=minutes),
    )


def test_what_the_provider_has_was_sent(sending: Sending, simulator: Simulator) -> None:
    write()
    sending.run()
    unknown("sms")
    assert sending.look_up() == 1
    assert sending.states()["sms"] == ("accepted", "")
    sending.run()
    assert [one["to"] for one in simulator.accepted()].count(PHONE) == 1


def test_what_the_provider_never_had_is_sent(sending: Sending, simulator: Simulator) -> None:
    write()
    unknown("sms")
    assert sending.look_up() == 1
    assert sending.states()["sms"] == ("waiting", "not-taken")
    sending.run()
    assert [one["to"] for one in simulator.accepted()].count(PHONE) == 1


def test_what_cannot_be_asked_about_says_so_and_is_not_sent_again(sending: Sending, simulator: Simulator) -> None:
    write()
    unknown("email")
    sending.look_up()
    sending.look_up()
    sending.run()
    assert sending.states()["email"] == ("unknown", "outcome-unknown")
    assert MAIL not in [one["to"] for one in simulator.accepted()]


def test_what_operators_were_sent_counts_in_the_daily_cap(sending: Sending) -> None:
    write()
    sending.run()
    with transaction() as s:
        (row,) = s.execute(text("SELECT sender_id, cost, text FROM direct_messages WHERE channel = 'sms'")).all()
    today = datetime.now(usage.CAP_DAY).date()
    assert row.cost == CHANNELS["sms"].cost(row.text) > 1
    assert usage.used_on(row.sender_id, today) == row.cost
    sql("UPDATE direct_messages SET state = 'failed' WHERE channel = 'sms'")
    assert usage.used_on(row.sender_id, today) == row.cost, "the provider had taken it"
    sql("UPDATE direct_messages SET reference = '' WHERE channel = 'sms'")
    assert usage.used_on(row.sender_id, today) == 0
