"""What operators are told about their own account by email, and that nothing is written where nothing can be mailed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from notify.accounts import codes, credentials, devices, inviting, operators, signing_in
from notify.core.db import transaction
from notify.models import Operator
from tests.database import sql
from tests.factories import NOW, operator, sender

pytestmark = pytest.mark.usefixtures("database")
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def letters() -> list[tuple[str, str]]:
    return [(row.kind, row.channel) for row in sql("SELECT kind, channel FROM direct_messages ORDER BY id")]


def joined(s: Session) -> Operator:
    """An operator with password and app, as somebody has who came by a link."""
    who = operators.add(s, "tom@example.gov", "author", NOW)
    token = inviting.invite(s, who.email, NOW)[1].partition("link=")[2]
    secret = codes.secret_for(token)
    credentials.join(s, token, "$argon2id$one", codes.pyotp.TOTP(secret).at(NOW), secret, NOW)
    return who


def use_recovery_code(s: Session, who: Operator) -> None:
    code = codes.new_recovery_codes(s, who, NOW)[0]
    assert credentials.use_code(s, credentials.require(s, who), code, NOW)


ACTS: dict[str, Callable[[Session, Operator], object]] = {
    "password": lambda s, who: credentials.change_password(s, who, "$argon2id$other", NOW),
    "recovery-code": use_recovery_code,
    "reset": lambda s, who: inviting.reset(s, who.email, NOW),
    "new-device": lambda s, who: signing_in.welcome(s, who, "password", "a device", AGENT, NOW),
}


@pytest.mark.parametrize("kind", ACTS)
def test_the_owner_is_told(kind: str) -> None:
    with transaction() as s:
        sender(s, "sendgrid")
        ACTS[kind](s, joined(s))
    assert letters() == [("app", "email"), (kind, "email")]


def test_joining_tells_of_the_app() -> None:
    with transaction() as s:
        sender(s, "sendgrid")
        joined(s)
    assert letters() == [("app", "email")]


def test_a_device_is_told_of_once() -> None:
    with transaction() as s:
        sender(s, "sendgrid")
        who = operator(s)
        for minutes in range(3):
            signing_in.welcome(s, who, "password", "a device", AGENT, NOW + timedelta(minutes=minutes))
        assert devices.keep(s, "another", who.id, NOW)
    assert letters() == [("new-device", "email")]
    assert "Firefox" in sql("SELECT text FROM direct_messages")[0].text


def test_without_an_email_sender_nothing_is_written_and_the_link_is_handed_over() -> None:
    with transaction() as s:
        sender(s, "twilio")
        who = joined(s)
        for act in ACTS.values():
            act(s, who)
        assert inviting.add(s, "new@example.gov", "author", NOW)[1].startswith("/console/join?link=")
    assert letters() == []


def test_an_invitation_by_mail_ends_the_link_before_it() -> None:
    with transaction() as s:
        new, _ = inviting.add(s, "new@example.gov", "author", NOW)
        sender(s, "sendgrid")
        assert inviting.invite(s, new.email, NOW, by_mail=True)[1] == ""
    assert letters() == [("invitation", "email")]
    assert sql("SELECT count(*) AS n FROM sign_in_links WHERE used_at IS NULL")[0].n == 0
