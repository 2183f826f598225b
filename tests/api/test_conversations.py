"""Conversations by text message, row by row: in the domain, and through the signed webhook."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest

from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.delivery import sender_pool
from notify.inbound import messages
from tests import texting
from tests.api.test_hooks import TOKEN, twilio
from tests.factories import NOW

SENDER = "+15555550100"
SECTIONS = texting.sections()


def by_domain(now: datetime) -> Callable[[str, str, str], str | None]:
    seconds = count()

    def send(phone: str, words: str, reference: str) -> str | None:
        with transaction() as s:
            at = now + timedelta(seconds=next(seconds))
            return messages.receive(s, "twilio", Inbound(phone, SENDER, words, reference, ""), at).text

    return send


def by_webhook(door: httpx.Client) -> Callable[[str, str, str], str | None]:
    def send(phone: str, words: str, reference: str) -> str | None:
        form = {"MessageSid": reference, "From": phone, "To": SENDER, "Body": words}
        answer = twilio(door, "/hooks/twilio/inbound", form)
        assert answer.status_code == 200, answer.text
        return ElementTree.fromstring(answer.text).findtext("Message")  # noqa: S314  our own

    return send


def check(section: str, send: Callable[[str, str, str], str | None], now: datetime) -> None:
    texting.town(now)
    sender_pool.read_anew()
    wrong = [
        f"line {expected.line} {expected.text!r}\n  expected {expected.reply} | {expected.asked} | {expected.changed}\n"
        f"  found    {found.reply} | {found.asked} | {found.changed}"
        for talk in SECTIONS[section]
        for expected, found in texting.play(talk, send, now)
        if expected != found
    ]
    assert not wrong, "\n".join(wrong)


def test_the_table_has_at_least_250_rows_in_two_languages() -> None:
    rows = [row for talks in SECTIONS.values() for talk in talks for row in talk.rows]
    assert len(rows) >= 250
    assert sum(row.reply.startswith("es:") for row in rows) >= 60


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("section", SECTIONS)
def test_each_conversation_goes_as_the_table_says(section: str) -> None:
    check(section, by_domain(NOW), NOW)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_conversation_goes_the_same_through_the_signed_webhook(
    section: str, door: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("TOCSIN_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    check(section, by_webhook(door), datetime.now(UTC))
