"""What the page of an alert is told while it is open."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from api.auth import Caller
from api.console.alert import live, watched
from api.console.alert.watched import Look, watched_alert
from notify.accounts import operators, sessions
from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
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
            asyncio.run(live.look(number, reader, "", since))
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
    assert asyncio.run(live.look(number, reader, "approved", since)) == ("approved", {}, False)
    until(lambda: watched_alert(number).look().at > since, 60, "somebody has looked again")
    assert asyncio.run(live.look(number, reader, "approved", since)) == ("approved", {}, False)
    state, parts, over = asyncio.run(live.look(number, reader, "draft", since))
    assert (state, sorted(parts), over) == ("approved", ["announcement", "gist", "numbers", "standing"], False)


def test_all_who_watch_share_each_look_and_one_who_leaves_takes_it_from_nobody(city: datetime) -> None:
    number = factories.alert_resolved(now=city)

    async def watch() -> tuple[Look, list[Look]]:
        alert = watched_alert(number)
        first, *others = [asyncio.create_task(alert.next_look()) for _ in range(20)]
        await asyncio.sleep(0)  # all of them wait
        first.cancel()
        return await alert.next_look(), await asyncio.gather(*others)

    look, looks = asyncio.run(watch())
    assert [one is look for one in looks] == [True] * 19


def test_looks_begin_on_time_however_long_a_reader_takes(city: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK_S", 0.3)
    number = factories.alert_resolved(now=city)

    async def watch() -> list[datetime]:
        moments = []
        for _ in range(10):
            moments.append((await watched_alert(number).next_look()).at)
            await asyncio.sleep(0.2)  # as if to render and send it
        return moments

    pauses = [late - early for early, late in pairwise(asyncio.run(watch())) if late > early]  # not one seen twice
    assert min(pauses) < timedelta(seconds=0.45), "0.3 s apart, and not 0.3 s after the work: 0.5 s"


def test_a_look_sees_what_was_just_done_and_soon_what_was_done_elsewhere(
    city: datetime, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_SENDGRID_API_KEY", "a key")
    settings.cache_clear()
    number = factories.alert_resolved(now=city)
    alert = watched_alert(number)
    assert alert.look().shown.follow.channels == ()
    monkeypatch.setattr(watched, "ALL_AFTER", timedelta(seconds=0.2))
    with transaction() as s:
        factories.sender(s, "sendgrid", now=city)
    until(lambda: alert.look().shown.follow.channels, 60, "another channel can be used")
    monkeypatch.setattr(watched, "ALL_AFTER", timedelta(hours=1))
    with transaction() as s:
        lifecycle.pause(s, number, factories.operator(s, "approver"), datetime.now(UTC))
    done = datetime.now(UTC)
    look = until(lambda: (one := alert.look()).at > done and one, 60, "a look")
    assert (look.shown.alert.state, look.shown.steps[-1].action) == ("paused", "pause")


def delivered(html: str) -> int:
    """What the part with the numbers says."""
    return int(re.findall(r'<data id="count-delivered" value="(\d+)"', html)[0])


def reached(html: str) -> int:
    """The sum over the zones."""
    return sum(int(n.replace(",", "")) for n in re.findall(r'data-label="Reached[^"]*"><b>([\d,]+)</b>', html))


def test_the_zones_are_counted_with_the_other_numbers(door: httpx.Client, city: datetime, credentials: None) -> None:
    """Or the page says that nobody was reached beside so many delivered messages."""
    number, reader = factories.alert_resolved(now=city), newcomer()
    _, parts, _ = asyncio.run(live.look(number, reader, "sending", city))
    assert (delivered(parts["numbers"]), reached(parts["zones"])) == (0, 0)
    assert ("It ends" in parts["gist"], "launched now" in parts["gist"]) == (True, False)
    asked.do("""UPDATE deliveries SET state = 'delivered', reason = NULL, sent_at = now(), settled_at = now()
                 WHERE batch_id IS NOT NULL""")  # one contact of each resident
    seen = {(0, 0)}

    def finished() -> bool:
        _, parts, _ = asyncio.run(live.look(number, reader, "sending", city))
        seen.add((delivered(parts["numbers"]), reached(parts["zones"])))
        return len(seen) > 1

    until(finished, 60, "the page is told")
    written_to = asked.number("SELECT count(*) FROM deliveries WHERE batch_id IS NOT NULL")
    assert seen == {(0, 0), (written_to, written_to)}
    with transaction() as s:
        agent = sessions.begin(s, factories.operator(s, "agent"), "password", "a test", datetime.now(UTC))
    with transaction() as s:
        found = sessions.find(s, agent, datetime.now(UTC), active=True)
    assert found is not None
    until(lambda: found.id in watched_alert(number).look().sessions, 60, "the agent is known")
    assert "zones" not in asyncio.run(live.look(number, Caller(found.operator, session=found), "sending", city))[1]
