"""The desk's page of outages: what follows, what would be sent, and what the public sees of it."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.factories import square

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def desk(at_desk: Desk) -> httpx.Client:
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, now=now)
        factories.zone(s, "Harbor", square(1.001, 0.0), now=now)
        factories.sender(s, now=now)
    return at_desk("author")


def local(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).astimezone(settings().tz).strftime("%Y-%m-%dT%H:%M")


def reported(desk: httpx.Client, **more: str) -> str:
    """The address of a new outage."""
    answer = desk.post("/desk/outages", data={"utility": "power", "zone.custom:Riverside": "on", **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def send_all() -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        approver = factories.operator(s, "approver", now=now)
        for row in asked.rows("SELECT id FROM alerts WHERE state = 'draft' ORDER BY id"):
            lifecycle.approve(s, row.id, approver, now, allowed)
            lifecycle.launch(s, row.id, None, now)


def test_an_estimate_that_will_not_be_sent_says_so_first(desk: httpx.Client) -> None:
    there = reported(desk, back_at=local(3))
    page = desk.get(there).text
    assert "waits to be approved" in page
    assert "In the message that waits" in page
    assert "The message that waits says" in page
    assert "As told" not in page
    send_all()
    page = desk.get(there).text
    assert "As told" in page
    assert "Power is out in Riverside." in page, "what residents were told last"
    assert "is recorded, not sent" in page, "on a button with a time that is near"
    assert "is sent" in page
    near = desk.post(f"{there}/estimate", data={"back_at": local(3.2), "do": "look"})
    assert "is not sent: residents were told" in near.text
    assert asked.number("SELECT count(*) FROM outage_steps") == 1, "it was only looked at"
    assert desk.post(f"{there}/estimate", data={"back_at": local(3.2)}).status_code == 303
    assert asked.number("SELECT count(*) FROM alerts") == 1
    assert "Recorded, not sent." in desk.get(there).text
    far = desk.post(f"{there}/estimate", data={"back_at": local(5), "do": "look"})
    assert "is sent: an update is drafted." in far.text
    desk.post(f"{there}/estimate", data={"back_at": local(5)})
    assert asked.number("SELECT count(*) FROM alerts") == 2


def in_public(desk: httpx.Client, language: str = "en") -> str:
    """What the public pages say of outages; "" for nothing."""
    found = [
        re.search(r'aria-labelledby="outages-title".*?</section>', desk.get(f"{at}?lang={language}").text, re.DOTALL)
        for at in ("/", "/alerts")
    ]
    landing, alerts = (" ".join(re.sub("<[^>]+>", "", each[0]).split()) if each else "" for each in found)
    assert landing == alerts
    return landing


def test_the_public_sees_only_what_was_approved_and_sent(desk: httpx.Client) -> None:
    there = reported(desk, **{"cause.en": "An angry squirrel", "cause.es": "Una ardilla"})
    assert in_public(desk) == "", "nobody was told yet"
    send_all()
    assert "nobody knows yet when service will be back" in in_public(desk)
    desk.post(f"{there}/estimate", data={"back_at": local(30)})
    assert "nobody knows yet when service will be back" in in_public(desk), "the update waits"
    send_all()
    assert "el servicio debe volver antes de" in in_public(desk, "es")
    before = in_public(desk)
    desk.post(f"{there}/estimate", data={"back_at": local(30.2)})
    assert in_public(desk) == before, "recorded, not sent"
    typed = {"called.en": "the mayor's fault", "called.es": "la culpa del alcalde"}
    grown = desk.post(f"{there}/grow", data={"around": "1.5, 0.5, 200 m", **typed})
    assert grown.status_code == 303, grown.text
    assert "fault" in desk.get(there).text
    assert in_public(desk) == before, "nobody else has read the name of the added part"
    send_all()
    assert "Riverside and the mayor's fault" in html.unescape(in_public(desk))
    desk.post(f"{there}/restore")
    assert in_public(desk), "the all-clear waits"
    send_all()
    assert in_public(desk) == ""


def test_what_was_stopped_or_closed_is_not_public(desk: httpx.Client) -> None:
    there = reported(desk, begins_at=local(80), back_at=local(84))
    send_all()
    assert "planned work from" in in_public(desk)
    desk.post(f"{there}/postpone")
    assert "planned work from" in in_public(desk), "residents do not know yet"
    send_all()
    assert "planned work is postponed" in in_public(desk)
    desk.post(f"{there}/close")
    assert in_public(desk) == "", "nothing needs to be told of that"
    other = reported(desk)
    send_all()
    assert "Riverside" in in_public(desk)
    with transaction() as s:
        (alert,) = asked.rows("SELECT max(id) AS id FROM alerts")
        lifecycle.cancel(s, alert.id, factories.operator(s, "approver"), datetime.now(UTC))
    assert in_public(desk) == ""
    assert desk.get(other).status_code == 200


def test_planned_work_is_moved_and_its_area_grows(desk: httpx.Client) -> None:
    there = reported(desk, begins_at=local(80), back_at=local(84))
    page = desk.get(there).text
    assert "is the reminder for" in page
    assert "It goes out by itself once it is approved and launched." in page
    answer = desk.post(f"{there}/postpone", data={"begins_at": local(104), "back_at": local(108)})
    assert answer.status_code == 303, answer.text
    answer = desk.post(f"{there}/grow", data={"zone.custom:Harbor": "on"})
    assert answer.status_code == 303, answer.text
    page = desk.get(there).text
    assert "Power outage: Riverside and Harbor" in page
    assert "Riverside and Harbor" in desk.get("/desk/outages").text
    assert desk.post(f"{there}/postpone").status_code == 303
    assert desk.post(f"{there}/close").status_code == 303
    assert not re.search(r"<button id=\"(restore|begin|move|close)", desk.get(there).text)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"utility": "power"}, "Where is it?"),
        ({"utility": "steam", "zone.custom:Riverside": "on"}, "must be one of"),
        ({"utility": "power", "zone.custom:Riverside": "on", "back_at": "soon"}, "is not a time"),
        ({"utility": "power", "zone.custom:Nowhere": "on"}, "Nowhere"),
    ],
)
def test_what_is_wrong_is_said(desk: httpx.Client, fields: dict[str, str], said: str) -> None:
    answer = desk.post("/desk/outages", data=fields)
    assert answer.status_code in (404, 422), answer.text
    assert said in answer.text


def test_acts_that_do_not_follow(desk: httpx.Client) -> None:
    there = reported(desk)
    assert desk.post(f"{there}/begin", data={"back_at": local(3)}).status_code == 409
    assert desk.post(f"{there}/explode").status_code == 404
    assert desk.get("/desk/outages/99").status_code == 404
