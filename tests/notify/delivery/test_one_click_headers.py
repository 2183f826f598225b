"""RFC 8058, section 3.1, sentence by sentence: what stands in the header of each email to a resident.

Section 4 requires a DKIM signature that covers both headers. The provider signs what it sends for an authenticated
domain; no test of ours can show that (docs/my-data.md says how to look).
"""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_client
from sqlalchemy import text

from notify.core import crypto
from notify.core.db import transaction
from notify.delivery import direct_messages, sender_pool
from notify.delivery.requests import unsubscribe_url
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Topic
from notify.service311.outputs import by_mail
from notify.subscribers import consent, holdings, joining, self_tests
from tests.database import sql
from tests.factories import resident, sender, zone
from tests.notify.conftest import Providers
from tests.notify.delivery.test_send_batch import resolved, send
from tests.notify.service311 import days

Mail = dict[str, Any]
MARIA = "maria.lopez@example.org"


@pytest.fixture
def alerts(database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport) -> list[Mail]:
    (batch,) = resolved("email", 3)
    send(batch, providers, transport, redis)
    return providers.received()


def direct(providers: Providers, transport: Transport, client: Any) -> list[Mail]:
    for whose in (direct_messages.JOINERS, direct_messages.ASKED):
        direct_messages.send(providers.settings(), Throttle(client), lambda: transport, whose)
    return providers.received()


def links(mails: list[Mail]) -> list[str]:
    return [mail["headers"]["List-Unsubscribe"] for mail in mails]


def token_of(link: str) -> str:
    return link.strip("<>").rpartition("/u/")[2]


def test_one_list_unsubscribe_and_one_post_header_stand_in_each_message(alerts: list[Mail]) -> None:
    """A sender who wants one-click places one List-Unsubscribe and one List-Unsubscribe-Post in the message."""
    assert len(alerts) == 3
    for mail in alerts:
        names = [name.lower() for name in mail["headers"]]
        assert names.count("list-unsubscribe") == names.count("list-unsubscribe-post") == 1


def test_list_unsubscribe_contains_one_uri_of_the_citys_own_address(alerts: list[Mail], providers: Providers) -> None:
    """List-Unsubscribe must contain one HTTPS URI: that of TOCSIN_PUBLIC_URL, and no other."""
    for link in links(alerts):
        assert re.fullmatch(rf"<{re.escape(providers.settings().public_url)}/u/[\w-]+>", link)
    secure = providers.settings().model_copy(update={"public_url": "https://alerts.example.org"})
    assert unsubscribe_url(secure, 1, "storm").startswith("https://alerts.example.org/u/")


def test_the_post_header_is_exactly_one_pair(alerts: list[Mail]) -> None:
    """List-Unsubscribe-Post must contain the single pair List-Unsubscribe=One-Click."""
    assert {mail["headers"]["List-Unsubscribe-Post"] for mail in alerts} == {"List-Unsubscribe=One-Click"}


def test_the_uri_identifies_the_recipient_and_the_list(alerts: list[Mail]) -> None:
    """The URI must identify recipient and list: one-click cannot ask which address or list is meant."""
    for mail, link in zip(alerts, links(alerts), strict=True):
        with transaction() as s:
            about = consent.describe_unsubscribe(s, token_of(link))
        assert about.topic == Topic.STORM
        assert about.masked[-12:] == mail["to"][-12:]
    assert len(set(links(alerts))) == 3


def test_the_uri_is_opaque_and_hard_to_forge(alerts: list[Mail]) -> None:
    """The URI should include an opaque or hard-to-forge component, and the server should verify it."""
    for mail, link in zip(alerts, links(alerts), strict=True):
        assert mail["to"].partition("@")[0] not in link
        assert crypto.read_token("unsubscribe", token_of(link))
    assert crypto.sign_token("another purpose", "1.storm") not in links(alerts)


def join(now: datetime) -> str:
    with transaction() as s:
        zone(s)
        sender(s, "sendgrid")
    sender_pool.read_anew()
    with transaction() as s:
        wish = joining.Wish(0.5, 0.5, "home", "1 Main St")
        return joining.begin(s, MARIA, wish, language="en", words="", network="", now=now)


def test_a_welcome_has_it_for_everything_and_a_code_has_none(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    """A code is transactional: it answers a request, perhaps before there is a resident, and comes after an opt-out."""
    now = datetime.now(UTC)
    page = join(now)
    (code,) = direct(providers, transport, redis)
    assert "List-Unsubscribe" not in code["headers"]
    with transaction() as s:
        joined = joining.confirm(s, page, code["body"].split("code is ")[1][:6], datetime.now(UTC))
    _, welcome = direct(providers, transport, redis)
    assert welcome["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert welcome["body"].endswith(f"Stop these emails: {welcome['headers']['List-Unsubscribe'].strip('<>')}")
    assert "rates" not in welcome["body"], "those are of texts"
    with transaction() as s:
        about = consent.unsubscribe(s, token_of(welcome["headers"]["List-Unsubscribe"]), now=now)
    assert (about.topic, about.done) == (None, True)
    assert sql("SELECT topic, reason FROM suppressions") == [(None, "opt-out")]
    assert joined.is_new


def test_a_test_that_residents_send_to_themselves_has_it_too(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, "sendgrid", now=now)
        maria = resident(s, phone=None, email=MARIA, language="es", now=now)
    sender_pool.read_anew()
    with transaction() as s:
        self_tests.send(s, maria.id, maria.mail or 0, now)
    (mail,) = direct(providers, transport, redis)
    assert mail["subject"].startswith("Prueba: ")
    assert "PRUEBA" in mail["body"]
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with transaction() as s:
        last = self_tests.last(s, maria.id)
    assert last is not None
    assert last.became.startswith("Your phone company or mail provider has taken it.")


def test_the_calendar_of_a_year_has_it_too_and_only_its_email_names_the_place(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    now = datetime.now(UTC)
    days.settle(now)
    with transaction() as s:
        sender(s, "sendgrid", now=now)
        maria, bob = (resident(s, phone=None, email=mail, now=now) for mail in (MARIA, "bob@example.org"))
    sender_pool.read_anew()
    at = by_mail.Spot(*days.NORTH, "120 Main St")
    with transaction() as s:
        for one in (maria, bob):
            by_mail.send(s, one.id, one.mail or 0, at, now)
        consent.opt_out(s, "email", "bob@example.org", how="a test", now=now)
    (mail,) = direct(providers, transport, redis)
    assert mail["subject"] == "Your collection days for the year ahead"
    assert mail["body"].startswith("Collection days: 120 Main St")
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not [row for row in sql("SELECT text FROM direct_messages") if "Main St" in row.text]
    with transaction() as s:
        held = holdings.read(s, maria.id, now)["sealed_words"]
    assert [one["kept"]["place"] for one in held] == ["120 Main St"]


def test_a_test_goes_out_in_quiet_hours_too(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, "sendgrid", now=now)
        maria = resident(s, phone=None, email=MARIA, now=now)
        s.execute(
            text("""INSERT INTO choices (subscriber_id, quiet_from, quiet_to, timezone)
                    VALUES (:id, '00:00', '23:59:59', 'UTC')"""),
            {"id": maria.id},
        )
    sender_pool.read_anew()
    with transaction() as s:
        self_tests.send(s, maria.id, maria.mail or 0, now)
    assert len(direct(providers, transport, redis)) == 1


def test_a_test_is_not_sent_to_who_left_meanwhile(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        sender(s, "sendgrid", now=now)
        maria = resident(s, phone=None, email=MARIA, now=now)
    sender_pool.read_anew()
    with transaction() as s:
        self_tests.send(s, maria.id, maria.mail or 0, now)
    with transaction() as s:
        consent.opt_out(s, "email", MARIA, how="a test", now=now)
    assert direct(providers, transport, redis) == []
