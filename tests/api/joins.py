"""Somebody who joins on the web, as the tests of joining play them."""

from datetime import UTC, datetime

import httpx
from sqlalchemy import text

from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import join_codes, sender_pool
from tests import factories

PHONE, MAIL = "+12155550142", "maria.lopez@example.org"
HOME = "0.5 0.5 120 Main St"


def city_that_sends() -> None:
    with transaction() as s:
        factories.zone(s)
        factories.sender(s, "twilio")
        factories.sender(s, "sendgrid")
    sender_pool.read_anew()


def sent_code() -> str:
    """What the newest message says, as the job makes it at the moment in which it is sent."""
    with transaction() as s:
        number = s.execute(text("SELECT max(joining_id) FROM direct_messages WHERE kind = 'join-code'")).scalar_one()
        code = join_codes.new_code(s, number, "", datetime.now(UTC))
    assert code is not None
    return code


def sent_link() -> str:
    """The path of the link in the newest message."""
    with transaction() as s:
        number = s.execute(text("SELECT max(joining_id) FROM direct_messages WHERE kind = 'join-code'")).scalar_one()
        made = join_codes.new_secrets(s, number, "", datetime.now(UTC))
    assert made is not None
    return made[join_codes.LINK].removeprefix(settings().public_url)


def form(door: httpx.Client, path: str, **fields: object) -> httpx.Response:
    return door.post(path, data=fields, headers={"Origin": settings().public_url}, follow_redirects=False)


def begin(door: httpx.Client, contact: str = PHONE, **fields: object) -> str:
    answer = form(door, "/join?lang=en", contact=contact, **({"place": HOME} | fields))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].split("?")[0]


def join(door: httpx.Client, contact: str = PHONE, **fields: object) -> httpx.Response:
    page = begin(door, contact, **fields)
    entered = form(door, f"{page}?lang=en", code=sent_code())
    assert entered.status_code == 303, entered.text
    return door.get(entered.headers["location"])
