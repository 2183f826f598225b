"""Now says about how many messages a draft would be, and never waits for the count."""

import re
from collections.abc import Callable
from datetime import datetime
from time import perf_counter

import httpx
import pytest

from api.console import draft_sizes
from api.console.alert import alert_view
from notify.core.db import transaction
from tests import factories
from tests.api.test_now import part
from tests.waiting import until

Desk = Callable[[str], httpx.Client]


def test_a_draft_says_how_many_messages_it_would_be(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
    desk = at_desk("approver")
    until(lambda: "about 30 messages" in part(desk.get("/console").text, "waiting"), 20, "the draft's size on Now")
    assert alert_view.reached(draft, city).by_channel == {"sms": 28}  # a rounded number reveals no home
    assert "messages" not in part(at_desk("author").get("/console").text, "drafts")


def test_a_size_that_is_counted_later_comes_with_the_stream(at_desk: Desk, city: datetime) -> None:
    client = at_desk("approver")
    factories.alert_launched(now=city)
    stream_of = re.search(r'sse-connect="([^"]+)"', client.get("/console").text)
    assert stream_of is not None
    with client.stream("GET", stream_of[1]) as stream:
        with transaction() as s:
            factories.alert_draft(s, now=city)
        began_s = perf_counter()
        assert any("about 30 messages" in line for line in stream.iter_lines())
    assert perf_counter() - began_s < 15, "it came with the next minute"


@pytest.mark.parametrize(("messages", "told"), [(0, 0), (7, 7), (10, 10), (57, 60), (1_234, 1_200), (987_654, 990_000)])
def test_the_size_of_a_draft_is_rounded(messages: int, told: int) -> None:
    assert draft_sizes.rounded(messages) == told
