"""What the page of an alert is told while it is open."""

import asyncio
from datetime import UTC, datetime

import httpx

from api.auth import Caller
from api.console.alert import live
from api.console.alert.watched import watched_alert
from notify.accounts import operators, sessions
from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api.test_approvals import credentials
from tests.waiting import until

__all__ = ["credentials"]


def newcomer() -> Caller:
    """An approver who has just signed in."""
    now = datetime.now(UTC)
    with transaction() as s:
        token = sessions.begin(s, factories.operator(s, "approver", now=now), "password", "a test", now)
    with transaction() as s:
        found = sessions.find(s, token, now, active=True)
    assert found is not None
    return Caller(found.operator, session=found)


def test_a_page_whose_reader_has_another_role_is_told_no_more(
    door: httpx.Client, city: datetime, credentials: None
) -> None:
    with transaction() as s:
        number = factories.alert_resolved(now=city)
    reader, since = newcomer(), datetime.now(UTC)

    def turned() -> bool:
        try:
            live.look(number, reader, "", since)
        except live.Turned:
            return True
        return False

    assert not turned()
    with transaction() as s:
        operators.change_role(s, reader.acting.email, "agent", since)
    until(turned, 60, "it is noticed")

    async def stream() -> list[object]:
        return [one async for one in live.events(number, reader)]

    assert asyncio.run(stream()) == [], "nothing more, and no word that it is over: the browser connects again"


def test_a_page_is_told_nothing_that_is_older_than_it(door: httpx.Client, city: datetime, credentials: None) -> None:
    """Or the form of the launch would be taken away from whoever has just opened it."""
    with transaction() as s:
        factories.sender(s, now=city)
        number = factories.alert_draft(s, now=city).id
    watched_alert(number).look()  # by somebody else, who watches the draft
    with transaction() as s:
        lifecycle.approve(s, number, factories.operator(s, "admin"), datetime.now(UTC), settings())
    reader, since = newcomer(), datetime.now(UTC)
    assert live.look(number, reader, "approved", since) == ("approved", {}, False)
    until(lambda: watched_alert(number).look().at > since, 60, "somebody has looked again")
    assert live.look(number, reader, "approved", since) == ("approved", {}, False)
    state, parts, over = live.look(number, reader, "draft", since)
    assert (state, sorted(parts), over) == ("approved", ["announcement", "numbers", "standing"], False)
